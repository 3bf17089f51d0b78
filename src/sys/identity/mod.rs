//! `identity/`: entities, groups, their aliases, and identity tokens.

pub mod aliases;
pub mod entities;
pub mod group_aliases;
pub mod groups;
pub mod lookup;
pub mod oidc;
mod show;

use std::sync::Arc;

use crate::api::field::{Field, FieldInfo};
use crate::api::route::{Access, Operation, Route};
use crate::barrier::txn::{Scope, Txn};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::mount::store::MountStore;
use crate::mount::table::MountTable;

/// What these endpoints are given.
#[derive(Clone)]
pub struct Identity {
    /// Tells which accessors there are.
    pub mounts: Arc<MountStore>,
    /// For ids and names.
    pub entropy: Arc<dyn Entropy>,
}

/// Where these endpoints are, and the mount that everything lies in.
pub const PREFIX: &str = "identity/";

static ID: Field<String> = Field::new("id", "The id; makes a write change what has it.");
static NAME: Field<String> = Field::new("name", "The name; matched without regard to case.");

/// What can be done at a path.
type Operations = &'static [Operation<Identity>];

impl Identity {
    /// The mounts, and the part of the store in which all of identity lies.
    fn open<'t>(&self, txn: &'t mut Txn) -> Result<(Arc<MountTable>, Scope<'t>), Fault> {
        let mounts = self.mounts.read(txn)?;
        match mounts.at(PREFIX).map(|mount| mount.id) {
            Some(id) => Ok((mounts, txn.scope(id))),
            None => Err(Fault::internal("the mount table lacks identity/")),
        }
    }
}

/// Whether the mount of an accessor is local; `None` where there is none.
fn is_local(mounts: &MountTable, accessor: &str) -> Option<bool> {
    mounts.by_accessor(accessor).map(|mount| mount.local)
}

const fn route(
    path: &'static str,
    synopsis: &'static str,
    fields: &'static [&'static FieldInfo],
    operations: Operations,
) -> Route<Identity> {
    Route { path, synopsis, description: "", fields, access: Access::Policy, operations }
}
