//! Vault's API: paths, headers, JSON, refusals, redirects, retries.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::address::Address;
use super::end::End;
use super::error::{Error, Refusal, WANTS_TLS};
use super::http::{Body, Http, Patience, Reply, Request};
use super::settings::{Settings, SettingsError};
use crate::base::clock::{Clock, SystemClock};
use crate::base::sync::lock;
use crate::base::variable::Variable;
use crate::base::{json, url};

/// An answer is held whole: no more than this, 32 MiB and what an envelope adds.
const LARGEST_ANSWER: u64 = 40 << 20;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// What a server of Vault's API takes by itself.
const TOO_LARGE: &str = "the request is larger than the server takes: 32 MiB, unless its \
                         max_request_size says otherwise";

/// In the words of Vault's client.
const UNPRINTABLE: &str =
    "configured Vault token contains non-printable characters and cannot be used";

/// The verbs of Vault's client; a list is a GET with `list=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH, as RFC 7396
    Patch,
    /// DELETE
    Delete,
}

impl Verb {
    /// As it goes over the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One request to be made.
#[derive(Clone)]
pub struct Call {
    /// The verb.
    pub verb: Verb,
    /// The path below `/v1/`, not encoded.
    pub path: String,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// Headers of its own.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Option<Value>,
    /// How long a token that wraps the answer shall live, as Vault's client writes it: `1m30s`.
    pub wrap_ttl: Option<String>,
}

/// Without the body and the parameters: they may hold a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb.name(), self.path)
    }
}

impl Call {
    /// A call without body or parameters.
    pub fn new(verb: Verb, path: impl Into<String>) -> Self {
        let (query, headers) = (Vec::new(), Vec::new());
        Self { verb, path: path.into(), query, headers, body: None, wrap_ttl: None }
    }

    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Verb::Get, path)
    }

    /// A list.
    pub fn list(path: impl Into<String>) -> Self {
        Self::get(path).with_query("list", "true")
    }

    /// A write.
    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Verb::Put, path).with_body(body)
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with_query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the JSON body.
    #[must_use]
    pub fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The body as it is sent.
    pub fn body_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.body.as_ref().map(Value::to_string).unwrap_or_default())
    }
}

/// A successful answer.
pub struct Answer {
    /// HTTP status, 2xx.
    pub status: u16,
    /// The JSON body; null where there is none.
    pub body: Value,
    /// The bytes of the body.
    pub raw: Zeroizing<Vec<u8>>,
}

