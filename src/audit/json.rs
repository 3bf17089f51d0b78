//! An entry as JSON, with the names and in the order of Vault's. What is empty is left out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::entry::{Answer, Entry, Header};
use super::mask::{Mask, Masked};
use crate::api::ask::Verb;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::secret::Secret;

impl<'a> Entry<'a> {
    /// Adds it to `out` as the device behind `mask` shows it: one line, without its end.
    pub fn json(&self, mask: &Mask, out: &mut Vec<u8>) {
        let refusal = self.fault.map(|fault| Refusal::of(fault, mask));
        let (token, accessor) = (self.token(mask), mask.accessor(&self.sender.accessor));
        let shown = Shown {
            time: self.time.rfc3339(),
            kind: if self.answer.is_some() { "response" } else { "request" },
            auth: self.auth(&token, &accessor, mask),
            request: self.request(&token, &accessor, mask),
            response: self.answer.map(|answer| self.response(answer, refusal.as_ref(), mask)),
            error: refusal.as_ref().map_or("", |refusal| refusal.error.as_str()),
        };
        // Nothing of it can fail: its names are texts, and a Vec takes all.
        let _ = serde_json::to_writer(out, &shown);
    }

    fn auth<'s>(&'s self, token: &'s str, accessor: &'s str, mask: &'s Mask) -> Auth<'s> {
        let sender = self.sender;
        // A login is sent by whom it makes known.
        let made = self.answer.and_then(|answer| answer.auth);
        if let (None, Some(auth)) = (sender.token_type, made) {
            return Auth::given(auth, mask);
        }
        Auth {
            // That of nobody known stands with the request alone.
            client_token: sender.token_type.map_or("", |_| token).into(),
            accessor: accessor.into(),
            display_name: &sender.display_name,
            policies: sender.policies.iter().map(String::as_str).collect(),
            token_policies: sender.token_policies.iter().map(String::as_str).collect(),
            identity_policies: sender.identity_policies.iter().map(String::as_str).collect(),
            metadata: sender.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect(),
            num_uses: 0,
            remaining_uses: sender.remaining_uses,
            entity_id: &sender.entity_id,
            token_type: sender.token_type.unwrap_or("default"),
            token_ttl: sender.ttl.as_secs(),
            token_issue_time: sender.issued.map(seconds).unwrap_or_default(),
        }
    }

    fn request<'s>(&'s self, token: &'s str, accessor: &'s str, mask: &'s Mask) -> Request<'s> {
        let asked = self.asked;
        let mount = asked.mount.as_ref();
        let show = |header: &'s Header| match header.hmac {
            true => mask.secret(&header.text),
            false => Cow::Borrowed(header.text.as_str()),
        };
        let headers = asked.headers.iter();
        Request {
            id: &asked.id,
            client_id: self.sender.client_id(),
            operation: asked.operation(),
            mount_type: mount.map_or("", |mount| &mount.kind),
            mount_accessor: mount.map_or("", |mount| &mount.accessor),
            client_token: token,
            client_token_accessor: accessor,
            namespace: Namespace { id: "root" },
            path: &asked.path,
            data: self.data.filter(|data| !data.is_empty()).map(|data| Masked {
                data,
                mask,
                plain: mount.map_or(&[], |mount| &mount.request_keys),
                times: &[],
                listing: false,
            }),
            remote_address: asked.address.map(|address| address.to_string()).unwrap_or_default(),
            remote_port: asked.port.unwrap_or_default(),
            wrap_ttl: asked.wrap_ttl.as_secs(),
            snapshot_id: asked.snapshot.as_ref().map_or("", |(id, _)| id),
            recover_source_path: asked.snapshot.as_ref().map_or("", |(_, source)| source),
            headers: headers
                .map(|(name, values)| (name.as_str(), values.iter().map(show).collect()))
                .collect(),
            client_certificate_serial_number: asked.serial.as_deref().unwrap_or_default(),
        }
    }

    fn response<'s>(
        &'s self,
        answer: Answer<'s>,
        refusal: Option<&'s Refusal>,
        mask: &'s Mask,
    ) -> Response<'s> {
        let mount = self.asked.mount.as_ref();
        let data = answer.data.or(refusal.and_then(|refusal| refusal.data.as_ref()));
        Response {
            auth: answer.auth.map(|auth| Auth::given(auth, mask)),
            mount_type: mount.map_or("", |mount| &mount.kind),
            mount_accessor: mount.map_or("", |mount| &mount.accessor),
            secret: Some(Lease { lease_id: answer.lease_id }).filter(|l| !l.lease_id.is_empty()),
            data: data.filter(|data| !data.is_empty()).map(|data| Masked {
                data,
                mask,
                plain: mount.map_or(&[], |mount| &mount.response_keys),
                times: self.asked.times(),
                listing: self.asked.verb == Verb::List,
            }),
            warnings: answer.warnings,
            wrap_info: answer.wrapping.map(|wrapping| WrapInfo {
                ttl: wrapping.ttl.as_secs(),
                token: mask.secret(&text(wrapping.token)).into_owned(),
                accessor: mask.accessor(wrapping.accessor),
                creation_time: wrapping.created.rfc3339(),
                creation_path: wrapping.path,
                wrapped_accessor: mask.accessor(wrapping.wrapped_accessor),
            }),
        }
    }

    fn token(&self, mask: &Mask) -> String {
        let token = self.sender.token.as_ref();
        token.map(|token| mask.secret(&text(token)).into_owned()).unwrap_or_default()
    }
}

