//! Mounts as clients see them.

use serde_json::{Map, Value, json};

use super::fields::{PATH, USER_LOCKOUT};
use super::{Mounts, Table, lockout};
use crate::api::call::SystemCall;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::mount::config::{MountConfig, Ttls};
use crate::mount::table::Mount;

/// Lists all of a table's mounts.
pub fn list(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let all = mounts.store.read(call.txn)?;
    let its = all.iter().filter(|mount| table.holds(mount));
    Ok(Reply::data_at_top(its.map(|m| (m.listed_path().to_owned(), shown(m).into())).collect()))
}

/// Reads a mount. As in Vault, a path inside a secrets engine names it too.
pub fn read(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let sent = call.fields.need(&PATH)?;
    let (all, path) = (mounts.store.read(call.txn)?, table.path(sent));
    let mount = match table {
        Table::Secrets => all.resolve(&path).map(|(mount, _)| mount),
        Table::Auth => all.at(&path),
    };
    Ok(Reply::data_at_top(shown(mount.ok_or_else(|| table.nothing_at(sent))?)))
}

/// All that is shown of a mount.
pub fn shown(mount: &Mount) -> Map<String, Value> {
    let mut config = config(mount);
    if let Some(said) = mount.config.user_lockout {
        config.insert(USER_LOCKOUT.info.name.to_owned(), lockout::shown(said).into());
    }
    object([
        ("accessor", json!(mount.accessor)),
        ("config", Value::Object(config)),
        ("description", json!(mount.description)),
        ("external_entropy_access", json!(mount.external_entropy_access)),
        ("local", json!(mount.local)),
        ("options", json!(mount.options)),
        ("seal_wrap", json!(mount.seal_wrap)),
        ("type", json!(mount.kind)),
        ("uuid", json!(mount.uuid)),
    ])
}

/// What can be tuned of a mount, with the TTLs that hold in it.
pub fn tuning(mount: &Mount, system: Ttls) -> Map<String, Value> {
    let mut data = config(mount);
    let Ttls { default, max } = mount.ttls(system);
    data.insert("default_lease_ttl".into(), default.into());
    data.insert("max_lease_ttl".into(), max.into());
    data.insert("description".into(), mount.description.clone().into());
    data.extend(mount.config.user_lockout.map(lockout::shown).unwrap_or_default());
    if mount.external_entropy_access {
        data.insert("external_entropy_access".into(), true.into());
    }
    if let Some(options) = mount.options.as_ref().filter(|options| !options.is_empty()) {
        data.insert("options".into(), json!(options));
    }
    data
}

/// A mount's own configuration; what is not set is left out.
fn config(mount: &Mount) -> Map<String, Value> {
    let config = &mount.config;
    let MountConfig { default_lease_ttl, max_lease_ttl, force_no_cache, .. } = *config;
    let mut shown = object([
        ("default_lease_ttl", default_lease_ttl.into()),
        ("max_lease_ttl", max_lease_ttl.into()),
        ("force_no_cache", force_no_cache.into()),
    ]);
    let token_type = if mount.is_auth() { config.token_type.as_str() } else { "" };
    let texts =
        [("listing_visibility", config.listing_visibility.as_str()), ("token_type", token_type)];
    let lists = [
        ("passthrough_request_headers", &config.passthrough_request_headers),
        ("allowed_response_headers", &config.allowed_response_headers),
        ("audit_non_hmac_request_keys", &config.audit_non_hmac_request_keys),
        ("audit_non_hmac_response_keys", &config.audit_non_hmac_response_keys),
        ("allowed_managed_keys", &config.allowed_managed_keys),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        shown.insert(name.to_owned(), text.into());
    }
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        shown.insert(name.to_owned(), json!(list));
    }
    shown
}
