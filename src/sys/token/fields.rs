//! What the endpoints of `auth/token` take.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::field::{Field, FieldInfo, Texts};

pub const TOKEN: Field<String> = Field::new("token", "The token.");
pub const ACCESSOR: Field<String> = Field::new("accessor", "The token's accessor.");
pub const INCREMENT: Field<Duration> =
    Field::new("increment", "How long it is to live from now; 0 for as long as the last time.");

pub const ID: Field<String> =
    Field::new("id", "The token's id, for callers with sudo; random when it is not sent.");
pub const POLICIES: Field<Texts> =
    Field::new("policies", "Its policies; the caller's when none are sent.");
pub const META: Field<Option<BTreeMap<String, String>>> =
    Field::new("meta", "Texts that are shown with it and in the audit log.");
pub const NO_PARENT: Field<bool> =
    Field::new("no_parent", "Whether it is to be an orphan, for callers with sudo.");
pub const NO_DEFAULT_POLICY: Field<bool> =
    Field::new("no_default_policy", "Whether it is made without the policy `default`.");
pub const TTL: Field<String> = Field::new("ttl", "How long it lives: seconds or a duration.");
pub const LEASE: Field<String> = Field::new("lease", "The old name of ttl.");
pub const RENEWABLE: Field<bool> = Field::new("renewable", "Whether it can be renewed.");
pub const EXPLICIT_MAX_TTL: Field<String> =
    Field::new("explicit_max_ttl", "How long it can live at most, whatever else changes.");
pub const DISPLAY_NAME: Field<String> = Field::new("display_name", "Its name for people.");
pub const NUM_USES: Field<i64> = Field::new("num_uses", "How often it can be used; 0 is no limit.");
pub const PERIOD: Field<String> =
    Field::new("period", "What each renewal sets its life back to, for callers with sudo.");
pub const TYPE: Field<String> = Field::new("type", "service or batch.");
pub const ENTITY_ALIAS: Field<String> =
    Field::new("entity_alias", "Whose it is to be, where the role allows it.");
pub const ROLE_NAME: Field<String> = Field::new("role_name", "The role.");

/// Of a token that is made.
pub const CREATE: &[&FieldInfo] = &[
    &ROLE_NAME.info,
    &ID.info,
    &POLICIES.info,
    &META.info,
    &NO_PARENT.info,
    &NO_DEFAULT_POLICY.info,
    &TTL.info,
    &LEASE.info,
    &RENEWABLE.info,
    &EXPLICIT_MAX_TTL.info,
    &DISPLAY_NAME.info,
    &NUM_USES.info,
    &PERIOD.info,
    &TYPE.info,
    &ENTITY_ALIAS.info,
];