/// A client of one server.
pub struct Client {
    http: Http,
    settings: Settings,
    /// When, on the boot clock, the slot is over that the last request took: one for each interval
    /// of the pace that was set, whoever makes it.
    taken_until: Mutex<Duration>,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let proxy = settings.proxy.clone();
        let http = Http::new(&settings.address, &settings.tls, proxy)?;
        Ok(Self { http, settings, taken_until: Mutex::default() })
    }

    /// How it was told to make requests.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.settings.address
    }

    /// The URL that a call goes to.
    pub fn url(&self, call: &Call) -> String {
        let mut whole = self.settings.address.base().to_owned();
        for segment in url::clean(&format!("v1/{}", call.path)) {
            whole.push('/');
            url::encode_segment(segment, &mut whole);
        }
        for (i, (name, value)) in call.query.iter().enumerate() {
            whole.push(if i == 0 { '?' } else { '&' });
            url::encode_query(name, &mut whole);
            whole.push('=');
            url::encode_query(value, &mut whole);
        }
        whole
    }

    /// The headers of a call, in a fixed order, without the token's.
    pub fn headers(&self, call: &Call) -> Vec<(String, String)> {
        let mut headers = vec![("X-Vault-Request".to_owned(), "true".to_owned())];
        if let Some(namespace) = &self.settings.namespace {
            headers.push(("X-Vault-Namespace".into(), namespace.clone()));
        }
        headers.extend(self.settings.headers.iter().cloned());
        headers
            .extend(call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if let Some(ttl) = &call.wrap_ttl {
            headers.push(("X-Vault-Wrap-Ttl".into(), ttl.clone()));
        }
        match (call.verb, &call.body) {
            (_, None) => {}
            (Verb::Patch, _) => {
                headers.push(("Content-Type".into(), "application/merge-patch+json".into()));
            }
            _ => headers.push(("Content-Type".into(), "application/json".into())),
        }
        headers
    }

    /// Makes a call and reads its answer. A 4xx or 5xx is [`Error::Refused`].
    pub fn call(&self, call: &Call) -> Result<Answer, Error> {
        let mut left = self.settings.retries;
        loop {
            let reply = self.exchange(call, Patience::Whole(self.settings.timeout))?;
            // These say "not now"; a plain 500 or a sealed server's 503 would say the same again.
            if matches!(reply.status, 412 | 502 | 504) && left > 0 {
                left -= 1;
                std::thread::sleep(PAUSE);
                continue;
            }
            return self.answer(call, reply);
        }
    }

    /// The same where the server may take long before it says anything.
    pub fn outlast(&self, call: &Call) -> Result<Answer, Error> {
        let reply = self.exchange(call, Patience::Endless)?;
        self.answer(call, reply)
    }

    /// Starts a read whose answer streams, as long as it moves; a refusal is read whole.
    pub fn download(&self, call: &Call) -> Result<Reply, Error> {
        self.stream(call, Patience::Moving(self.settings.timeout))
    }

    /// The same where the server says something only now and then.
    pub fn listen(&self, call: &Call) -> Result<Reply, Error> {
        self.stream(call, Patience::Endless)
    }

    fn stream(&self, call: &Call, patience: Patience) -> Result<Reply, Error> {
        let reply = self.exchange(call, patience)?;
        match &reply.location {
            _ if is_success(reply.status) => Ok(reply),
            Some(elsewhere) if is_redirect(reply.status) => Err(Error::Broken(format!(
                "{} redirects to {elsewhere}: one redirect is followed, and none with \
                 VAULT_DISABLE_REDIRECTS",
                self.address()
            ))),
            _ => Err(self.refusal(call, reply)),
        }
    }

    /// Sends `length` bytes as the body of a call.
    pub fn upload(&self, call: &Call, length: u64, from: &mut dyn Read) -> Result<Answer, Error> {
        self.wait()?;
        let request = Request {
            method: call.verb.name(),
            url: &self.url(call),
            headers: &self.signed(call)?,
            body: Body::Stream { length, from },
        };
        let reply = self.send(request, Patience::Endless)?;
        match &reply.location {
            Some(elsewhere) if is_redirect(reply.status) => Err(Error::Broken(format!(
                "{} is not the active server: send it to {elsewhere}",
                self.address()
            ))),
            _ => self.answer(call, reply),
        }
    }

    /// Sends a call; one redirect is followed, as Vault's client does.
    fn exchange(&self, call: &Call, patience: Patience) -> Result<Reply, Error> {
        let (url, headers, text) = (self.url(call), self.signed(call)?, call.body_text());
        let send = |url: &str| {
            let body = match &call.body {
                None => Body::Empty,
                Some(_) => Body::Bytes(text.as_bytes()),
            };
            let request = Request { method: call.verb.name(), url, headers: &headers, body };
            self.send(request, patience)
        };
        self.wait()?;
        let reply = send(&url)?;
        match &reply.location {
            Some(elsewhere) if is_redirect(reply.status) && self.settings.redirects => {
                send(&self.led(elsewhere)?)
            }
            _ => Ok(reply),
        }
    }

    fn send(&self, request: Request<'_, '_>, patience: Patience) -> Result<Reply, Error> {
        let (end, address) = (self.settings.end, self.address());
        let told = |trouble| Error::unreachable(end, address, self.http.proxy(), trouble);
        self.http.exchange(request, patience).map_err(told)
    }

    /// Where a redirect leads, if the token and the body may go there: never out of TLS, and where
    /// the server was not named for it not to another one.
    fn led<'l>(&self, location: &'l str) -> Result<Cow<'l, str>, Error> {
        let here = self.address();
        let there = absolute(here.base(), location);
        let refused = |why: String| Err(Error::Broken(format!("{here} redirects {why}")));
        if host(&there).contains('@') {
            return refused("to a place with a user in its name: refused".into());
        }
        if here.is_https() && !there.starts_with("https://") {
            return refused(format!(
                "out of TLS, to {there}: refused, the token would be readable on the way"
            ));
        }
        let away = !host(&there).eq_ignore_ascii_case(host(here.base()));
        if away && self.settings.end == End::Source {
            return refused(format!("to another, {there}: name that one, if it is to be asked"));
        }
        Ok(there)
    }

    /// Keeps to the pace that was set, but waits no longer for that than for an answer.
    fn wait(&self) -> Result<(), Error> {
        let Some(pace) = self.settings.pace else { return Ok(()) };
        let now = SystemClock.boot();
        let slot = {
            let mut taken_until = lock(&self.taken_until);
            let slot = now.max(*taken_until);
            *taken_until = slot.saturating_add(pace.interval);
            slot
        };
        // So much of the future may be used at once.
        let ahead = pace.interval.saturating_mul(pace.burst.saturating_sub(1));
        let rest = slot.saturating_sub(now.saturating_add(ahead));
        if rest > self.settings.timeout {
            let named = |variable| self.settings.end.variable(variable);
            return Err(Error::Broken(format!(
                "{} lets no request through for {}s: raise it, or {}",
                named(Variable::RateLimit),
                rest.as_secs(),
                named(Variable::ClientTimeout)
            )));
        }
        std::thread::sleep(rest);
        Ok(())
    }

    fn signed(&self, call: &Call) -> Result<Vec<(String, String)>, Error> {
        let mut headers = self.headers(call);
        if let Some(token) = &self.settings.token {
            if !token.expose().iter().all(|byte| matches!(byte, b' '..=b'~')) {
                let by = self.settings.end.variable(Variable::Token);
                return Err(Error::Broken(format!(
                    "{UNPRINTABLE}: is there a line end in {by}, or what is no text?"
                )));
            }
            let token = String::from_utf8_lossy(token.expose()).into_owned();
            headers.push(("X-Vault-Token".into(), token));
        }
        Ok(headers)
    }

    fn answer(&self, call: &Call, reply: Reply) -> Result<Answer, Error> {
        if !is_success(reply.status) {
            return Err(self.refusal(call, reply));
        }
        let status = reply.status;
        let raw = self.whole(reply)?;
        let body = match raw.as_slice() {
            [] => Value::Null,
            bytes => json::read(bytes).map_err(|e| {
                Error::Broken(format!("{} answered with no JSON: {e}", self.address()))
            })?,
        };
        if !matches!(body, Value::Null | Value::Object(_)) {
            let text = format!("{} answered with JSON that is no object", self.address());
            return Err(Error::Broken(text));
        }
        if !is_answer(&body) {
            let text = format!("{} answered with JSON that is none of Vault's API", self.address());
            return Err(Error::Broken(text));
        }
        Ok(Answer { status, body, raw })
    }

    fn refusal(&self, call: &Call, reply: Reply) -> Error {
        let status = reply.status;
        let raw = match self.whole(reply) {
            Ok(raw) => raw,
            Err(e) => return e,
        };
        let (errors, body) = match json::read(&raw) {
            // In whatever words it is said.
            _ if status == 413 => (Some(vec![TOO_LARGE.to_owned()]), Value::Null),
            Ok(body) => {
                let texts = body["errors"].as_array();
                let texts = texts.map(|t| t.iter().filter_map(Value::as_str).map(str::to_owned));
                (Some(texts.map(Iterator::collect).unwrap_or_default()), body)
            }
            Err(_) => (None, Value::String(String::from_utf8_lossy(&raw).into_owned())),
        };
        if status == 400 && body.as_str().is_some_and(|text| text.starts_with(WANTS_TLS)) {
            return Error::wants_tls(self.settings.end, self.address());
        }
        let (method, url) = (call.verb.name(), self.url(call));
        Error::Refused(Box::new(Refusal { method, url, status, errors, body }))
    }

    fn whole(&self, reply: Reply) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut raw = Zeroizing::new(Vec::new());
        match reply.body.take(LARGEST_ANSWER + 1).read_to_end(&mut raw) {
            Ok(n) if n as u64 <= LARGEST_ANSWER => Ok(raw),
            Ok(_) => Err(Error::Broken(format!("{} answers without end", self.address()))),
            Err(e) => Err(Error::Broken(format!("{} broke off: {e}", self.address()))),
        }
    }
}

/// A `Location` that may be only a path on the same server (RFC 9110, 10.2.2).
fn absolute<'l>(base: &str, location: &'l str) -> Cow<'l, str> {
    if !location.starts_with('/') || location.starts_with("//") {
        return location.into();
    }
    let scheme = base.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}://{}{location}", host(base)).into()
}

/// The host of a URL, with its port and what else stands before the path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
}

/// Whether a body can be that of a success: no errors are told, and data is an object.
fn is_answer(body: &Value) -> bool {
    let errors = body["errors"].as_array().map_or(0, Vec::len);
    errors == 0 && matches!(body["data"], Value::Null | Value::Object(_))
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

const fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 307)
}
