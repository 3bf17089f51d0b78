//! Renewing tokens: by the terms on which they were made, or what their auth method says now.

use std::time::Duration;

use serde_json::{Map, Value};

use super::locate;
use super::login::{past_max, shown};
use super::rights::Rights;
use super::tokens::{Found, Tokens};
use crate::api::login::{Renewal, TokenTerms};
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::json;
use crate::mount::config::Ttls;
use crate::token::lifetime::Bounds;
use crate::token::record::{Kind, LoggedIn, Token};
use crate::token::role;

/// What is shown of a renewed token, and warnings.
pub type Renewed = (Map<String, Value>, Vec<String>);

/// Renews a token for `increment`, or when that is zero, for as long as the last time. `None` when
/// its auth method knows nothing of it any more.
pub fn renew(
    (tokens, rights): (&Tokens, &Rights),
    system: Ttls,
    txn: &mut Txn,
    found: &mut Found,
    increment: Duration,
) -> Result<Option<Renewed>, Fault> {
    let token = &found.token;
    if token.kind == Kind::Batch {
        return Err(Fault::bad_request("batch tokens cannot be renewed"));
    }
    if !token.life.renewable {
        return Err(Fault::bad_request("lease is not renewable"));
    }
    let bounds = match &token.login {
        Some(login) => by_method(tokens, system, txn, token, login)?,
        None => Some(by_itself(tokens, system, txn, token)?),
    };
    let Some(bounds) = bounds else { return Ok(None) };
    let now = txn.now();
    let granted = Bounds { increment, ..bounds }.grant(token.life.created, now);
    let granted = granted.map_err(|_| past_max())?;
    let life = &mut found.token.life;
    life.granted = granted.ttl;
    life.expires = Some(now.plus(granted.ttl));
    life.renewed = Some(now);
    tokens.renewed(txn, found)?;
    let identity_policies = rights.identity_policies(txn, &found.token)?;
    let shown = shown(&found.token, &identity_policies, "", granted.ttl);
    Ok(Some((shown, granted.warnings)))
}

/// The terms of a token that a token made.
fn by_itself(tokens: &Tokens, system: Ttls, txn: &mut Txn, token: &Token) -> Result<Bounds, Fault> {
    let mount = tokens.mount_ttls(txn, system)?;
    let (mut period, mut explicit_max_ttl) = (token.life.period, token.life.explicit_max_ttl);
    if !token.role.is_empty() {
        // What the role says now goes for its older tokens too.
        let role = role::get(txn, &token.role)?.ok_or_else(|| {
            let why = "could not be found, not renewing";
            Fault::listed(
                500,
                &format!("failed to renew entry: original token role {:?} {why}", token.role),
            )
        })?;
        let lesser = |own: Duration, given: Duration| match (own, given) {
            (Duration::ZERO, span) | (span, Duration::ZERO) => span,
            (own, given) => own.min(given),
        };
        period = lesser(period, role.period);
        explicit_max_ttl = lesser(explicit_max_ttl, role.explicit_max_ttl);
    }
    Ok(Bounds {
        increment: Duration::ZERO,
        ttl: token.life.granted,
        max_ttl: Duration::ZERO,
        period,
        explicit_max_ttl,
        mount_default: Duration::from_secs(mount.default),
        mount_max: Duration::from_secs(mount.max),
    })
}

/// The terms that the auth method of a login gives now.
fn by_method(
    tokens: &Tokens,
    system: Ttls,
    txn: &mut Txn,
    token: &Token,
    login: &LoggedIn,
) -> Result<Option<Bounds>, Fault> {
    let table = tokens.mounts.read(txn)?;
    let Some(mount) = table.during(login.stay, &login.path) else { return Ok(None) };
    let Some(method) = mount.engine() else { return Ok(None) };
    // It was written here, as an object.
    let internal = match json::read(login.internal.as_bytes()) {
        Ok(Value::Object(internal)) => internal,
        _ => Map::new(),
    };
    let mut renewal = Renewal {
        internal: &internal,
        policies: &token.policies,
        mount: &locate::view_of(mount, system),
        scope: txn.scope(mount.id),
    };
    let renewed = method.renew(&mut renewal).map_err(|fault| match fault.status {
        500 => Fault::listed(500, &format!("failed to renew entry: {}", fault.errors.join("; "))),
        _ => fault,
    })?;
    let Some(TokenTerms { ttl, max_ttl, period, .. }) = renewed else { return Ok(None) };
    let ttls = mount.ttls(system);
    Ok(Some(Bounds {
        increment: Duration::ZERO,
        ttl,
        max_ttl,
        period,
        explicit_max_ttl: token.life.explicit_max_ttl,
        mount_default: Duration::from_secs(ttls.default),
        mount_max: Duration::from_secs(ttls.max),
    }))
}
