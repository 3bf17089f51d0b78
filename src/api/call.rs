//! What a handler is given.

use serde_json::{Map, Value};

use super::ask::Ask;
use super::effect::Done;
use super::field::Fields;
use crate::barrier::txn::{Scope, Txn};

/// The mount that a request came through, as an engine may see it.
#[derive(Default)]
pub struct MountView {
    /// Its path, with a slash at the end; an auth method's begins with `auth/`.
    pub path: String,
    /// By which clients and aliases name it.
    pub accessor: String,
    /// Seconds that a lease lasts when nothing else says so.
    pub default_lease_ttl: u64,
    /// Seconds that a lease lasts at most.
    pub max_lease_ttl: u64,
}

/// Who sends a request, as an engine may see it.
pub struct Caller {
    /// By which its token is named; empty for a batch token.
    pub accessor: String,
    /// For people: `userpass-bob`.
    pub display_name: String,
    /// The entity that it is; empty when it is none.
    pub entity_id: String,
    /// All of its policies, those of its entity and groups among them.
    pub policies: Vec<String>,
    /// Where its private secrets lie; never shown.
    pub cubbyhole: String,
    /// Whether everything is allowed to it.
    pub root: bool,
    /// Whether it has `sudo` on the path of this request.
    pub sudo: bool,
}

/// A call of an engine: it sees its own mount's part of the store and nothing else.
pub struct Call<'a> {
    /// The request.
    pub ask: &'a Ask,
    /// The body's object, or the query's parameters for verbs without a body.
    pub data: &'a Map<String, Value>,
    /// The path below the mount.
    pub path: &'a str,
    /// The declared fields, converted.
    pub fields: &'a Fields<'a>,
    /// The mount.
    pub mount: &'a MountView,
    /// The sender; `None` where no token is needed and none was sent.
    pub caller: Option<&'a Caller>,
    /// What came of the effect that the handler asked for: see [`super::effect`].
    pub done: Option<&'a Done>,
    /// The mount's part of the store.
    pub scope: Scope<'a>,
}

/// A call of an endpoint of `sys`, which may act on the whole store.
pub struct SystemCall<'a> {
    /// The request.
    pub ask: &'a Ask,
    /// The body's object, or the query's parameters for verbs without a body.
    pub data: &'a Map<String, Value>,
    /// The path below `sys/`.
    pub path: &'a str,
    /// The declared fields, converted.
    pub fields: &'a Fields<'a>,
    /// The sender; `None` where no token is needed and none was sent.
    pub caller: Option<&'a Caller>,
    /// What came of the effect that the handler asked for: see [`super::effect`].
    pub done: Option<&'a Done>,
    /// The transaction.
    pub txn: &'a mut Txn,
}

impl SystemCall<'_> {
    /// Whether a loaded snapshot is asked: what the server has in memory is not of that.
    pub const fn is_past(&self) -> bool {
        self.ask.snapshot.is_some()
    }
}
