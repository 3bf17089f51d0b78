//! What is asked: a request after its verb and path have been read, before it is routed.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::field::{FieldInfo, Fields};
use super::request::{Body, Peer};
use crate::base::fault::Fault;
use crate::base::secret::Secret;

/// What is to be done, in Vault's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// GET.
    Read,
    /// LIST, or GET with `list=true`. Its path ends in a slash.
    List,
    /// POST or PUT: whether it creates or updates is for the endpoint to say.
    Write,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
    /// RECOVER, or a write that names a loaded snapshot: to bring back what that has there.
    Recover,
    /// HELP, or anything with `help=1`.
    Help,
    /// OPTIONS or HEAD: nothing answers it, but who may do nothing there is told that first.
    Probe,
}

/// What is known of a request before it may be made: its data comes with the call.
pub struct Ask {
    /// By which its answer and the audit log name it.
    pub id: String,
    /// What is to be done.
    pub verb: Verb,
    /// The path after `/v1/`.
    pub path: String,
    /// The token.
    pub token: Option<Secret>,
    /// Who sent it.
    pub peer: Peer,
    /// For how long the answer is to be wrapped, if it is.
    pub wrap_ttl: Option<Duration>,
    /// In which form the wrapping token is then handed out.
    pub wrap_format: WrapFormat,
    /// The loaded snapshot that it reads from, if it does.
    pub snapshot: Option<FromSnapshot>,
}

/// The query by which a read names a loaded snapshot.
pub const READ_SNAPSHOT: &str = "read_snapshot_id";

/// What a request has to do with a loaded snapshot.
pub struct FromSnapshot {
    /// The snapshot's id.
    pub id: String,
    /// What is brought back, where that is another path than the request's own.
    pub source: Option<String>,
}

/// The form of a wrapping token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WrapFormat {
    /// Its id.
    #[default]
    Id,
    /// A signed statement with its id in it.
    Jwt,
}

/// A request to an endpoint that works without a transaction, its body unread.
pub struct DirectAsk {
    /// What is to be done.
    pub verb: Verb,
    /// The path below the engine's prefix.
    pub path: String,
    /// The headers: names in lower case, without the token's.
    pub headers: Vec<(String, String)>,
    /// The query as it came.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl DirectAsk {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The declared fields in the body, converted as those of other endpoints are.
    pub fn fields(&self, declared: &[&FieldInfo]) -> Result<Fields<'static>, Fault> {
        convert(declared, self.body.object()?)
    }

    /// The same where something is destroyed: what is not declared is refused, since it may be a
    /// `dry_run` that is misspelt.
    pub fn exact_fields(&self, declared: &[&FieldInfo]) -> Result<Fields<'static>, Fault> {
        let sent = self.body.object()?;
        FieldInfo::must_be_declared(declared, &sent)?;
        convert(declared, sent)
    }

    /// The same of the query, where the body is no object. A name alone asks for nothing there.
    pub fn exact_query(&self, declared: &[&FieldInfo]) -> Result<Fields<'static>, Fault> {
        let sent = self.query.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
        let sent = sent.collect();
        FieldInfo::must_be_declared(declared, &sent)?;
        if let Some((name, _)) = self.query.iter().find(|(_, value)| value.is_empty()) {
            return Err(Fault::bad_request(format!("{name} has no value")));
        }
        convert(declared, sent)
    }
}

fn convert(
    declared: &[&FieldInfo],
    mut sent: Map<String, Value>,
) -> Result<Fields<'static>, Fault> {
    Fields::convert(declared, |name| sent.remove(name).map(Cow::Owned))
        .map_err(|error| Fault::bad_request(format!("Field validation failed: {error}")))
}
