//! From a request to what is asked: verb, path and data, by Vault's rules.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::api::ask::{DirectAsk, FromSnapshot, READ_SNAPSHOT, Verb};
use crate::api::request::{Body, Bound, Method, Request};
use crate::barrier::txn::TxnError;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::json;
use crate::base::room::{SMALL, Share};
use crate::base::secret::Secret;
use crate::base::url;

const MERGE_PATCH: &str = "application/merge-patch+json";
/// By which a write does, and so is a recovery: Vault's older way.
const RECOVER: &str = "recover_snapshot_id";
const RECOVER_HEADER: &str = "x-vault-recover-snapshot-id";
/// What is recovered, where it is not the path itself.
const SOURCE_HEADER: &str = "x-vault-recover-source-path";

const FORM: &str = "application/x-www-form-urlencoded";

/// The verb of a request, and its path with the slash that a listing has.
pub fn verb(request: &Request) -> Result<(Verb, String), Fault> {
    let listing = match request.query("list") {
        Some(text) if request.method == Method::Get && !text.is_empty() => flag(text)?,
        _ => false,
    };
    let verb = match request.method {
        _ if asks_help(request) => Verb::Help,
        Method::Get if listing => Verb::List,
        Method::Get => Verb::Read,
        Method::List => Verb::List,
        Method::Post | Method::Put if recovers(request) => Verb::Recover,
        Method::Post | Method::Put => Verb::Write,
        Method::Patch => Verb::Patch,
        Method::Delete => Verb::Delete,
        Method::Help => Verb::Help,
        // The server sends no body in answer to it.
        Method::Head if request.path == "sys/health" => Verb::Read,
        Method::Head | Method::Options => Verb::Probe,
        Method::Recover => Verb::Recover,
    };
    let mut path = request.path.clone();
    if verb == Verb::List && !path.ends_with('/') {
        path.push('/');
    }
    Ok((verb, path))
}

/// Refuses to write to a folder, whoever it is, before anything is asked of the store.
pub fn refuse_folder(verb: Verb, path: &str) -> Result<(), Fault> {
    match matches!(verb, Verb::Write | Verb::Patch | Verb::Recover) && path.ends_with('/') {
        true => Err(Fault::bad_request("cannot write to a path ending in '/'")),
        false => Ok(()),
    }
}

/// What a request has to do with a loaded snapshot.
pub fn snapshot(request: &Request, verb: Verb) -> Result<Option<FromSnapshot>, Fault> {
    let read_from = given(request.query(READ_SNAPSHOT), READ_SNAPSHOT)?;
    let header = given(request.header(RECOVER_HEADER), "X-Vault-Recover-Snapshot-Id")?;
    let ids = [header, given(request.query(RECOVER), RECOVER)?];
    if verb == Verb::Recover {
        let id = match ids {
            _ if read_from.is_some() => return Err(only_reads()),
            [Some(one), Some(other)] if one != other => {
                return Err(Fault::bad_request("two snapshots are named, and one is meant"));
            }
            [one, other] => one.or(other),
        };
        let id = id.ok_or_else(|| {
            Fault::bad_request("no snapshot is named: send its id in X-Vault-Recover-Snapshot-Id")
        })?;
        let source = request.header(SOURCE_HEADER).filter(|path| !path.is_empty());
        let source = source.map(source_path).transpose()?;
        return Ok(Some(FromSnapshot { id: id.to_owned(), source }));
    }
    if ids.iter().any(Option::is_some) {
        return Err(Fault::bad_request(
            "a snapshot is recovered from by POST, PUT and RECOVER: X-Vault-Recover-Snapshot-Id is \
             for nothing else",
        ));
    }
    match (read_from, verb) {
        (None, _) => Ok(None),
        (Some(id), Verb::Read | Verb::List) => {
            Ok(Some(FromSnapshot { id: id.to_owned(), source: None }))
        }
        (Some(_), _) => Err(only_reads()),
    }
}

