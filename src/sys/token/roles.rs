//! `auth/token/roles`: the terms on which tokens are made.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Service;
use super::fields::ROLE_NAME;
use crate::api::call::SystemCall;
use crate::api::field::{Field, FieldInfo, FieldType, Fields};
use crate::api::login::TokenType;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::auth::terms;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::pipeline::login::sanitized;
use crate::sys::settings::Settings;
use crate::token::role::{self, Role};

const ALLOWED: Field<Vec<String>> =
    Field::new("allowed_policies", "Policies that may be asked for.");
const ALLOWED_GLOB: Field<Vec<String>> =
    Field::new("allowed_policies_glob", "The same by patterns with `*` at an end.");
const DISALLOWED: Field<Vec<String>> =
    Field::new("disallowed_policies", "Policies that may not be asked for.");
const DISALLOWED_GLOB: Field<Vec<String>> =
    Field::new("disallowed_policies_glob", "The same by patterns with `*` at an end.");
const ENTITY_ALIASES: Field<Vec<String>> =
    Field::new("allowed_entity_aliases", "Entity aliases that may be asked for, by patterns.");
const ORPHAN: Field<bool> = Field::new("orphan", "Whether its tokens have no parent.");
const RENEWABLE: Field<bool> = Field::new("renewable", "Whether its tokens can be renewed.");
const PATH_SUFFIX: Field<String> =
    Field::new("path_suffix", "Put behind its tokens' path, to revoke them by it.");
const CIDRS: Field<Vec<String>> =
    Field::new("token_bound_cidrs", "Networks from which its tokens can be used.");
const OLD_CIDRS: Field<Vec<String>> =
    Field::new("bound_cidrs", "The old name of token_bound_cidrs.");
const EXPLICIT_MAX: Field<Duration> =
    Field::new("token_explicit_max_ttl", "How long its tokens can live at most; 0 for no end.");
const OLD_EXPLICIT_MAX: Field<Duration> =
    Field::new("explicit_max_ttl", "The old name of token_explicit_max_ttl.");
const PERIOD: Field<Duration> =
    Field::new("token_period", "What each renewal sets their life back to; 0 for none.");
const OLD_PERIOD: Field<Duration> = Field::new("period", "The old name of token_period.");
const NO_DEFAULT: Field<bool> =
    Field::new("token_no_default_policy", "Whether they go without the policy `default`.");
const NUM_USES: Field<i64> =
    Field::new("token_num_uses", "How often they can be used; 0 is no limit.");
const TYPE: Field<String> =
    Field::new("token_type", "service, batch, default-service or default-batch.");

pub const FIELDS: &[&FieldInfo] = &[
    &ROLE_NAME.info,
    &ALLOWED.info,
    &ALLOWED_GLOB.info,
    &DISALLOWED.info,
    &DISALLOWED_GLOB.info,
    &ENTITY_ALIASES.info,
    &ORPHAN.info,
    &RENEWABLE.info,
    &PATH_SUFFIX.info,
    &CIDRS.info,
    &OLD_CIDRS.info,
    &EXPLICIT_MAX.info,
    &OLD_EXPLICIT_MAX.info,
    &PERIOD.info,
    &OLD_PERIOD.info,
    &NO_DEFAULT.info,
    &NUM_USES.info,
    &TYPE.info,
];

pub fn list(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(role::list(call.txn)?)
}

pub fn exists(_: &Service, call: &mut SystemCall<'_>) -> Result<bool, Fault> {
    let name = name(call)?;
    Ok(role::get(call.txn, &name)?.is_some())
}

pub fn read(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = name(call)?;
    let role = role::get(call.txn, &name)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(shown(&name, &role)))
}

/// The role at an entry of the store, by its whole path.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    let Some(name) = role::name_at(entry) else { return Ok(Settings::new()) };
    let told = |role| (format!("auth/token/roles/{name}"), shown(name, &role));
    Ok(role::get(txn, name)?.map(told).into_iter().collect())
}

