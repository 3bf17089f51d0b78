//! Looking at tokens.

use serde_json::{Map, Value, json};

use super::fields::TOKEN;
use super::{Service, by_accessor as found_by_accessor, own as own_token};
use crate::api::call::SystemCall;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::pipeline::tokens::ROOT_PATH;
use crate::token::record::Token;

pub fn own(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = own_token(service, call)?;
    let id = call.ask.token.clone().unwrap_or_default();
    answer(service, call, &found.token, &id)
}

pub fn by_id(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let id = match call.fields.get(&TOKEN).filter(|id| !id.is_empty()) {
        Some(id) => Secret::new(id.as_str()),
        None => return own(service, call),
    };
    let found = service.tokens.find(call.txn, &id)?.ok_or_else(|| Fault::new(403, "bad token"))?;
    answer(service, call, &found.token, &id)
}

pub fn by_accessor(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = found_by_accessor(service, call)?;
    let found = found.ok_or_else(|| Fault::listed(400, "invalid accessor"))?;
    answer(service, call, &found.token, &Secret::default())
}

pub fn accessors(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(service.tokens.accessors(call.txn)?)
}

fn answer(service: &Service, call: &mut SystemCall<'_>, token: &Token, id: &Secret) -> Outcome {
    let mut data = shown(token, id, call.txn.expiry_now());
    let identity_policies = service.rights.identity_policies(call.txn, token)?;
    if !identity_policies.is_empty() {
        data.insert("identity_policies".to_owned(), json!(identity_policies));
        data.insert("external_namespace_policies".to_owned(), json!({}));
    }
    Ok(Reply::data(data))
}

fn shown(token: &Token, id: &Secret, now: Timestamp) -> Map<String, Value> {
    let life = &token.life;
    let left = life.expires.map_or(0, |end| end.since(now).as_millis().div_ceil(1_000));
    let mut shown = object([
        ("accessor", token.accessor.as_str().into()),
        ("creation_time", life.created.as_secs().into()),
        ("creation_ttl", life.creation_ttl.as_secs().into()),
        ("display_name", token.display_name.as_str().into()),
        ("entity_id", token.entity_id.as_str().into()),
        ("expire_time", life.expires.map(Timestamp::rfc3339).into()),
        ("explicit_max_ttl", life.explicit_max_ttl.as_secs().into()),
        ("id", String::from_utf8_lossy(id.expose()).into()),
        ("meta", json!(token.metadata)),
        ("num_uses", token.uses.shown().into()),
        ("orphan", token.parent.is_none().into()),
        ("path", token.path.as_str().into()),
        ("policies", json!(token.policies)),
        ("ttl", u64::try_from(left).unwrap_or(u64::MAX).into()),
        ("type", token.kind.as_str().into()),
    ]);
    let mut add = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    // Vault reads these from the token's lease; such a root token has none.
    if token.path != ROOT_PATH {
        add("issue_time", life.created.rfc3339().into());
        add("renewable", life.renewable.into());
    }
    if !life.period.is_zero() {
        add("period", life.period.as_secs().into());
    }
    if let Some(renewed) = life.renewed {
        add("last_renewal", renewed.rfc3339().into());
        add("last_renewal_time", renewed.as_secs().into());
    }
    if !token.role.is_empty() && token.login.is_none() {
        add("role", token.role.as_str().into());
    }
    if !token.bound_cidrs.is_empty() {
        add("bound_cidrs", token.bound_cidrs.iter().map(ToString::to_string).collect());
    }
    shown
}
