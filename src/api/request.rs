//! A request as the rest of the program sees it: no HTTP library's type gets past `server`.

use std::io::Read;
use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::base::fault::Fault;
use crate::base::json;
use crate::base::secret::Secret;

/// Vault's text for a body that it does not take.
const NO_JSON: &str = "error parsing JSON";

/// HTTP methods that Vault knows; others are answered 405 by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// LIST (Vault's own)
    List,
    /// OPTIONS
    Options,
    /// HELP (Vault's own)
    Help,
    /// RECOVER (Vault Enterprise's own)
    Recover,
}

impl Method {
    /// As it is written in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::List => "LIST",
            Self::Options => "OPTIONS",
            Self::Help => "HELP",
            Self::Recover => "RECOVER",
        }
    }
}

/// One request, its head checked and bounded by the gate.
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The path after `/v1/`, percent-decoded, without a query: `sys/health`.
    pub path: String,
    /// Query parameters in their order, decoded.
    pub query: Vec<(String, String)>,
    /// Header names in lower case, with their values, in their order. The token is not among them.
    pub headers: Vec<(String, String)>,
    /// `X-Vault-Token`, or `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// The body.
    pub body: Body,
    /// Who sent it.
    pub peer: Peer,
}

impl Request {
    /// The first header of that name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first query parameter of that name.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// How much of a body is read: values cost many times the bytes that they were sent as.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bytes.
    pub bytes: usize,
    /// JSON values, those in arrays and objects too, and an object counted as several;
    /// or fields of a form.
    pub values: usize,
}

impl Bound {
    /// For whoever may make the request. The gate has bounded its bytes.
    pub const ALLOWED: Self = Self { bytes: usize::MAX, values: 250_000 };
    /// For anybody, without a token.
    pub const ANYBODY: Self = Self { bytes: 1 << 20, values: 10_000 };
}

/// The body of a request.
pub enum Body {
    /// Read whole, at most 32 MiB; wiped when dropped.
    Whole(Secret),
    /// Read as it arrives, for what is not bounded (a snapshot). Its end without an error is the
    /// end that the peer meant: a body cut short is an error.
    Stream(Box<dyn Read + Send>),
}

impl Body {
    /// The JSON object in it. Null and nothing are an empty object; what follows is ignored, as
    /// Vault does.
    ///
    /// # Errors
    /// Vault's 400 for anything else, and for more values than [`Bound::ALLOWED`].
    pub fn object(&self) -> Result<Map<String, Value>, Fault> {
        self.check(Bound::ALLOWED)?;
        let Self::Whole(bytes) = self else { return Ok(Map::new()) };
        match json::read_first(bytes.expose()) {
            None | Some(Ok(Value::Null)) => Ok(Map::new()),
            Some(Ok(Value::Object(object))) => Ok(object),
            Some(_) => Err(Fault::bad_request(NO_JSON)),
        }
    }

    /// Refuses JSON that is more than that, before any of it is made into values.
    ///
    /// # Errors
    /// 413 for too many bytes, 400 for too many values.
    pub fn check(&self, bound: Bound) -> Result<(), Fault> {
        match self {
            Self::Whole(bytes) if bytes.expose().len() > bound.bytes => {
                Err(Fault::new(413, NO_JSON))
            }
            Self::Whole(bytes) if json::most_values(bytes.expose()) > bound.values => {
                Err(Fault::bad_request(NO_JSON))
            }
            _ => Ok(()),
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Its address; none on a unix socket.
    pub address: Option<IpAddr>,
    /// Its port; none on a unix socket.
    pub port: Option<u16>,
    /// Its TLS client certificates, leaf first, DER.
    pub certificates: Vec<Vec<u8>>,
    /// The serial number of the first, in decimal, where the listener has verified it.
    pub serial: Option<String>,
    /// Whether its listener tells the metrics to everybody.
    pub sees_metrics: bool,
}