pub fn recover(_: &Service, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let (name, source) = (name(call)?, name(then)?);
    let role = role::get(then.txn, &source)?.ok_or_else(Fault::not_in_snapshot)?;
    role::put(call.txn, &name, &role)?;
    Ok(Reply::nothing())
}

pub fn delete(_: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = name(call)?;
    role::delete(call.txn, &name)?;
    Ok(Reply::nothing())
}

pub fn write(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = name(call)?;
    let mut role = role::get(call.txn, &name)?.unwrap_or_default();
    if call.data.get(TYPE.info.name).is_some_and(Value::is_null) {
        return Err(Fault::bad_request("Invalid 'token_type' value: null"));
    }
    set(&mut role, call.fields)?;
    let warnings = set_renamed(&mut role, call.fields)?;
    check(&role)?;
    let mut reply = warnings.into_iter().fold(Reply::nothing(), Reply::warn);
    let max = service.tokens.mount_ttls(call.txn, service.ttls)?.max;
    let explicit = role.explicit_max_ttl.as_secs();
    if explicit > max {
        reply = reply.warn(format!(
            "Given explicit max TTL of {explicit} is greater than system/mount allowed value of \
             {max} seconds; until this is fixed attempting to create tokens against this role \
             will result in an error"
        ));
    }
    role::put(call.txn, &name, &role)?;
    Ok(reply)
}

/// Letters, digits and underscores; hyphens and dots inside. Vault has no path for other names.
fn name(call: &SystemCall<'_>) -> Result<String, Fault> {
    let name = call.fields.need(&ROLE_NAME)?;
    match is_word(name, 1) {
        true => Ok(name.clone()),
        false => Err(Fault::unsupported_path()),
    }
}

fn is_word(text: &str, least: usize) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() >= least
        && text.chars().all(inner)
        && text.starts_with(outer)
        && text.ends_with(outer)
}

fn set(role: &mut Role, fields: &Fields<'_>) -> Result<(), Fault> {
    let unread = |why: &str| Fault::bad_request(format!("error parsing role fields: {why}"));
    for (field, list) in [
        (&ALLOWED, &mut role.allowed_policies),
        (&ALLOWED_GLOB, &mut role.allowed_policies_glob),
        (&DISALLOWED, &mut role.disallowed_policies),
        (&DISALLOWED_GLOB, &mut role.disallowed_policies_glob),
    ] {
        if let Some(sent) = fields.get(field) {
            *list = sanitized(sent, false);
        }
    }
    if let Some(sent) = fields.get(&ENTITY_ALIASES) {
        let mut lower: Vec<String> = sent.iter().map(|alias| alias.to_lowercase()).collect();
        lower.sort_unstable();
        role.allowed_entity_aliases = Some(lower);
    }
    for (field, flag) in [
        (&ORPHAN, &mut role.orphan),
        (&RENEWABLE, &mut role.renewable),
        (&NO_DEFAULT, &mut role.no_default_policy),
    ] {
        *flag = fields.get(field).copied().unwrap_or(*flag);
    }
    if let Some(sent) = fields.get(&PATH_SUFFIX) {
        if !sent.is_empty() && !is_word(sent, 3) {
            return Err(Fault::bad_request(
                "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w",
            ));
        }
        if sent.contains("..") {
            return Err(Fault::bad_request(
                "error registering path suffix: path cannot contain parent references",
            ));
        }
        role.path_suffix.clone_from(sent);
    }
    if let Some(sent) = fields.get(&NUM_USES) {
        let count = terms::count(*sent, "'token_num_uses'");
        role.num_uses = count.map_err(|fault| unread(&fault.errors.join("; ")))?;
    }
    if let Some(sent) = fields.get(&TYPE) {
        let kind = TokenType::named(sent).filter(|kind| *kind != TokenType::Default);
        role.kind =
            kind.ok_or_else(|| Fault::bad_request(format!("invalid 'token_type' value {sent:?}")))?;
    }
    Ok(())
}

