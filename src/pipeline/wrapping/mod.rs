//! Response wrapping: an answer is put into the cubbyhole of a token of one use, and that token is
//! sent in its place.

use std::time::Duration;

use serde_json::{Map, Value};

pub mod jwt;

use super::tokens::{Found, Tokens};
use crate::api::ask::{Ask, WrapFormat};
use crate::api::reply::{WrapInfo, object};
use crate::api::request::Request;
use crate::barrier::txn::{Scope, Txn};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::json;
use crate::base::policies::RESPONSE_WRAPPING;
use crate::base::secret::Secret;
use crate::base::ttl::Ttl;
use crate::engines::document;
use crate::token::record::{Lifetime, Uses};

/// Where the answer lies in the cubbyhole.
const RESPONSE: &str = "response";
/// Where it is said what it is an answer to.
const INFO: &str = "wrapinfo";

/// Whether the request asks for its answer to be wrapped, for how long and how.
#[derive(Clone, Copy)]
pub struct Wanted {
    ttl: Option<Duration>,
    format: WrapFormat,
}

impl Wanted {
    /// It does not.
    pub const NOT: Self = Self { ttl: None, format: WrapFormat::Id };

    /// Reads `X-Vault-Wrap-TTL` and `X-Vault-Wrap-Format`, before anything is done.
    pub fn read(request: &Request) -> Result<Self, Fault> {
        let text = request.header("x-vault-wrap-ttl").unwrap_or_default();
        let format = match request.header("x-vault-wrap-format") {
            Some("jwt") => WrapFormat::Jwt,
            _ => WrapFormat::Id,
        };
        let bad =
            |why: &str| Fault::bad_request(format!("error parsing X-Vault-Wrap-TTL header: {why}"));
        match Ttl::parse(text).map_err(|error| bad(&error.to_string()))?.to_duration() {
            Some(ttl) => Ok(Self { ttl: Some(ttl).filter(|ttl| !ttl.is_zero()), format }),
            None => Err(bad("requested wrap ttl cannot be negative")),
        }
    }

    /// How long the answer is to be kept; `None` when it is not to be wrapped.
    pub const fn ttl(self) -> Option<Duration> {
        self.ttl
    }

    /// In which form its token is handed out.
    pub const fn format(self) -> WrapFormat {
        self.format
    }
}

/// A wrapped answer.
pub struct Wrapped {
    /// The token that it lies with.
    pub found: Found,
    /// When it was put there.
    pub created: String,
    /// How long it is kept.
    pub ttl: Duration,
    /// What it is an answer to.
    pub path: String,
}

/// Wraps `response`, the whole document that would have been sent.
pub fn wrap(
    tokens: &Tokens,
    txn: &mut Txn,
    path: &str,
    (ttl, format): (Duration, WrapFormat),
    response: &Value,
) -> Result<WrapInfo, Fault> {
    let now = txn.now();
    let life = Lifetime {
        created: now,
        creation_ttl: ttl,
        granted: ttl,
        expires: Some(now.plus(ttl)),
        explicit_max_ttl: ttl,
        ..Lifetime::default()
    };
    let mut token = tokens.draft(path.to_owned(), life);
    token.policies = vec![RESPONSE_WRAPPING.to_owned()];
    token.uses = Uses::of(1);
    let id = tokens.make(txn, &token, None)?;
    let info = object([
        ("creation_path", path.into()),
        ("creation_time", now.rfc3339().into()),
        ("creation_ttl", ttl.as_secs().into()),
    ]);
    let mut cubbyhole = cubbyhole(tokens, txn, &token.cubbyhole)?;
    let response_text = object([("response", response.to_string().into())]);
    document::write(&mut cubbyhole, RESPONSE, &response_text)?;
    document::write(&mut cubbyhole, INFO, &info)?;
    let of_token = response.get("auth").and_then(|auth| auth.get("accessor"));
    let of_secret_id = || match path.starts_with("auth/") {
        true => response.get("data").and_then(|data| data.get("secret_id_accessor")),
        false => None,
    };
    let wrapped = of_token.or_else(of_secret_id);
    let wrapped_accessor = wrapped.and_then(Value::as_str).filter(|accessor| !accessor.is_empty());
    let mut info = WrapInfo {
        token: id,
        jwt: None,
        accessor: token.accessor,
        ttl,
        created: now,
        path: path.to_owned(),
        wrapped_accessor: wrapped_accessor.map(str::to_owned),
    };
    if format == WrapFormat::Jwt {
        let accessor = of_token.and_then(Value::as_str);
        info.jwt = Some(jwt::sign(txn, &info, accessor, &tokens.address)?);
    }
    Ok(info)
}

