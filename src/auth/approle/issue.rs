//! `secret-id` and `custom-secret-id`: a new secret id.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fields::{CIDR_LIST, METADATA, NUM_USES, SECRET_ID, SECRET_ID_TOKEN_CIDRS, TTL};
use super::role::{Role, fits, name};
use super::roles::blocks;
use super::secret_id::{Place, SecretId};
use crate::api::call::Call;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::auth::terms::{count, whole};
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;
use crate::base::golang::quote;
use crate::base::json;
use crate::base::shell::word;

pub fn generate(_: &(), call: &mut Call<'_>) -> Outcome {
    let secret_id = call.scope.entropy().uuid();
    issue(call, &secret_id)
}

pub fn custom(_: &(), call: &mut Call<'_>) -> Outcome {
    let secret_id = call.fields.get(&SECRET_ID).filter(|sent| !sent.is_empty());
    let secret_id = secret_id.ok_or_else(|| Fault::bad_request("missing secret_id"))?;
    fits(secret_id, SECRET_ID.info.name)?;
    issue(call, secret_id)
}

/// One that was revoked is to stay so.
pub fn recover(_: &(), call: &mut Call<'_>, _: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let takes_them = Role::load(&mut call.scope, &name)?.is_some_and(|role| role.bind_secret_id);
    let refused = Fault::unsupported_operation();
    let path = call.ask.path.trim_end_matches('/');
    Err(match takes_them {
        true => refused.saying(format!(
            "no secret id comes back, as one that was revoked stays so; a new one is made by \
             `edgekeep write -force {}`",
            word(path)
        )),
        false => refused.saying("no secret id comes back, as one that was revoked stays so"),
    })
}

fn issue(call: &mut Call<'_>, secret_id: &str) -> Outcome {
    let name = name(call)?;
    let role = Role::load(&mut call.scope, &name)?;
    let role = role.ok_or_else(|| Fault::new(404, no_role(&name)))?;
    if !role.bind_secret_id {
        return Err(Fault::bad_request("bind_secret_id is not set on the role"));
    }
    let cidrs = cidrs(call, &CIDR_LIST, "CIDR")?;
    within(&cidrs, role.bound_cidrs.as_deref().unwrap_or_default())
        .map_err(|why| Fault::listed(500, &why))?;
    let token_cidrs = self::cidrs(call, &SECRET_ID_TOKEN_CIDRS, "token CIDR")?;
    within(&token_cidrs, &role.terms.token.bound_cidrs).map_err(|why| Fault::listed(500, &why))?;
    let (num_uses, ttl) = (num_uses(call, &role)?, ttl(call, &role)?);
    let metadata = call.fields.get(&METADATA).map(String::as_str).unwrap_or_default();
    let metadata = key_values(metadata)
        .map_err(|why| Fault::bad_request(format!("failed to parse metadata: {why}")))?;

    let place = Place::of(&call.scope, role.drawer, secret_id);
    if SecretId::load(&mut call.scope, &place)?.is_some() {
        let text = "failed to store secret_id: SecretID is already registered";
        return Err(Fault::listed(500, text));
    }
    let now = call.scope.now();
    let good_for = ttl.min(Duration::from_secs(call.mount.max_lease_ttl));
    let id = SecretId {
        accessor: call.scope.entropy().uuid(),
        num_uses,
        ttl,
        created: now,
        updated: now,
        ends: (!good_for.is_zero()).then(|| now.plus(good_for)),
        metadata,
        cidrs,
        token_cidrs,
    };
    id.insert(&mut call.scope, &place)?;
    Ok(Reply::data(object([
        ("secret_id", secret_id.into()),
        ("secret_id_accessor", id.accessor.into()),
        ("secret_id_num_uses", num_uses.into()),
        ("secret_id_ttl", good_for.as_secs().into()),
    ])))
}

/// What is said of a role that is not there.
pub fn no_role(name: &str) -> String {
    format!("role {} does not exist", quote(name))
}