/// The path that a header holds. Vault takes its bytes as they are, so that a name which is not
/// ASCII takes a client that sends such; here it is as in a URL, for the gate passes ASCII alone.
fn source_path(sent: &str) -> Result<String, Fault> {
    let path = url::decode_path(sent).and_then(|bytes| String::from_utf8(bytes).ok());
    let path = path.filter(|path| path.chars().all(golang::is_printable)).ok_or_else(|| {
        Fault::bad_request(
            "X-Vault-Recover-Source-Path is no path: what is not ASCII is percent-encoded in it, \
             and % as %25",
        )
    })?;
    Ok(path.trim_start_matches('/').to_owned())
}

fn only_reads() -> Fault {
    Fault::bad_request(
        "in a snapshot is only read and listed: read_snapshot_id is for nothing else",
    )
}

fn recovers(request: &Request) -> bool {
    request.header(RECOVER_HEADER).or_else(|| request.query(RECOVER)).is_some()
}

/// The id of a snapshot. Whoever sends an empty one means a snapshot, and not the present store.
fn given<'a>(id: Option<&'a str>, by: &str) -> Result<Option<&'a str>, Fault> {
    match id {
        Some("") => Err(Fault::bad_request(format!("{by} is empty: it names a loaded snapshot"))),
        id => Ok(id),
    }
}

fn asks_help(request: &Request) -> bool {
    let bodied = matches!(
        request.method,
        Method::Get | Method::Post | Method::Put | Method::Delete | Method::Patch | Method::List
    );
    bodied && request.query("help").is_some_and(|text| !text.is_empty())
}

/// Go's `strconv.ParseBool`; what it refuses is Vault's bare 400.
fn flag(text: &str) -> Result<bool, Fault> {
    golang::parse_bool(text).map_err(|_| Fault::bare(400))
}

/// The data of a request. It is read when it is first asked for, which is not before the sender
/// may make the request: reading costs many times the memory that the body has.
pub struct Data {
    verb: Verb,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Body,
    read: Option<Map<String, Value>>,
    share: Arc<Share>,
    /// How much of it the data has taken.
    weight: usize,
}

impl Drop for Data {
    fn drop(&mut self) {
        self.read.iter_mut().flat_map(Map::values_mut).for_each(json::wipe);
    }
}

impl Data {
    /// Nothing is read yet. When it is, what it takes is taken into that share.
    pub fn of(verb: Verb, request: Request, share: Arc<Share>) -> Self {
        let Request { headers, query, body, .. } = request;
        Self { verb, headers, query, body, read: None, share, weight: 0 }
    }

    /// Its request's share, with no more in it than this data.
    pub fn share(&self) -> Arc<Share> {
        self.share.shrink_to(self.weight);
        self.share.clone()
    }

    /// The headers, by their names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The object in the body, or the query's parameters for verbs without a body.
    pub fn get(&mut self) -> Result<&Map<String, Value>, Fault> {
        self.peek()?;
        self.body = Body::Whole(Secret::default());
        self.peek()
    }

    /// The same, the body being kept for who reads it otherwise. Of a stream nothing is known.
    pub fn peek(&mut self) -> Result<&Map<String, Value>, Fault> {
        let data = match self.read.take() {
            Some(data) => data,
            None => self.read()?,
        };
        Ok(self.read.insert(data))
    }

    /// Refuses a body that is larger.
    pub fn check(&self, bound: Bound) -> Result<(), Fault> {
        self.body.check(bound)
    }

    /// What the audit log is told of it, which is nothing where it is no JSON. That of a request
    /// that is refused is read for that alone, and so only if it is small.
    ///
    /// # Errors
    /// There is no room to read it.
    pub fn told(&mut self, refused: bool) -> Result<Option<&Map<String, Value>>, Fault> {
        let readable = !refused || self.check(Bound::ANYBODY).is_ok();
        if self.read.is_none() && readable {
            self.take_room()?;
            self.read = self.parse().ok();
        }
        Ok(self.read.as_ref())
    }

