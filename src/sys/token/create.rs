//! Making tokens by tokens.

use std::time::Duration;

use super::fields::*;
use super::{Service, own};
use crate::api::call::SystemCall;
use crate::api::field::{Field, Fields};
use crate::api::reply::{Auth, Content, Reply};
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::base::ttl::Ttl;
use crate::pipeline::login::{DEFAULT, past_max, sanitized, shown};
use crate::pipeline::tokens::Tokens;
use crate::policy;
use crate::policy::name::Name;
use crate::token::lifetime::Bounds;
use crate::token::record::{Kind, Lifetime, Parent, RESPONSE_WRAPPING, ROOT, Token, Uses};

/// Policies that no token is given by asking.
const NOT_ASSIGNABLE: [&str; 2] = [RESPONSE_WRAPPING, "control-group"];

pub fn child(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    create(service, call, false)
}

pub fn orphan(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    create(service, call, true)
}

fn create(service: &Service, call: &mut SystemCall<'_>, orphan: bool) -> Outcome {
    let parent = own(service, call)?;
    let sudo = call.caller.is_some_and(|caller| caller.sudo);
    if parent.token.kind == Kind::Batch {
        return Err(Fault::bad_request("batch tokens cannot create more tokens"));
    }
    if parent.token.uses.is_counted() {
        return Err(Fault::bad_request("restricted use token cannot generate child tokens"));
    }
    let fields = call.fields;
    let kind = kind(fields)?;
    let uses = match fields.get(&NUM_USES).copied().unwrap_or(0) {
        ..0 => return Err(Fault::bad_request("number of uses cannot be negative")),
        number => u32::try_from(number).unwrap_or(u32::MAX),
    };
    let id = own_id(fields, sudo)?;
    let policies = policies(fields, &parent.token, sudo)?;
    check_policies(&policies, &parent.token, kind)?;
    if fields.get(&ENTITY_ALIAS).is_some_and(|alias| !alias.is_empty()) {
        let text = "'entity_alias' is only allowed in combination with token role";
        return Err(Fault::bad_request(text));
    }
    let no_parent = fields.get(&NO_PARENT).copied().unwrap_or_default();
    if no_parent && !sudo {
        let text = "root or sudo privileges required to create orphan token";
        return Err(Fault::bad_request(text));
    }
    let bounds = bounds(service, call, sudo)?;
    let (life, warnings) = life(call, bounds, &policies, &parent.token)?;
    let mut token = service.tokens.draft(format!("auth/token/{}", call.path), life);
    if kind == Kind::Batch {
        token = Tokens::batch(token);
    }
    token.policies = policies;
    token.uses = Uses::of(uses);
    token.display_name = display_name(fields.get(&DISPLAY_NAME).map_or("", String::as_str));
    token.metadata = fields.get(&META).cloned().flatten();
    if !(orphan || no_parent) {
        token.parent = Some(Parent { key: parent.key, accessor: parent.token.accessor });
        token.entity_id.clone_from(&parent.token.entity_id);
        token.bound_cidrs.clone_from(&parent.token.bound_cidrs);
    }
    let id = service.tokens.make(call.txn, &token, id)?;
    let mut reply = Reply::of(200, Content::Data(None));
    reply.warnings = warnings;
    for policy in &token.policies {
        let name = Name::of(policy);
        if !name.is_fixed() && !policy::store::exists(call.txn, &name)? {
            reply = reply.warn(format!("Policy {policy:?} does not exist"));
        }
    }
    let ttl = token.life.creation_ttl;
    let identity_policies = service.rights.identity_policies(call.txn, &token)?;
    let id = String::from_utf8_lossy(id.expose());
    reply.auth = Auth::Shown(shown(&token, &identity_policies, &id, ttl));
    Ok(reply)
}

/// The id that is asked for. None can look like one that was made here.
fn own_id(fields: &Fields, sudo: bool) -> Result<Option<Secret>, Fault> {
    let Some(id) = fields.get(&ID).filter(|id| !id.is_empty()) else { return Ok(None) };
    if !sudo {
        return Err(Fault::bad_request("root or sudo privileges required to specify token id"));
    }
    if let Some(prefix) = ["hvs.", "s."].into_iter().find(|prefix| id.starts_with(prefix)) {
        return Err(Fault::bad_request(format!(
            "custom token ID cannot have the '{prefix}' prefix"
        )));
    }
    if id.contains('.') {
        return Err(Fault::bad_request("custom token ID cannot have a '.' in the value"));
    }
    Ok(Some(Secret::new(id.as_str())))
}

fn kind(fields: &Fields) -> Result<Kind, Fault> {
    match fields.get(&TYPE).map_or("", String::as_str) {
        "" | "service" => Ok(Kind::Service),
        "batch" => {
            let cannot =
                |what: &str| Fault::bad_request(format!("batch tokens cannot have \"{what}\" set"));
            for field in [&EXPLICIT_MAX_TTL, &PERIOD] {
                let name = field.info.name;
                let unread =
                    |_| Fault::bad_request(format!("\"{name}\" value could not be parsed"));
                let text = fields.get(field).map_or("", String::as_str);
                if !Ttl::parse(text).map_err(unread)?.is_zero() {
                    return Err(cannot(name));
                }
            }
            if fields.get(&NUM_USES).is_some_and(|number| *number != 0) {
                return Err(cannot(NUM_USES.info.name));
            }
            Ok(Kind::Batch)
        }
        _ => Err(Fault::bad_request("invalid 'token_type' value")),
    }
}