/// The wrapping token that a request names: the one in its data, or else its own.
pub fn named(
    tokens: &Tokens,
    txn: &mut Txn,
    ask: &Ask,
    data: &Map<String, Value>,
) -> Result<Wrapped, Fault> {
    let id = match data.get("token") {
        None | Some(Value::Null) => ask.token.clone().ok_or_else(|| unusable("token is empty"))?,
        Some(Value::String(text)) if text.is_empty() => {
            return Err(unusable("empty token in request body"));
        }
        Some(Value::String(text)) => Secret::new(text.as_str()),
        Some(_) => return Err(unusable("could not decode token in request body")),
    };
    let found = tokens.find(txn, &id)?.filter(|found| found.token.is_wrapping());
    let found = found.ok_or_else(invalid)?;
    let mut cubbyhole = cubbyhole(tokens, txn, &found.token.cubbyhole)?;
    let info = document::read(&mut cubbyhole, INFO)?.ok_or_else(invalid)?;
    let text = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let ttl = info.get("creation_ttl").and_then(Value::as_u64).unwrap_or_default();
    let (created, path) = (text("creation_time"), text("creation_path"));
    Ok(Wrapped { found, created, ttl: Duration::from_secs(ttl), path })
}

/// Refuses a request that names no wrapping token, before anything else is looked at.
pub fn verify(
    tokens: &Tokens,
    txn: &mut Txn,
    ask: &Ask,
    data: &Map<String, Value>,
) -> Result<(), Fault> {
    named(tokens, txn, ask, data).map(drop)
}

/// The document that was wrapped. It is there once: its token is revoked.
pub fn unwrap(tokens: &Tokens, txn: &mut Txn, wrapped: &Wrapped) -> Result<Value, Fault> {
    let mut cubbyhole = cubbyhole(tokens, txn, &wrapped.found.token.cubbyhole)?;
    let document = document::read(&mut cubbyhole, RESPONSE)?.ok_or_else(invalid)?;
    let text = document.get("response").and_then(Value::as_str).unwrap_or_default();
    let response = json::read(text.as_bytes()).map_err(|_| {
        Fault::internal("a wrapped response is no JSON: the store is damaged; run a verify")
    })?;
    tokens.end(txn, &wrapped.found)?;
    Ok(response)
}

/// What stands under `wrap_info`.
pub fn shown(info: &WrapInfo) -> Value {
    let mut shown = serde_json::json!({
        "token": String::from_utf8_lossy(info.jwt.as_ref().unwrap_or(&info.token).expose()),
        "accessor": info.accessor,
        "ttl": info.ttl.as_secs(),
        "creation_time": Timestamp::rfc3339(info.created),
        "creation_path": info.path,
    });
    if let (Some(accessor), Some(shown)) = (&info.wrapped_accessor, shown.as_object_mut()) {
        shown.insert("wrapped_accessor".to_owned(), accessor.as_str().into());
    }
    shown
}

fn cubbyhole<'t>(tokens: &Tokens, txn: &'t mut Txn, place: &str) -> Result<Scope<'t>, Fault> {
    let table = tokens.mounts.read(txn)?;
    let mount = table.at("cubbyhole/").ok_or_else(|| {
        Fault::internal("there is no cubbyhole: the store is damaged; run a verify")
    })?;
    Ok(txn.scope_under(mount.id, place)?)
}

fn invalid() -> Fault {
    Fault::bad_request("wrapping token is not valid or does not exist")
}

fn unusable(why: &str) -> Fault {
    Fault::new(403, format!("error validating wrapping token: {why}"))
}
