//! Identity tokens: issued and introspected.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::super::record::Entity;
use super::super::subject::Subject;
use super::key::Key;
use super::ring;
use super::role::Role;
use super::template::{RESERVED, Template};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::jose::Sent;
use crate::base::json;

/// How far clocks may be apart.
const LEEWAY: Duration = Duration::from_secs(60);

/// A token, as it is handed out.
pub struct Issued {
    /// The token.
    pub token: String,
    /// For whom it is.
    pub client_id: String,
    /// How long the role says that it lasts.
    pub ttl: Duration,
    /// When it lasts shorter, as its key says.
    pub shortened: Option<Duration>,
}

/// Issues a token of the role of that name for an entity; there may be none.
pub fn issue(
    scope: &mut Scope<'_>,
    role_name: &str,
    entity_id: &str,
    issuer: &str,
) -> Result<Issued, Fault> {
    let quoted = golang::quote;
    let refused = |text: String| Err(Fault::bad_request(text));
    let Some(role) = Role::by_name(scope, role_name)? else {
        return refused(format!("role {} not found", quoted(role_name)));
    };
    let Some(key) = Key::by_name(scope, &role.key)? else {
        return refused(format!("key {} not found", quoted(&role.key)));
    };
    if !key.allows(&role.client_id) {
        return refused(format!(
            "the key {} does not list the client ID of the role {} as an allowed client ID",
            quoted(&role.key),
            quoted(role_name)
        ));
    }
    let subject = if entity_id.is_empty() { None } else { Subject::of(scope, entity_id)? };
    let Some(subject) = subject else {
        return refused("no entity associated with the request's token".to_owned());
    };
    let ttl = role.ttl.min(key.verification_ttl);
    let now = scope.now();
    let mut claims = said(&role.template, scope, &subject);
    claims.insert("iss".to_owned(), issuer.into());
    claims.insert("namespace".to_owned(), "root".into());
    claims.insert("sub".to_owned(), subject.entity.id.into());
    claims.insert("aud".to_owned(), role.client_id.as_str().into());
    claims.insert("iat".to_owned(), now.as_secs().into());
    claims.insert("exp".to_owned(), now.plus(ttl).as_secs().into());
    let token = key.sign(&Value::Object(claims).to_string())?;
    let shortened = (ttl < role.ttl).then_some(ttl);
    Ok(Issued { token, client_id: role.client_id, ttl: role.ttl, shortened })
}

/// What a template says. It was checked when the role was made: should what is filled in make it
/// no object, the token goes without.
fn said(template: &str, scope: &Scope<'_>, subject: &Subject) -> Map<String, Value> {
    let filled = Template::parse(template).map(|t| t.fill(Some(subject), scope.now()));
    let read = filled.ok().and_then(|text| json::read(text.as_bytes()).ok());
    let Some(Value::Object(mut said)) = read else { return Map::new() };
    RESERVED.iter().for_each(|name| drop(said.remove(*name)));
    said
}

/// Why a token is not active; `None` of one that is.
pub fn inspect(
    scope: &mut Scope<'_>,
    token: &str,
    client_id: &str,
    issuer: &str,
) -> Result<Option<String>, TxnError> {
    let inactive = |why: &str| Ok(Some(why.to_owned()));
    let sent = match Sent::read(token) {
        Ok(sent) => sent,
        Err(why) => return Ok(Some(format!("error parsing token: {why}"))),
    };
    let key = ring::find(scope, &sent.key_id)?;
    let Some(claims) = key.and_then(|key| sent.verified(&key)) else {
        return inactive("unable to validate the token signature");
    };
    if let Err(why) = current(&claims, client_id, issuer, scope) {
        return Ok(Some(format!("error validating claims: validation failed, {why}")));
    }
    let id = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    match Entity::survivor(scope, id)? {
        None => inactive("entity was not found"),
        Some(entity) if entity.disabled => inactive("entity is disabled"),
        Some(_) => Ok(None),
    }
}

/// Whether claims are of this issuer, for that client if one is named, and hold by now.
fn current(
    claims: &Map<String, Value>,
    client_id: &str,
    issuer: &str,
    scope: &Scope<'_>,
) -> Result<(), &'static str> {
    if claims.get("iss") != Some(&json!(issuer)) {
        return Err("invalid issuer claim (iss)");
    }
    if !client_id.is_empty() && claims.get("aud") != Some(&json!(client_id)) {
        return Err("invalid audience claim (aud)");
    }
    let expires = claims.get("exp").and_then(Value::as_u64).unwrap_or(0);
    if scope.now().as_secs() > expires.saturating_add(LEEWAY.as_secs()) {
        return Err("token is expired (exp)");
    }
    Ok(())
}
