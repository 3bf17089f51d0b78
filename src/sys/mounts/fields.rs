//! What is sent to enable, tune and move mounts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::field::{Field, FieldInfo};

/// Where to mount, or what is mounted.
pub const PATH: Field<String> = Field::new("path", "Where to mount, or what is mounted.");
/// The type.
pub const TYPE: Field<String> =
    Field::new("type", "The type of the engine or auth method, such as kv or userpass.");
/// Free text.
pub const DESCRIPTION: Field<String> = Field::new("description", "Free text.");
/// The engine's options.
pub const OPTIONS: Field<Option<BTreeMap<String, String>>> =
    Field::new("options", "Options of its own, such as version for kv; an empty one is taken out.");
/// What can be tuned later.
pub const CONFIG: Field<Option<Map<String, Value>>> =
    Field::new("config", "What can be tuned later: TTLs, listing_visibility and the like.");
/// Accepted.
pub const LOCAL: Field<bool> = Field::new("local", "Accepted; there is no replication.");
/// Accepted.
pub const SEAL_WRAP: Field<bool> = Field::new("seal_wrap", "Accepted; everything is sealed.");
/// Accepted.
pub const EXTERNAL_ENTROPY: Field<bool> =
    Field::new("external_entropy_access", "Accepted; there is no entropy augmentation.");
/// The type, where `plugin` is sent for it.
pub const PLUGIN_NAME: Field<String> =
    Field::new("plugin_name", "The type, where the type is given as plugin.");
/// Accepted.
pub const PLUGIN_VERSION: Field<String> =
    Field::new("plugin_version", "Accepted; there is one version of each type.");
/// How long leases last.
pub const DEFAULT_TTL: Field<String> =
    Field::new("default_lease_ttl", "Seconds or a duration; `system` for the server's.");
/// How long leases last at most.
pub const MAX_TTL: Field<String> =
    Field::new("max_lease_ttl", "Seconds or a duration; `system` for the server's.");
/// Accepted.
pub const FORCE_NO_CACHE: Field<bool> =
    Field::new("force_no_cache", "Accepted; there is no cache.");
/// Who sees the mount.
pub const VISIBILITY: Field<String> = Field::new(
    "listing_visibility",
    "unauth for a mount that is listed to everybody, hidden or empty for one that is not.",
);
/// Which tokens logins make.
pub const TOKEN_TYPE: Field<String> = Field::new(
    "token_type",
    "Of auth methods: service, batch, or default-service or default-batch, which roles override.",
);
/// When users are locked out.
pub const USER_LOCKOUT: Field<Option<Map<String, Value>>> = Field::new(
    "user_lockout_config",
    "Of auth methods whose users have names: lockout_threshold, lockout_duration, \
     lockout_counter_reset_duration and lockout_disable.",
);
/// Accepted.
pub const REQUEST_HEADERS: Field<Vec<String>> = Field::new(
    "passthrough_request_headers",
    "Names of request headers; kept and shown, as no engine here wants any yet.",
);
/// Accepted.
pub const RESPONSE_HEADERS: Field<Vec<String>> = Field::new(
    "allowed_response_headers",
    "Names of response headers; kept and shown, as no engine here sets any yet.",
);
/// Fields in the clear in the audit log.
pub const REQUEST_KEYS: Field<Vec<String>> = Field::new(
    "audit_non_hmac_request_keys",
    "Fields of requests that audit devices log in the clear.",
);
/// Fields in the clear in the audit log.
pub const RESPONSE_KEYS: Field<Vec<String>> = Field::new(
    "audit_non_hmac_response_keys",
    "Fields of answers that audit devices log in the clear.",
);
/// Accepted.
pub const MANAGED_KEYS: Field<Vec<String>> =
    Field::new("allowed_managed_keys", "Accepted; there are no managed keys.");
/// Of a move.
pub const FROM: Field<String> = Field::new("from", "Where the engine or auth method is.");
/// Of a move.
pub const TO: Field<String> = Field::new("to", "Where it is to be.");
/// Of a move.
pub const MIGRATION: Field<String> = Field::new("migration_id", "What the move was answered with.");

/// What enabling takes.
pub const OF_ENABLING: &[&FieldInfo] = &[
    &PATH.info,
    &TYPE.info,
    &DESCRIPTION.info,
    &OPTIONS.info,
    &CONFIG.info,
    &LOCAL.info,
    &SEAL_WRAP.info,
    &EXTERNAL_ENTROPY.info,
    &PLUGIN_NAME.info,
    &PLUGIN_VERSION.info,
];

/// What tuning takes.
pub const OF_TUNING: &[&FieldInfo] = &[
    &PATH.info,
    &DESCRIPTION.info,
    &OPTIONS.info,
    &PLUGIN_VERSION.info,
    &DEFAULT_TTL.info,
    &MAX_TTL.info,
    &VISIBILITY.info,
    &TOKEN_TYPE.info,
    &USER_LOCKOUT.info,
    &REQUEST_HEADERS.info,
    &RESPONSE_HEADERS.info,
    &REQUEST_KEYS.info,
    &RESPONSE_KEYS.info,
    &MANAGED_KEYS.info,
];

/// What the `config` of enabling may hold.
pub const OF_CONFIG: &[&FieldInfo] = &[
    &PLUGIN_NAME.info,
    &DEFAULT_TTL.info,
    &MAX_TTL.info,
    &FORCE_NO_CACHE.info,
    &VISIBILITY.info,
    &TOKEN_TYPE.info,
    &USER_LOCKOUT.info,
    &REQUEST_HEADERS.info,
    &RESPONSE_HEADERS.info,
    &REQUEST_KEYS.info,
    &RESPONSE_KEYS.info,
    &MANAGED_KEYS.info,
];