/// Its policies: those asked for, which for callers without sudo are some of their own.
fn policies(fields: &Fields, parent: &Token, sudo: bool) -> Result<Vec<String>, Fault> {
    let asked = fields.get(&POLICIES).map(|texts| &*texts.0).unwrap_or_default();
    let without_default = fields.get(&NO_DEFAULT_POLICY).copied().unwrap_or_default();
    let parent_has_default = parent.policies.iter().any(|policy| policy == DEFAULT);
    let mut policies = if asked.is_empty() {
        parent.policies.clone()
    } else if sudo {
        sanitized(asked, !without_default)
    } else {
        let policies = sanitized(asked, false);
        if !policies.iter().all(|policy| parent.policies.contains(policy)) {
            return Err(Fault::bad_request("child policies must be subset of parent"));
        }
        sanitized(&policies, parent_has_default && !without_default)
    };
    if without_default {
        policies.retain(|policy| policy != DEFAULT);
    }
    Ok(policies)
}

fn check_policies(policies: &[String], parent: &Token, kind: Kind) -> Result<(), Fault> {
    if let Some(policy) = policies.iter().find(|policy| NOT_ASSIGNABLE.contains(&&***policy)) {
        return Err(Fault::bad_request(format!("cannot assign policy {policy:?}")));
    }
    if policies.iter().any(|policy| policy == ROOT) {
        if !parent.is_root() {
            let text = "root tokens may not be created without parent token being root";
            return Err(Fault::bad_request(text));
        }
        if kind == Kind::Batch {
            return Err(Fault::bad_request("batch tokens cannot be root tokens"));
        }
    }
    Ok(())
}

/// What is asked of its time.
fn bounds(service: &Service, call: &mut SystemCall<'_>, sudo: bool) -> Result<Bounds, Fault> {
    let fields = call.fields;
    let explicit_max_ttl = duration(fields, &EXPLICIT_MAX_TTL)?;
    let period = duration(fields, &PERIOD)?;
    if !period.is_zero() && !sudo {
        let text = "root or sudo privileges required to create periodic token";
        return Err(Fault::bad_request(text));
    }
    let ttl = match fields.get(&TTL).is_some_and(|ttl| !ttl.is_empty()) {
        true => duration(fields, &TTL)?,
        false => duration(fields, &LEASE)?,
    };
    let ttls = service.tokens.mount_ttls(call.txn, service.ttls)?;
    Ok(Bounds {
        increment: Duration::ZERO,
        ttl,
        max_ttl: Duration::ZERO,
        period,
        explicit_max_ttl,
        mount_default: Duration::from_secs(ttls.default),
        mount_max: Duration::from_secs(ttls.max),
    })
}

fn duration(fields: &Fields, field: &Field<String>) -> Result<Duration, Fault> {
    let text = fields.get(field).map_or("", String::as_str);
    let ttl = Ttl::parse(text).map_err(|error| Fault::bad_request(error.to_string()))?;
    let name = field.info.name;
    ttl.to_duration().ok_or_else(|| Fault::bad_request(format!("{name} must be positive")))
}

/// How long it lives. Only a root token can live without an end, and only one without an end can
/// make such a token.
fn life(
    call: &SystemCall<'_>,
    bounds: Bounds,
    policies: &[String],
    parent: &Token,
) -> Result<(Lifetime, Vec<String>), Fault> {
    let now = call.txn.now();
    let root = policies.iter().any(|policy| policy == ROOT);
    let endless = root && bounds.ttl.is_zero() && bounds.period.is_zero();
    let (ttl, warnings) = if endless {
        (bounds.explicit_max_ttl, Vec::new())
    } else {
        let granted = bounds.grant(now, now).map_err(|_| past_max())?;
        (granted.ttl, granted.warnings)
    };
    if ttl.is_zero() && parent.life.expires.is_some() {
        let text = "expiring root tokens cannot create non-expiring root tokens";
        return Err(Fault::bad_request(text));
    }
    let renewable = call.fields.get(&RENEWABLE).copied().unwrap_or(true);
    let life = Lifetime {
        created: now,
        creation_ttl: ttl,
        granted: ttl,
        expires: (!ttl.is_zero()).then(|| now.plus(ttl)),
        renewed: None,
        renewable: renewable && !ttl.is_zero(),
        explicit_max_ttl: bounds.explicit_max_ttl,
        period: bounds.period,
    };
    Ok((life, warnings))
}

/// `token`, with what was asked for in letters, digits and hyphens.
fn display_name(asked: &str) -> String {
    if asked.is_empty() {
        return "token".to_owned();
    }
    let clean = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = asked.chars().map(clean).collect();
    let full = format!("token-{name}");
    full.strip_suffix('-').unwrap_or(&full).to_owned()
}