/// Refuses networks that do not lie in those of the role, if it has any.
pub fn within(cidrs: &[Cidr], of_role: &[Cidr]) -> Result<(), String> {
    let covered = |cidr| of_role.iter().any(|wide| wide.covers(cidr));
    if of_role.is_empty() || cidrs.iter().all(covered) {
        return Ok(());
    }
    let shown = |cidrs: &[Cidr]| {
        let shown: Vec<String> = cidrs.iter().map(|cidr| quote(&cidr.to_block())).collect();
        shown.join(" ")
    };
    Err(format!(
        "failed to verify subset relationship between CIDR blocks on the role [{}] and CIDR blocks \
         on the secret ID [{}]",
        shown(of_role),
        shown(cidrs),
    ))
}

fn cidrs(call: &Call<'_>, field: &Field<Vec<String>>, what: &str) -> Result<Vec<Cidr>, Fault> {
    let failed = |why| Fault::listed(500, &format!("failed to validate {what} blocks: {why}"));
    blocks(call.fields.get(field).map(Vec::as_slice).unwrap_or_default()).map_err(failed)
}

fn num_uses(call: &Call<'_>, role: &Role) -> Result<u32, Fault> {
    let most = role.secret_id_num_uses;
    let Some(sent) = call.fields.get(&NUM_USES) else { return Ok(most) };
    let sent = count(*sent, NUM_USES.info.name)?;
    if most > 0 && (sent == 0 || sent > most) {
        return Err(Fault::bad_request(
            "num_uses cannot be higher than the role's secret_id_num_uses",
        ));
    }
    Ok(sent)
}

fn ttl(call: &Call<'_>, role: &Role) -> Result<Duration, Fault> {
    let longest = role.secret_id_ttl;
    let Some(sent) = call.fields.get(&TTL) else { return Ok(longest) };
    let sent = whole(*sent);
    if !longest.is_zero() && (sent.is_zero() || sent > longest) {
        return Err(Fault::bad_request("ttl cannot be longer than the role's secret_id_ttl"));
    }
    Ok(sent)
}

/// Names with texts: a JSON object of texts, or `name=text` with commas, either in base64 too. The
/// errors are Vault's.
fn key_values(text: &str) -> Result<BTreeMap<String, String>, String> {
    let text = text.trim();
    let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = decoded.as_deref().unwrap_or(text);
    let pairs = match json::read(text.as_bytes()).ok().and_then(texts) {
        Some(pairs) => pairs,
        None => listed(text).map_err(|why| format!("failed to parse the input: {why}"))?,
    };
    match pairs.iter().find(|(key, value)| !key.is_empty() && value.is_empty()) {
        Some((key, _)) => Err(format!("invalid value for key {}", quote(key))),
        None => Ok(pairs),
    }
}

/// A JSON object of texts; null stands for an empty one.
fn texts(json: Value) -> Option<BTreeMap<String, String>> {
    let text = |(key, value)| match value {
        Value::String(text) => Some((key, text)),
        Value::Null => Some((key, String::new())),
        _ => None,
    };
    match json {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(map) => map.into_iter().map(text).collect(),
        _ => None,
    }
}

fn listed(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    for pair in text.to_lowercase().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=').filter(|(_, value)| !value.contains('='))
        else {
            return Err("invalid <key,value> format".to_owned());
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.is_empty() {
            let (key, value) = (quote(key), quote(value));
            return Err(format!("invalid <key,value> pair: key: {key} value: {value}"));
        }
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_texts_are_read_as_vault_reads_them() {
        for (text, expected) in [
            ("", Ok(vec![])),
            ("null", Ok(vec![])),
            (r#"{"Owner":"Ann"}"#, Ok(vec![("Owner", "Ann")])),
            ("K1=V1, k2 = v2,", Ok(vec![("k1", "v1"), ("k2", "v2")])),
            ("eyJhIjoiYiJ9", Ok(vec![("a", "b")])),
            ("YT1i", Ok(vec![("a", "b")])),
            ("novalue", Err("failed to parse the input: invalid <key,value> format")),
            (r#"{"a":1}"#, Err("failed to parse the input: invalid <key,value> format")),
            ("a=b=c", Err("failed to parse the input: invalid <key,value> format")),
            (
                "a=",
                Err(r#"failed to parse the input: invalid <key,value> pair: key: "a" value: """#),
            ),
            (r#"{"a":""}"#, Err(r#"invalid value for key "a""#)),
        ] {
            let expected = expected.map(|pairs| {
                pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            });
            assert_eq!(key_values(text), expected.map_err(str::to_owned), "{text}");
        }
    }
}
