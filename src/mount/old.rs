//! Mounts as they were stored before.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::config::{self, TokenType, Visibility};
use super::table;
use crate::barrier::names::MountId;
use crate::base::record::{RecordError, decode_body};

/// Version 1 of a mount's record.
#[derive(Deserialize)]
pub struct Mount {
    path: String,
    kind: String,
    id: MountId,
    uuid: String,
    accessor: String,
    description: String,
    options: Option<BTreeMap<String, String>>,
    local: bool,
    seal_wrap: bool,
    external_entropy_access: bool,
    config: MountConfig,
}

#[derive(Deserialize)]
struct MountConfig {
    default_lease_ttl: u64,
    max_lease_ttl: u64,
    force_no_cache: bool,
    listing_visibility: Visibility,
    token_type: TokenType,
    passthrough_request_headers: Vec<String>,
    allowed_response_headers: Vec<String>,
    audit_non_hmac_request_keys: Vec<String>,
    audit_non_hmac_response_keys: Vec<String>,
    allowed_managed_keys: Vec<String>,
}

impl From<Mount> for table::Mount {
    fn from(old: Mount) -> Self {
        Self {
            path: old.path,
            kind: old.kind,
            id: old.id,
            uuid: old.uuid,
            accessor: old.accessor,
            description: old.description,
            options: old.options,
            local: old.local,
            seal_wrap: old.seal_wrap,
            external_entropy_access: old.external_entropy_access,
            config: old.config.into(),
            stay: old.id,
        }
    }
}

/// Version 2: all but the stay, which is the last field, and equals the id until there is a move.
pub fn before_stays(body: &[u8]) -> Result<table::Mount, RecordError> {
    let mount: table::Mount = decode_body(&[body, MountId::SYSTEM.as_bytes()].concat())?;
    Ok(table::Mount { stay: mount.id, ..mount })
}

impl From<MountConfig> for config::MountConfig {
    fn from(old: MountConfig) -> Self {
        Self {
            default_lease_ttl: old.default_lease_ttl,
            max_lease_ttl: old.max_lease_ttl,
            force_no_cache: old.force_no_cache,
            listing_visibility: old.listing_visibility,
            token_type: old.token_type,
            passthrough_request_headers: old.passthrough_request_headers,
            allowed_response_headers: old.allowed_response_headers,
            audit_non_hmac_request_keys: old.audit_non_hmac_request_keys,
            audit_non_hmac_response_keys: old.audit_non_hmac_response_keys,
            allowed_managed_keys: old.allowed_managed_keys,
            user_lockout: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::record::Record;

    #[test]
    fn earlier_versions_are_read() {
        // Version 3 is version 2 and the stay, version 2 is version 1 and a zero for an absence.
        let entropy = crate::base::entropy::SeededEntropy::new(1);
        let mut mount = table::Mount::new("auth/u/", "userpass", "people", &entropy);
        mount.config.max_lease_ttl = 300;
        mount.config.audit_non_hmac_request_keys = vec!["a".to_owned(), "b".to_owned()];
        let now = mount.encode();
        let (mut then, stay) = (now[..now.len() - 8].to_vec(), &now[now.len() - 8..]);
        assert_eq!((now[0], stay), (3, &mount.id.as_bytes()[..]));
        then[0] = 2;
        assert_eq!(table::Mount::decode(&then).as_ref(), Ok(&mount));
        assert_eq!(then.pop(), Some(0));
        then[0] = 1;
        assert_eq!(table::Mount::decode(&then), Ok(mount));
    }
}