/// A secret as text; tokens are nothing else.
fn text(secret: &Secret) -> Cow<'_, str> {
    String::from_utf8_lossy(secret.expose())
}

/// To the second, as Vault has it for tokens.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_secs(time.as_secs()).rfc3339()
}

/// What is said of a refusal: its text stands in the clear only where nothing that was sent can
/// be a part of it.
struct Refusal {
    error: String,
    /// The whole text, to be hashed, as an answer that was given to be read.
    data: Option<Map<String, Value>>,
}

impl Refusal {
    /// Texts that are shown; they stand in a list as Vault makes it, or alone.
    const KNOWN: [&str; 8] = [
        "permission denied",
        "unsupported operation",
        "unsupported path",
        "invalid request",
        "internal error",
        "bad token",
        "invalid token",
        "Vault is sealed",
    ];

    fn of(fault: &Fault, mask: &Mask) -> Self {
        let whole = fault.errors.join("; ");
        let literal = fault.errors.iter().all(|error| matches!(error, Cow::Borrowed(_)));
        let core = whole.strip_prefix("1 error occurred:\n\t* ").map(str::trim_end);
        let known = Self::KNOWN.contains(&core.unwrap_or(&whole));
        let error = match fault.status {
            _ if mask.raw || literal || known => whole.clone(),
            // That of a quota, which names the path: it is told anyway.
            429 => whole.clone(),
            403 => listed("permission denied"),
            405 => listed("unsupported operation"),
            500.. => listed("internal error"),
            _ => listed("invalid request"),
        };
        let said = !whole.is_empty() && fault.status < 500;
        let data = said.then(|| Map::from_iter([("error".to_owned(), Value::from(whole))]));
        Self { error, data }
    }
}

/// The form that Vault gives to its own errors.
fn listed(text: &str) -> String {
    format!("1 error occurred:\n\t* {text}\n\n")
}

fn absent<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize)]
struct Shown<'a> {
    time: String,
    #[serde(rename = "type")]
    kind: &'static str,
    auth: Auth<'a>,
    request: Request<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Response<'a>>,
    #[serde(skip_serializing_if = "absent")]
    error: &'a str,
}

