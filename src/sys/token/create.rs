//! Making tokens by tokens.

use std::time::Duration;

use super::fields::*;
use super::{Service, own};
use crate::api::call::SystemCall;
use crate::api::field::{Field, Fields};
use crate::api::login::TokenType;
use crate::api::reply::{Auth, Content, Reply};
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::policies::{CONTROL_GROUP, DEFAULT, RESPONSE_WRAPPING, ROOT};
use crate::base::secret::Secret;
use crate::base::ttl::Ttl;
use crate::pipeline::login::{past_max, sanitized, shown};
use crate::pipeline::tokens::Tokens;
use crate::policy;
use crate::policy::name::Name;
use crate::token::lifetime::Bounds;
use crate::token::record::{Kind, Lifetime, Parent, Token, Uses};
use crate::token::role::{self, Role};

/// Policies that no token is given by asking.
const NOT_ASSIGNABLE: [&str; 2] = [RESPONSE_WRAPPING, CONTROL_GROUP];

pub fn child(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    create(service, call, None, false)
}

pub fn orphan(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    create(service, call, None, true)
}

pub fn by_role(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&ROLE_NAME)?.clone();
    let role = role::get(call.txn, &name)?;
    let role = role.ok_or_else(|| Fault::bad_request(format!("unknown role {name}")))?;
    create(service, call, Some((&name, &role)), false)
}

/// A role with its name.
type Named<'r> = Option<(&'r str, &'r Role)>;

