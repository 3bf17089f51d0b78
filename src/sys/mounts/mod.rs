//! `sys/mounts` and `sys/remount`: where the secrets engines are. `sys/auth` is its twin: what
//! both do is done here, in the words of either.

mod anew;
mod config;
mod enable;
pub mod fields;
mod lockout;
mod remount;
mod shown;
mod table;
mod tune;
pub mod ui;

use std::sync::Arc;

pub use self::anew::recover as refuse_to_recover;
pub use self::enable::{disable, enable};
pub use self::shown::{list, read, tuning};
pub use self::table::Table;
pub use self::tune::{read as read_tuning, recover as recover_tuning, write as tune};
use super::undo::Undo;
use crate::api::ask::Verb;
use crate::api::engine::Bound;
use crate::api::route::{Access, Operation, Route};
use crate::barrier::txn::Txn;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::record::Record;
use crate::mount::config::Ttls;
use crate::mount::store::MountStore;
use crate::mount::table::Mount;
use crate::quota::limiter::Quotas;

/// What these endpoints are given.
#[derive(Clone)]
pub struct Mounts {
    /// Reads and changes the table.
    pub store: Arc<MountStore>,
    /// Moves with the mounts.
    pub quotas: Arc<Quotas>,
    /// For ids.
    pub entropy: Arc<dyn Entropy>,
    /// The system's TTLs.
    pub ttls: Ttls,
    /// Keeps what goes with a mount.
    pub undo: Undo,
}

/// The endpoints with their service.
pub fn engine(service: Mounts) -> Bound<Mounts> {
    Bound::new("What is mounted where.", ROUTES, service)
}

/// The longest record of a mount, in bytes: the table is held in memory.
const MAX_MOUNT: usize = 64 << 10;

impl Mounts {
    /// Puts a mount into the table; the caller has looked for conflicts.
    fn save(&self, txn: &mut Txn, mount: Mount) -> Result<(), Fault> {
        if mount.encode().len() > MAX_MOUNT {
            return Err(Fault::bad_request(format!(
                "a mount's description, options and configuration are at most {} KiB long together",
                MAX_MOUNT >> 10
            )));
        }
        Ok(self.store.put(txn, mount)?)
    }
}

/// Of a recovery.
pub const INSTEAD: &str = "Says what to do instead.";

const ROUTES: &[Route<Mounts>] = &[
    Route {
        path: "mounts",
        synopsis: "List the mounted engines.",
        description: "Each mount's path with its type, options and configuration.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List all mounts.", |mounts, call| {
            list(Table::Secrets, mounts, call)
        })
        .stored()],
    },
    Route {
        path: "mounts/{path+}/tune",
        synopsis: "Read or change what can be set of a mount.",
        description: "What is not sent stays as it is.",
        fields: fields::OF_TUNING,
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read it, with the TTLs that hold.", |mounts, call| {
                read_tuning(Table::Secrets, mounts, call)
            })
            .stored(),
            Operation::system(Verb::Write, "Change it.", |mounts, call| {
                tune(Table::Secrets, mounts, call)
            }),
            Operation::recover_system("Bring it back.", |mounts, call, then| {
                recover_tuning(Table::Secrets, mounts, call, then)
            }),
        ],
    },
    Route {
        path: "mounts/{path+}",
        synopsis: "Mount, read or unmount an engine.",
        description: "A mount's path may have several parts; none lies inside another.",
        fields: fields::OF_ENABLING,
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a mount.", |mounts, call| {
                read(Table::Secrets, mounts, call)
            })
            .stored(),
            Operation::system(Verb::Write, "Mount an engine.", |mounts, call| {
                enable(Table::Secrets, mounts, call)
            }),
            Operation::recover_system(INSTEAD, |mounts, call, then| {
                refuse_to_recover(Table::Secrets, mounts, call, then)
            }),
            Operation::system(Verb::Delete, "Unmount it and delete its data.", |mounts, call| {
                disable(Table::Secrets, mounts, call)
            }),
        ],
    },
    Route {
        path: "remount",
        synopsis: "Move a mount to another path.",
        description: "Its data stays where it is, its leases and tokens end, and policies keep the \
                      old path.",
        fields: &[&fields::FROM.info, &fields::TO.info],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Write, "Move a mount.", remount::start)],
    },
    Route {
        path: "remount/status/{migration_id}",
        synopsis: "Read how a move went.",
        description: "The last moves are known by the ids that they were answered with.",
        fields: &[&fields::MIGRATION.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Read it.", remount::status)],
    },
];