#[derive(Default, Serialize)]
struct Auth<'a> {
    #[serde(skip_serializing_if = "absent")]
    client_token: Cow<'a, str>,
    #[serde(skip_serializing_if = "absent")]
    accessor: Cow<'a, str>,
    #[serde(skip_serializing_if = "absent")]
    display_name: &'a str,
    #[serde(skip_serializing_if = "absent")]
    policies: Vec<&'a str>,
    #[serde(skip_serializing_if = "absent")]
    token_policies: Vec<&'a str>,
    #[serde(skip_serializing_if = "absent")]
    identity_policies: Vec<&'a str>,
    #[serde(skip_serializing_if = "absent")]
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "absent")]
    num_uses: i64,
    #[serde(skip_serializing_if = "absent")]
    remaining_uses: i64,
    #[serde(skip_serializing_if = "absent")]
    entity_id: &'a str,
    #[serde(skip_serializing_if = "absent")]
    token_type: &'a str,
    #[serde(skip_serializing_if = "absent")]
    token_ttl: u64,
    #[serde(skip_serializing_if = "absent")]
    token_issue_time: String,
}

impl<'a> Auth<'a> {
    /// A token that is handed out, from the `auth` of its envelope.
    fn given(auth: &'a Map<String, Value>, mask: &Mask) -> Self {
        let text = |name| auth.get(name).and_then(Value::as_str).unwrap_or_default();
        let texts = |name| {
            let items = auth.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).collect()
        };
        let metadata = auth.get("metadata").and_then(Value::as_object).into_iter().flatten();
        Self {
            client_token: mask.secret(text("client_token")),
            accessor: mask.accessor(text("accessor")),
            display_name: text("display_name"),
            policies: texts("policies"),
            token_policies: texts("token_policies"),
            identity_policies: texts("identity_policies"),
            metadata: metadata.filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect(),
            num_uses: auth.get("num_uses").and_then(Value::as_i64).unwrap_or_default(),
            remaining_uses: 0,
            entity_id: text("entity_id"),
            token_type: text("token_type"),
            token_ttl: auth.get("lease_duration").and_then(Value::as_u64).unwrap_or_default(),
            token_issue_time: String::new(),
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "absent")]
    client_id: String,
    operation: &'static str,
    #[serde(skip_serializing_if = "absent")]
    mount_type: &'a str,
    #[serde(skip_serializing_if = "absent")]
    mount_accessor: &'a str,
    #[serde(skip_serializing_if = "absent")]
    client_token: &'a str,
    #[serde(skip_serializing_if = "absent")]
    client_token_accessor: &'a str,
    namespace: Namespace,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Masked<'a>>,
    #[serde(skip_serializing_if = "absent")]
    remote_address: String,
    #[serde(skip_serializing_if = "absent")]
    remote_port: u16,
    #[serde(skip_serializing_if = "absent")]
    wrap_ttl: u64,
    #[serde(skip_serializing_if = "absent")]
    snapshot_id: &'a str,
    #[serde(skip_serializing_if = "absent")]
    recover_source_path: &'a str,
    #[serde(skip_serializing_if = "absent")]
    headers: BTreeMap<&'a str, Vec<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "absent")]
    client_certificate_serial_number: &'a str,
}

#[derive(Serialize)]
struct Namespace {
    id: &'static str,
}

#[derive(Serialize)]
struct Response<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Auth<'a>>,
    #[serde(skip_serializing_if = "absent")]
    mount_type: &'a str,
    #[serde(skip_serializing_if = "absent")]
    mount_accessor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Lease<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Masked<'a>>,
    #[serde(skip_serializing_if = "absent")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_info: Option<WrapInfo<'a>>,
}

#[derive(Serialize)]
struct Lease<'a> {
    lease_id: &'a str,
}

#[derive(Serialize)]
struct WrapInfo<'a> {
    ttl: u64,
    token: String,
    #[serde(skip_serializing_if = "absent")]
    accessor: Cow<'a, str>,
    creation_time: String,
    creation_path: &'a str,
    #[serde(skip_serializing_if = "absent")]
    wrapped_accessor: Cow<'a, str>,
}
