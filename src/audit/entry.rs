//! What an entry tells: one of each request, before it is carried out, and one of its answer,
//! before that is sent.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::client::client_id;
use super::headers::AuditedHeaders;
use crate::api::ask::Verb;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::secret::Secret;

/// An entry, before a device shows what it shows of it.
pub struct Entry<'a> {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub sender: &'a Sender,
    /// What was asked.
    pub asked: &'a Asked,
    /// The body's object, or the query's parameters; `None` when it was never read.
    pub data: Option<&'a Map<String, Value>>,
    /// What was answered, in the entry of an answer.
    pub answer: Option<Answer<'a>>,
    /// Why it was refused.
    pub fault: Option<&'a Fault>,
}

/// Who sends a request.
#[derive(Default)]
pub struct Sender {
    /// The token; what an unknown one was, too.
    pub token: Option<Secret>,
    /// By which the token is named.
    pub accessor: String,
    /// For people.
    pub display_name: String,
    /// All policies, sorted.
    pub policies: Vec<String>,
    /// Those of the token.
    pub token_policies: Vec<String>,
    /// Those of its entity and groups.
    pub identity_policies: Vec<String>,
    /// What was kept with the token.
    pub metadata: BTreeMap<String, String>,
    /// How often the token can still be used; 0 without end.
    pub remaining_uses: i64,
    /// The entity; empty when it is none.
    pub entity_id: String,
    /// `service` or `batch`; `None` without a token.
    pub token_type: Option<&'static str>,
    /// How long the token was last granted to live.
    pub ttl: Duration,
    /// When the token was made.
    pub issued: Option<Timestamp>,
}

/// What is asked.
pub struct Asked {
    /// Names the request in both entries, and in its answer.
    pub id: String,
    /// What is to be done.
    pub verb: Verb,
    /// Whether a write makes what is not there yet.
    pub creates: bool,
    /// The path, with its mount's.
    pub path: String,
    /// The mount that it is in, where there is one.
    pub mount: Option<Mount>,
    /// Where it comes from; none on a unix socket.
    pub address: Option<IpAddr>,
    /// The same.
    pub port: Option<u16>,
    /// The serial number of its certificate, where it was verified.
    pub serial: Option<String>,
    /// How long the answer is to be wrapped; zero when it is not.
    pub wrap_ttl: Duration,
    /// The loaded snapshot that it reads from, and what is brought back from another path.
    pub snapshot: Option<(String, String)>,
    /// Headers by name in lower case: those that are audited.
    pub headers: BTreeMap<String, Vec<Header>>,
}

/// What is told of a mount, and what it lets be told.
#[derive(Clone, Default)]
pub struct Mount {
    /// `kv`, `userpass`.
    pub kind: String,
    /// By which it is named.
    pub accessor: String,
    /// `audit_non_hmac_request_keys`.
    pub request_keys: Vec<String>,
    /// `audit_non_hmac_response_keys`.
    pub response_keys: Vec<String>,
}

/// A header's value.
pub struct Header {
    /// As it was sent.
    pub text: String,
    /// Whether its HMAC is shown instead.
    pub hmac: bool,
}

/// What is answered.
#[derive(Clone, Copy, Default)]
pub struct Answer<'a> {
    /// `auth` of the envelope.
    pub auth: Option<&'a Map<String, Value>>,
    /// `data` of the envelope; `None` when it is no JSON.
    pub data: Option<&'a Map<String, Value>>,
    /// `warnings` of the envelope.
    pub warnings: &'a [String],
    /// The lease of a secret; empty where there is none.
    pub lease_id: &'a str,
    /// The token in the place of the answer.
    pub wrapping: Option<Wrapping<'a>>,
}

/// A token in the place of an answer.
#[derive(Clone, Copy)]
pub struct Wrapping<'a> {
    /// How long it lives.
    pub ttl: Duration,
    /// The token.
    pub token: &'a Secret,
    /// By which it is named.
    pub accessor: &'a str,
    /// When it was made.
    pub created: Timestamp,
    /// What it is the answer to.
    pub path: &'a str,
    /// The accessor of the token in the answer; empty when there is none.
    pub wrapped_accessor: &'a str,
}

impl<'a> Entry<'a> {
    /// The entry of a request of which no data was read and which was not refused.
    pub const fn of_request(time: Timestamp, sender: &'a Sender, asked: &'a Asked) -> Self {
        Self { time, sender, asked, data: None, answer: None, fault: None }
    }
}

impl Asked {
    /// Of nobody: what a device is tried with.
    pub fn test(id: String) -> Self {
        Self {
            id,
            verb: Verb::Write,
            creates: false,
            path: "sys/audit/test".to_owned(),
            mount: None,
            address: None,
            port: None,
            serial: None,
            wrap_ttl: Duration::ZERO,
            snapshot: None,
            headers: BTreeMap::new(),
        }
    }

    /// Tells those of `headers` that are audited.
    pub fn tell_headers(&mut self, headers: &[(String, String)], audited: &AuditedHeaders) {
        self.headers.clear();
        for (name, text) in headers {
            if let Some(auditing) = audited.0.get(name) {
                let header = Header { text: text.clone(), hmac: auditing.hmac };
                self.headers.entry(name.clone()).or_default().push(header);
            }
        }
    }

    /// Vault's word for what is done.
    pub(super) const fn operation(&self) -> &'static str {
        match self.verb {
            Verb::Read => "read",
            Verb::List => "list",
            Verb::Write if self.creates => "create",
            Verb::Write => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::Recover => "recover",
            Verb::Help => "help",
            Verb::Probe => "header",
        }
    }

    /// Names at the top of an answer under which a time stands and nothing that was given to
    /// keep: Vault shows times as they are.
    pub(super) fn times(&self) -> &'static [&'static str] {
        let kind = self.mount.as_ref().map_or("", |mount| mount.kind.as_str());
        match kind {
            "token" => &["issue_time", "expire_time", "last_renewal"],
            "system" if self.path.starts_with("sys/leases/") => {
                &["issue_time", "expire_time", "last_renewal"]
            }
            "approle" => &["creation_time", "expiration_time", "last_updated_time"],
            _ => &[],
        }
    }
}

impl Sender {
    /// As which client it counts; nobody does without a token.
    pub(super) fn client_id(&self) -> String {
        match self.token_type {
            None => String::new(),
            Some(_) => client_id(&self.entity_id, self.token_policies.iter().map(String::as_str)),
        }
    }
}
