//! The token of a login.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::rights::{Rights, all_policies};
use super::tokens::Tokens;
use crate::api::ask::Ask;
use crate::api::call::MountView;
use crate::api::login::{Login, TokenType};
use crate::api::reply::object;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::policies::{DEFAULT, ROOT};
use crate::identity;
use crate::mount::config;
use crate::mount::table::{Mount, MountTable};
use crate::token::lifetime::Bounds;
use crate::token::record::{Kind, Lifetime, LoggedIn, Token, Uses};

/// Makes the token of a login through the mount `view`. Returns what is shown of it, and warnings.
pub fn make(
    (tokens, rights): (&Tokens, &Rights),
    txn: &mut Txn,
    ask: &Ask,
    view: &MountView,
    login: &Login,
) -> Result<(Map<String, Value>, Vec<String>), Fault> {
    let terms = &login.terms;
    let policies = sanitized(&terms.policies, !terms.no_default_policy);
    if policies.iter().any(|policy| policy == ROOT) {
        return Err(Fault::bad_request("auth methods cannot create root tokens"));
    }
    let bounds = Bounds {
        increment: Duration::ZERO,
        ttl: terms.ttl,
        max_ttl: terms.max_ttl,
        period: terms.period,
        explicit_max_ttl: terms.explicit_max_ttl,
        mount_default: Duration::from_secs(view.default_lease_ttl),
        mount_max: Duration::from_secs(view.max_lease_ttl),
    };
    let now = txn.now();
    let granted = bounds.grant(now, now).map_err(|_| past_max())?;
    let table = tokens.mounts.read(txn)?;
    let mount = table.at(&view.path).ok_or_else(Fault::denied)?;
    let kind = kind(mount.config.token_type, terms.kind);
    let life = Lifetime {
        created: now,
        creation_ttl: granted.ttl,
        granted: granted.ttl,
        expires: Some(now.plus(granted.ttl)),
        renewed: None,
        renewable: true,
        explicit_max_ttl: terms.explicit_max_ttl,
        period: terms.period,
    };
    let mut token = tokens.draft(ask.path.clone(), life);
    if kind == Kind::Batch {
        token = Tokens::batch(token);
    }
    token.policies = policies;
    token.display_name = display_name(&view.path, &login.display_name);
    token.metadata = Some(login.metadata.clone()).filter(|metadata| !metadata.is_empty());
    token.uses = Uses::of(terms.num_uses);
    token.role.clone_from(&login.role);
    token.bound_cidrs.clone_from(&terms.bound_cidrs);
    token.login = Some(LoggedIn {
        stay: mount.stay,
        path: view.path.clone(),
        internal: Value::Object(login.internal.clone()).to_string(),
        max_ttl: terms.max_ttl,
    });
    token.entity_id = entity(tokens, txn, &table, mount, login)?;
    let identity_policies = rights.identity_policies(txn, &token)?;
    let id = tokens.make(txn, &token, None)?;
    let id = String::from_utf8_lossy(id.expose());
    let shown = shown(&token, &identity_policies, &id, granted.ttl);
    Ok((shown, granted.warnings))
}

/// The entity of whoever logs in; made at the first login. None when the method does not say who.
fn entity(
    tokens: &Tokens,
    txn: &mut Txn,
    table: &MountTable,
    mount: &Mount,
    login: &Login,
) -> Result<String, Fault> {
    let Some(alias) = &login.alias else { return Ok(String::new()) };
    let identities = table.at("identity/").ok_or_else(Fault::denied)?;
    let said = identity::login::Login {
        accessor: &mount.accessor,
        local: mount.local,
        name: &alias.name,
        metadata: &alias.metadata,
        groups: &login.group_aliases,
    };
    identity::login::login(&mut txn.scope(identities.id), &said, &*tokens.entropy)
}

/// What is shown of a token that was just made or renewed. `identity_policies` are those that its
/// entity adds to its own.
pub fn shown(
    token: &Token,
    identity_policies: &[String],
    id: &str,
    ttl: Duration,
) -> Map<String, Value> {
    let mut shown = object([
        ("client_token", id.into()),
        ("accessor", token.accessor.as_str().into()),
        ("policies", all_policies(&token.policies, identity_policies).into()),
        ("metadata", json!(token.metadata)),
        ("lease_duration", ttl.as_secs().into()),
        ("renewable", token.life.renewable.into()),
        ("entity_id", token.entity_id.as_str().into()),
        ("token_type", token.kind.as_str().into()),
        ("orphan", token.parent.is_none().into()),
        ("mfa_requirement", Value::Null),
        ("num_uses", token.uses.shown().into()),
    ]);
    if !token.policies.is_empty() {
        shown.insert("token_policies".to_owned(), json!(token.policies));
    }
    if !identity_policies.is_empty() {
        let sorted = all_policies(&[], identity_policies);
        shown.insert("identity_policies".to_owned(), sorted.into());
    }
    shown
}

/// Policies as a token has them: in lower case, sorted, each once; `root` stands alone.
pub fn sanitized(policies: &[String], with_default: bool) -> Vec<String> {
    let names = policies.iter().map(|policy| policy.trim().to_lowercase());
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    if names.iter().any(|name| name == ROOT) {
        return vec![ROOT.to_owned()];
    }
    if with_default {
        names.push(DEFAULT.to_owned());
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// A token has lived as long as it can.
pub fn past_max() -> Fault {
    Fault::bad_request("past the max TTL, cannot renew")
}

fn kind(mount: config::TokenType, wanted: TokenType) -> Kind {
    match (mount, wanted) {
        (config::TokenType::Service, _) => Kind::Service,
        (config::TokenType::Batch, _) => Kind::Batch,
        (_, TokenType::Service | TokenType::DefaultService) => Kind::Service,
        (_, TokenType::Batch | TokenType::DefaultBatch) => Kind::Batch,
        (config::TokenType::DefaultService, TokenType::Default) => Kind::Service,
        (config::TokenType::DefaultBatch, TokenType::Default) => Kind::Batch,
    }
}

/// `auth/team/userpass/` and `bob` are `team-userpass-bob`.
fn display_name(mount: &str, name: &str) -> String {
    let mount = mount.strip_prefix("auth/").unwrap_or(mount).replace('/', "-");
    format!("{mount}{name}").trim_end_matches('-').to_owned()
}
