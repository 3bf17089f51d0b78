//! What is asked: a request after its verb, path and data have been read, before it is routed.

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
    /// HELP, or anything with `help=1`.
    Help,
}

/// A request ready to be routed.
pub struct Ask {
    /// What is to be done.
    pub verb: Verb,
    /// The path after `/v1/`.
    pub path: String,
    /// The body's object, or the query's parameters for verbs without a body.
    pub data: Map<String, Value>,
    /// The query as it came.
    pub query: Vec<(String, String)>,
    /// The headers as they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The token.
    pub token: Option<Secret>,
    /// The sender.
    pub peer: Peer,
    /// Its id, which the answer repeats.
    pub request_id: String,
}

impl Ask {
    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first header of that name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A request to an endpoint that works without a transaction, its body unread.
pub struct DirectAsk {
    /// What is to be done.
    pub verb: Verb,
    /// What the path's pattern captured.
    pub captures: Vec<(&'static str, String)>,
    /// The query as it came.
    pub query: Vec<(String, String)>,
    /// The headers as they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// The sender.
    pub peer: Peer,
}

impl DirectAsk {
    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// What the pattern captured under `name`.
    pub fn capture(&self, name: &str) -> &str {
        self.captures.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    /// The declared fields in the body, converted as those of other endpoints are.
    pub fn fields(&self, declared: &[&FieldInfo]) -> Result<Fields, Fault> {
        let mut sent = self.body.object()?;
        Fields::convert(declared, |name| sent.remove(name))
            .map_err(|error| Fault::bad_request(format!("Field validation failed: {error}")))
    }
}
