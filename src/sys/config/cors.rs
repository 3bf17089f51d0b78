//! `sys/config/cors`: which web pages' scripts may ask this server (Fetch, section 3.2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::request::{Method, Request};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::header;
use crate::base::record::Record;
use crate::sys::settings::Settings;

/// The endpoint.
pub fn engine() -> Bound<()> {
    Bound::new("Which web pages may ask this server.", ROUTES, ())
}

/// Where the settings lie in the system's part of the store.
const PLACE: &str = "config/cors";
/// Origins, and headers, at most.
const MOST: usize = 100;

/// The headers that every page may send, in Vault's order.
const STANDARD_HEADERS: [&str; 10] = [
    "Content-Type",
    "X-Requested-With",
    "X-Vault-AWS-IAM-Server-ID",
    "X-Vault-MFA",
    "X-Vault-No-Request-Forwarding",
    "X-Vault-Wrap-Format",
    "X-Vault-Wrap-TTL",
    "X-Vault-Policy-Override",
    "Authorization",
    "X-Vault-Token",
];
/// The methods that a page may use.
const METHODS: [&str; 6] = ["DELETE", "GET", "OPTIONS", "POST", "PUT", "LIST"];
/// Seconds for which a browser may remember the answer to a preflight.
const MAX_AGE: &str = "300";

const ENABLE: Field<bool> = Field::new("enable", "Taken and not heeded: a write enables CORS.");
const ORIGINS: Field<Vec<String>> = Field::new(
    "allowed_origins",
    "The pages' origins, such as https://console.example:8443; or * alone for all. At most 100.",
);
const HEADERS: Field<Vec<String>> = Field::new(
    "allowed_headers",
    "Headers that pages may send besides those that Vault's clients send. At most 100.",
);

const ROUTES: &[Route<()>] = &[Route {
    path: "config/cors",
    synopsis: "Let scripts of web pages ask this server.",
    description: "Off unless set. While it is on, a request with an Origin that is not among the \
                  allowed ones is refused, whatever it asks for.",
    fields: &[&ENABLE.info, &ORIGINS.info, &HEADERS.info],
    access: Access::Sudo,
    operations: &[
        Operation::system(Verb::Read, "Read the settings.", read).stored(),
        Operation::system(Verb::Write, "Allow these origins and no others.", write),
        Operation::recover_system("Bring the settings back.", recover),
        Operation::system(Verb::Delete, "Turn it off.", delete),
    ],
}];

/// The settings, stored while CORS is on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Cors {
    origins: Vec<String>,
    /// Beside the standard ones.
    headers: Vec<String>,
}

impl Record for Cors {
    const VERSION: u8 = 1;
}

impl Cors {
    fn load(txn: &mut Txn) -> Result<Option<Self>, TxnError> {
        txn.scope(MountId::SYSTEM).read(PLACE)
    }

    fn store(&self, txn: &mut Txn) -> Result<(), TxnError> {
        txn.scope(MountId::SYSTEM).write(PLACE, self)
    }

    fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    fn allowed_headers(&self) -> Vec<&str> {
        let own = self.headers.iter().map(String::as_str);
        STANDARD_HEADERS.into_iter().chain(own).collect()
    }
}

fn read((): &(), call: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data_at_top(shown(call.txn)?))
}

fn shown(txn: &mut Txn) -> Result<Map<String, Value>, TxnError> {
    let mut data = object([("enabled", false.into())]);
    if let Some(cors) = Cors::load(txn)? {
        data.insert("enabled".to_owned(), true.into());
        data.insert("allowed_headers".to_owned(), json!(cors.allowed_headers()));
        data.insert("allowed_origins".to_owned(), Value::from(cors.origins));
    }
    Ok(data)
}

/// What is set at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    match entry {
        PLACE => Ok([("config/cors".to_owned(), shown(txn)?)].into()),
        _ => Ok(Settings::new()),
    }
}

fn write((): &(), call: &mut SystemCall<'_>) -> Outcome {
    let origins = call.fields.get(&ORIGINS).cloned().unwrap_or_default();
    let headers = call.fields.get(&HEADERS).cloned().unwrap_or_default();
    if origins.is_empty() {
        let text = "at least one origin or the wildcard must be provided";
        return Err(Fault::bad_request(text));
    }
    if origins.len() > 1 && origins.iter().any(|origin| origin == "*") {
        let text = "to allow all origins the '*' must be the only value for allowed_origins";
        return Err(Fault::bad_request(text));
    }
    if origins.len() > MOST || headers.len() > MOST {
        let text = format!("at most {MOST} origins and {MOST} headers can be allowed");
        return Err(Fault::bad_request(text));
    }
    if !origins.iter().all(|origin| header::is_value(origin)) {
        let text = "an origin is a scheme, a host and a port, such as https://console.example:8443";
        return Err(Fault::bad_request(text));
    }
    if let Some(bad) = headers.iter().find(|name| !header::is_name(name)) {
        return Err(Fault::bad_request(format!("{bad:?} is no name of a header")));
    }
    Cors { origins, headers }.store(call.txn)?;
    Ok(Reply::nothing())
}

fn recover((): &(), call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    match Cors::load(then.txn)? {
        Some(kept) => kept.store(call.txn)?,
        // It was off.
        None => return delete(&(), call),
    }
    Ok(Reply::nothing())
}

fn delete((): &(), call: &mut SystemCall<'_>) -> Outcome {
    call.txn.scope(MountId::SYSTEM).delete(PLACE)?;
    Ok(Reply::nothing())
}

/// What a page's script is told before its request is looked at.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// Nothing: it is no page's, or CORS is off.
    None,
    /// Its origin is not allowed.
    Refused,
    /// A preflight for a method that no page may use.
    NoMethod,
    /// A preflight: this is the whole answer.
    Preflight(Vec<(&'static str, String)>),
    /// It goes on, and its answer has these headers.
    Allowed(Vec<(&'static str, String)>),
}

/// Judges a request. The settings are looked up only for one that has an Origin.
pub fn judge(txn: &mut Txn, request: &Request) -> Result<Verdict, TxnError> {
    let Some(origin) = request.header("origin").filter(|origin| !origin.is_empty()) else {
        return Ok(Verdict::None);
    };
    let Some(cors) = Cors::load(txn)? else { return Ok(Verdict::None) };
    if !cors.allows(origin) {
        return Ok(Verdict::Refused);
    }
    let mut headers =
        vec![("Access-Control-Allow-Origin", origin.to_owned()), ("Vary", "Origin".to_owned())];
    if request.method != Method::Options {
        return Ok(Verdict::Allowed(headers));
    }
    let method = request.header("access-control-request-method").unwrap_or_default();
    if !METHODS.contains(&method) {
        return Ok(Verdict::NoMethod);
    }
    headers.push(("Access-Control-Allow-Methods", METHODS.join(",")));
    headers.push(("Access-Control-Allow-Headers", cors.allowed_headers().join(",")));
    headers.push(("Access-Control-Max-Age", MAX_AGE.to_owned()));
    Ok(Verdict::Preflight(headers))
}