fn create(service: &Service, call: &mut SystemCall<'_>, named: Named<'_>, orphan: bool) -> Outcome {
    let parent = own(service, call)?;
    let sudo = call.caller.is_some_and(|caller| caller.sudo);
    if parent.token.kind == Kind::Batch {
        return Err(Fault::bad_request("batch tokens cannot create more tokens"));
    }
    if parent.token.uses.is_counted() {
        return Err(Fault::bad_request("restricted use token cannot generate child tokens"));
    }
    let fields = call.fields;
    let role = named.map(|(_, role)| role);
    let kind = kind(fields, role)?;
    let id = own_id(fields, sudo)?;
    let policies = match role.filter(|role| role.rules_policies()) {
        Some(role) => role_policies(fields, &parent.token, role)?,
        None => policies(fields, &parent.token, sudo)?,
    };
    check_policies(&policies, &parent.token, kind)?;
    let alias = alias(fields, role)?;
    let no_parent = role.is_none() && fields.get(&NO_PARENT).copied().unwrap_or_default();
    if no_parent && !sudo {
        let text = "root or sudo privileges required to create orphan token";
        return Err(Fault::bad_request(text));
    }
    let (bounds, mut warnings) = bounds(service, call, role, kind, sudo)?;
    let renewable = call.fields.get(&RENEWABLE).copied().unwrap_or(true);
    let renewable = renewable && role.is_none_or(|role| role.renewable);
    let (mut life, cut) = life(call, bounds, &policies, &parent.token, renewable)?;
    // What a role says is asked of it at each renewal.
    life.explicit_max_ttl = duration(fields, &EXPLICIT_MAX_TTL)?;
    life.period = duration(fields, &PERIOD)?;
    warnings.extend(cut);
    let suffix = role.map_or("", |role| &role.path_suffix);
    let path = format!("auth/token/{}/{suffix}", call.path);
    let mut token = service.tokens.draft(path.trim_end_matches('/').to_owned(), life);
    if kind == Kind::Batch {
        token = Tokens::batch(token);
    }
    token.policies = policies;
    token.uses = uses(fields, role)?;
    token.display_name = display_name(fields.get(&DISPLAY_NAME).map_or("", String::as_str));
    token.metadata = fields.get(&META).cloned().flatten();
    if let Some((name, role)) = named {
        token.role = name.to_owned();
        token.bound_cidrs.clone_from(&role.bound_cidrs);
    }
    if !(orphan || no_parent || role.is_some_and(|role| role.orphan)) {
        token.parent = Some(Parent { key: parent.key, accessor: parent.token.accessor });
        token.entity_id.clone_from(&parent.token.entity_id);
        // A role says from where its tokens can be used, or that it is from everywhere.
        if named.is_none() {
            token.bound_cidrs.clone_from(&parent.token.bound_cidrs);
        }
    }
    if let Some(alias) = alias {
        token.entity_id = service.tokens.entity_of_alias(call.txn, &alias)?;
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
fn own_id(fields: &Fields<'_>, sudo: bool) -> Result<Option<Secret>, Fault> {
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

fn kind(fields: &Fields<'_>, role: Option<&Role>) -> Result<Kind, Fault> {
    let asked = fields.get(&TYPE).map_or("", String::as_str);
    match (role.map(|role| role.kind), asked) {
        (Some(TokenType::Service), _) => return Ok(Kind::Service),
        (Some(TokenType::Batch), _) => return Ok(Kind::Batch),
        (Some(TokenType::DefaultBatch), "") | (_, "batch") => {}
        (_, "" | "service") => return Ok(Kind::Service),
        _ => return Err(Fault::bad_request("invalid 'token_type' value")),
    }
    let cannot =
        |what: &str| Fault::bad_request(format!("batch tokens cannot have \"{what}\" set"));
    for field in [&EXPLICIT_MAX_TTL, &PERIOD] {
        let name = field.info.name;
        let unread = |_| Fault::bad_request(format!("\"{name}\" value could not be parsed"));
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

/// How often it can be used: of what is asked and the role gives, the lesser.
fn uses(fields: &Fields<'_>, role: Option<&Role>) -> Result<Uses, Fault> {
    let asked = match fields.get(&NUM_USES).copied().unwrap_or(0) {
        ..0 => return Err(Fault::bad_request("number of uses cannot be negative")),
        number => u32::try_from(number).unwrap_or(u32::MAX),
    };
    Ok(Uses::of(match (asked, role.map_or(0, |role| role.num_uses)) {
        (0, number) | (number, 0) => number,
        (asked, given) => asked.min(given),
    }))
}

/// The alias whose entity it is to be, which a role must allow.
fn alias(fields: &Fields<'_>, role: Option<&Role>) -> Result<Option<String>, Fault> {
    let Some(alias) = fields.get(&ENTITY_ALIAS).filter(|alias| !alias.is_empty()) else {
        return Ok(None);
    };
    let Some(role) = role else {
        let text = "'entity_alias' is only allowed in combination with token role";
        return Err(Fault::bad_request(text));
    };
    let (alias, allowed) = (alias.to_lowercase(), role.allowed_entity_aliases.as_deref());
    match role::is_like(allowed.unwrap_or_default(), &alias) {
        true => Ok(Some(alias)),
        false => Err(Fault::bad_request("invalid 'entity_alias' value")),
    }
}

/// The policies by a role that says which: those asked for if all are allowed; when none are, all
/// that it names, or else the parent's.
fn role_policies(fields: &Fields<'_>, parent: &Token, role: &Role) -> Result<Vec<String>, Fault> {
    let asked = fields.get(&POLICIES).map(|texts| &*texts.0).unwrap_or_default();
    let without_default = fields.get(&NO_DEFAULT_POLICY).copied().unwrap_or_default();
    let is_disallowed = |policy: &String| {
        role.disallowed_policies.contains(policy)
            || role::is_like(&role.disallowed_policies_glob, policy)
    };
    let with_default =
        !(without_default || role.no_default_policy || is_disallowed(&DEFAULT.to_owned()));
    let (allowed, patterns) = (&role.allowed_policies, &role.allowed_policies_glob);
    let policies = if allowed.is_empty() && patterns.is_empty() {
        let source = if asked.is_empty() { &*parent.policies } else { asked };
        sanitized(source, with_default)
    } else if asked.is_empty() {
        sanitized(allowed, with_default)
    } else {
        let asked = sanitized(asked, with_default);
        let allowed = sanitized(allowed, with_default);
        let fits = |policy: &String| allowed.contains(policy) || role::is_like(patterns, policy);
        if !asked.iter().all(fits) {
            return Err(Fault::bad_request(format!(
                "token policies ({}) must be subset of the role's allowed policies ({}) or glob \
                 policies ({})",
                listed(&asked),
                listed(&allowed),
                listed(patterns),
            )));
        }
        asked
    };
    match policies.iter().find(|policy| is_disallowed(policy)) {
        Some(policy) => {
            Err(Fault::bad_request(format!("token policy {policy:?} is disallowed by this role")))
        }
        None => Ok(policies),
    }
}

/// As Go prints quoted texts in brackets.
fn listed(policies: &[String]) -> String {
    let quoted: Vec<String> = policies.iter().map(|policy| format!("{policy:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

/// Its policies: those asked for, which for callers without sudo are some of their own.
fn policies(fields: &Fields<'_>, parent: &Token, sudo: bool) -> Result<Vec<String>, Fault> {
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

/// What is asked of its time, and warnings: of what a role says too, the lesser counts.
fn bounds(
    service: &Service,
    call: &mut SystemCall<'_>,
    role: Option<&Role>,
    kind: Kind,
    sudo: bool,
) -> Result<(Bounds, Vec<String>), Fault> {
    let fields = call.fields;
    let mut warnings = Vec::new();
    let mut lesser = |what: &str, asked: Duration, given: Duration| {
        if asked.is_zero() || given.is_zero() {
            return asked.max(given);
        }
        let lesser = asked.min(given);
        warnings.push(format!(
            "{what} specified both during creation call and in role; using the lesser value of {} \
             seconds",
            lesser.as_secs()
        ));
        lesser
    };
    let given = |of: fn(&Role) -> Duration| role.map_or(Duration::ZERO, of);
    let asked = duration(fields, &EXPLICIT_MAX_TTL)?;
    let explicit_max_ttl = lesser("Explicit max TTL", asked, given(|role| role.explicit_max_ttl));
    let asked = duration(fields, &PERIOD)?;
    if !asked.is_zero() && !sudo {
        let text = "root or sudo privileges required to create periodic token";
        return Err(Fault::bad_request(text));
    }
    let given = match kind {
        Kind::Service => given(|role| role.period),
        // It is never renewed. How long it can live at most is another matter, and goes for it too.
        Kind::Batch => Duration::ZERO,
    };
    let period = lesser("Period", asked, given);
    let ttl = match fields.get(&TTL).is_some_and(|ttl| !ttl.is_empty()) {
        true => duration(fields, &TTL)?,
        false => duration(fields, &LEASE)?,
    };
    let ttls = service.tokens.mount_ttls(call.txn, service.ttls)?;
    let bounds = Bounds {
        increment: Duration::ZERO,
        ttl,
        max_ttl: Duration::ZERO,
        period,
        explicit_max_ttl,
        mount_default: Duration::from_secs(ttls.default),
        mount_max: Duration::from_secs(ttls.max),
    };
    Ok((bounds, warnings))
}

fn duration(fields: &Fields<'_>, field: &Field<String>) -> Result<Duration, Fault> {
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
    renewable: bool,
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