    /// Gives all to who reads it otherwise.
    pub fn give(&mut self, verb: Verb, path: String) -> DirectAsk {
        let body = std::mem::replace(&mut self.body, Body::Whole(Secret::default()));
        let headers = std::mem::take(&mut self.headers);
        let query = std::mem::take(&mut self.query);
        DirectAsk { verb, path, headers, query, body }
    }

    /// What is answered while the server is sealed. What is wrong with a body is said even then,
    /// but as nobody is known, only of a small one.
    pub fn refuse_sealed(mut self) -> Fault {
        let read = match self.check(Bound::ANYBODY) {
            Ok(()) => self.get().err(),
            Err(_) => None,
        };
        read.unwrap_or_else(Fault::sealed)
    }

    fn read(&mut self) -> Result<Map<String, Value>, Fault> {
        self.take_room()?;
        self.parse()
    }

    /// Beside the values that are made of the body, its text is copied a few times on its way into
    /// the store.
    fn take_room(&mut self) -> Result<(), Fault> {
        let (Verb::Write | Verb::Patch, Body::Whole(bytes)) = (self.verb, &self.body) else {
            return Ok(());
        };
        let bytes = bytes.expose();
        if bytes.len() > SMALL {
            // More are refused.
            let values = json::most_values(bytes).min(Bound::ALLOWED.values);
            let weight = 4 * bytes.len() + values * json::VALUE;
            self.share.take(weight).map_err(TxnError::from)?;
            self.weight += weight;
        }
        Ok(())
    }

    fn parse(&self) -> Result<Map<String, Value>, Fault> {
        let mut headers = self.headers.iter();
        let content_type = headers.find(|(name, _)| name == "content-type");
        let content_type = content_type.map(|(_, value)| value.as_str());
        match self.verb {
            Verb::Write => body_of_write(content_type, &self.body),
            Verb::Patch => body_of_patch(content_type, &self.body),
            Verb::Read | Verb::List | Verb::Delete | Verb::Recover => Ok(gather(&self.query)),
            Verb::Help | Verb::Probe => Ok(Map::new()),
        }
    }
}

/// What is written by a request that is not let in yet; `None` where that is much, or wrong.
pub fn ahead(request: &Request) -> Option<Map<String, Value>> {
    request.body.check(Bound::ANYBODY).ok()?;
    body_of_write(request.header("content-type"), &request.body).ok()
}

fn body_of_write(content_type: Option<&str>, body: &Body) -> Result<Map<String, Value>, Fault> {
    let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match body {
        // A client that says form and sends JSON is a common one (curl -d).
        Body::Whole(bytes) if media.eq_ignore_ascii_case(FORM) => match bytes.expose() {
            [b'{', ..] => body.object(),
            bytes => form(bytes),
        },
        _ => body.object(),
    }
}

fn body_of_patch(content_type: Option<&str>, body: &Body) -> Result<Map<String, Value>, Fault> {
    let media = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match media.to_ascii_lowercase().as_str() {
        MERGE_PATCH => body.object(),
        "" => Err(Fault::bad_request("mime: no media type")),
        other => Err(Fault::new(
            415,
            format!("PATCH requires Content-Type of {MERGE_PATCH}, provided {other}"),
        )),
    }
}

/// A form's fields; one that is sent several times is joined by commas.
fn form(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    let bad = || Fault::bad_request("error parsing form data");
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    if text.split('&').count() > Bound::ALLOWED.values {
        return Err(bad());
    }
    let mut fields = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = url::decode_query(name).ok_or_else(bad)?;
        let value = url::decode_query(value).ok_or_else(bad)?;
        match fields.get_mut(&name) {
            Some(Value::String(before)) => before.extend([",", &value]),
            _ => drop(fields.insert(name, Value::String(value))),
        }
    }
    Ok(fields)
}

/// Query parameters as data: text, or an array of texts where one is given several times.
fn gather(query: &[(String, String)]) -> Map<String, Value> {
    let mut data = Map::new();
    for (name, value) in query {
        match data.get_mut(name) {
            None => drop(data.insert(name.clone(), Value::String(value.clone()))),
            Some(Value::Array(values)) => values.push(Value::String(value.clone())),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(value.clone())]),
        }
    }
    data
}