/// Sets what has two names; the old one counts only without the new one. Returns warnings.
fn set_renamed(role: &mut Role, fields: &Fields<'_>) -> Result<Vec<String>, Fault> {
    let mut warnings = Vec::new();
    if let Some((sent, old)) = either(fields, &PERIOD, &OLD_PERIOD, &mut warnings) {
        role.period = terms::whole(*sent);
        role.old_names.period = old;
    }
    if let Some((sent, old)) = either(fields, &CIDRS, &OLD_CIDRS, &mut warnings) {
        role.bound_cidrs = terms::addresses(sent)
            .map_err(|why| Fault::bad_request(format!("error parsing role fields: {why}")))?;
        role.old_names.bound_cidrs = old;
    }
    if let Some((sent, old)) = either(fields, &EXPLICIT_MAX, &OLD_EXPLICIT_MAX, &mut warnings) {
        role.explicit_max_ttl = terms::whole(*sent);
        role.old_names.explicit_max_ttl = old;
    }
    Ok(warnings)
}

/// What was sent under either name, and whether that was the old one.
fn either<'f, T: FieldType>(
    fields: &'f Fields<'_>,
    new: &Field<T>,
    old: &Field<T>,
    warnings: &mut Vec<String>,
) -> Option<(T::Read<'f>, bool)> {
    match (fields.get(new), fields.get(old)) {
        (Some(sent), ignored) => {
            if ignored.is_some() {
                warnings.push(format!(
                    "Both '{}' and deprecated '{}' value supplied, ignoring the deprecated value",
                    new.info.name, old.info.name
                ));
            }
            Some((sent, false))
        }
        (None, Some(sent)) => Some((sent, true)),
        (None, None) => None,
    }
}

fn check(role: &Role) -> Result<(), Fault> {
    if role.kind != TokenType::Batch {
        return Ok(());
    }
    let wrong = if !role.orphan {
        "non-orphan tokens"
    } else if !role.period.is_zero() {
        "periodic tokens"
    } else if role.renewable {
        "renewable tokens"
    } else if !role.explicit_max_ttl.is_zero() {
        "tokens with an explicit max TTL"
    } else {
        return Ok(());
    };
    let text = format!("'token_type' cannot be 'batch' when role is set to generate {wrong}");
    Err(Fault::bad_request(text))
}

fn shown(name: &str, role: &Role) -> Map<String, Value> {
    let old = role.old_names;
    let secs = |shown: bool, span: Duration| if shown { span.as_secs() } else { 0 };
    let cidrs: Vec<String> = role.bound_cidrs.iter().map(ToString::to_string).collect();
    let mut data = object([
        ("allowed_entity_aliases", json!(role.allowed_entity_aliases)),
        ("allowed_policies", json!(role.allowed_policies)),
        ("allowed_policies_glob", json!(role.allowed_policies_glob)),
        ("disallowed_policies", json!(role.disallowed_policies)),
        ("disallowed_policies_glob", json!(role.disallowed_policies_glob)),
        ("explicit_max_ttl", secs(old.explicit_max_ttl, role.explicit_max_ttl).into()),
        ("name", name.into()),
        ("orphan", role.orphan.into()),
        ("path_suffix", role.path_suffix.as_str().into()),
        ("period", secs(old.period, role.period).into()),
        ("renewable", role.renewable.into()),
        ("token_explicit_max_ttl", role.explicit_max_ttl.as_secs().into()),
        ("token_no_default_policy", role.no_default_policy.into()),
        ("token_period", role.period.as_secs().into()),
        ("token_type", role.kind.as_str().into()),
    ]);
    if !cidrs.is_empty() {
        if old.bound_cidrs {
            data.insert(OLD_CIDRS.info.name.to_owned(), json!(cidrs));
        }
        data.insert(CIDRS.info.name.to_owned(), cidrs.into());
    }
    if role.num_uses != 0 {
        data.insert(NUM_USES.info.name.to_owned(), role.num_uses.into());
    }
    data
}
