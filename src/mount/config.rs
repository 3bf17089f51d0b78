//! What can be set of a mount, typed: no other value than these is ever stored.

use serde::{Deserialize, Serialize};

/// How long leases last, seconds.
#[derive(Clone, Copy, Debug)]
pub struct Ttls {
    /// Where nothing else says how long.
    pub default: u64,
    /// At most.
    pub max: u64,
}

/// A mount's configuration: what enabling sets and tuning changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MountConfig {
    /// Seconds; 0 where the system's holds.
    pub default_lease_ttl: u64,
    /// Seconds; 0 where the system's holds.
    pub max_lease_ttl: u64,
    /// Accepted and shown; nothing of a mount is cached.
    pub force_no_cache: bool,
    /// Who sees it in `sys/internal/ui/mounts`.
    pub listing_visibility: Visibility,
    /// Of an auth method: which tokens its logins make. Always the default elsewhere.
    pub token_type: TokenType,
    /// Names of request headers that the engine is to be shown: kept, as none wants any yet.
    pub passthrough_request_headers: Vec<String>,
    /// Names of headers that the engine may set: kept, as none sets any yet.
    pub allowed_response_headers: Vec<String>,
    /// Fields of requests that the audit log shows in the clear.
    pub audit_non_hmac_request_keys: Vec<String>,
    /// Fields of answers that the audit log shows in the clear.
    pub audit_non_hmac_response_keys: Vec<String>,
    /// Accepted and shown; there are no managed keys.
    pub allowed_managed_keys: Vec<String>,
    /// Of an auth method: what was said of locking its users out.
    pub user_lockout: Option<UserLockout>,
}

/// What was said of locking users out; zeros and false where the server's configuration holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLockout {
    /// After so many failed logins.
    pub threshold: u64,
    /// For so many seconds.
    pub duration: u64,
    /// Seconds without a failed login after which they are forgotten.
    pub counter_reset: u64,
    /// Nobody is.
    pub disable: bool,
}

/// Who sees a mount in the web interface's list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Not said: as hidden.
    #[default]
    Unset,
    /// Whom a policy allows something in it.
    Hidden,
    /// Everybody, without a token too.
    Unauth,
}

impl Visibility {
    /// Vault's word for it; empty when it was not set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Hidden => "hidden",
            Self::Unauth => "unauth",
        }
    }

    /// What that word means.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Unset, Self::Hidden, Self::Unauth].into_iter().find(|one| one.as_str() == name)
    }
}

/// Which tokens the logins of an auth method make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// Service tokens, unless a role or user says otherwise.
    #[default]
    DefaultService,
    /// Batch tokens, unless a role or user says otherwise.
    DefaultBatch,
    /// Service tokens, whatever a role or user says.
    Service,
    /// Batch tokens, whatever a role or user says.
    Batch,
}

impl TokenType {
    /// Vault's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DefaultService => "default-service",
            Self::DefaultBatch => "default-batch",
            Self::Service => "service",
            Self::Batch => "batch",
        }
    }

    /// What that word means; an empty one is the default.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::DefaultService, Self::DefaultBatch, Self::Service, Self::Batch];
        match name {
            "" => Some(Self::default()),
            name => all.into_iter().find(|one| one.as_str() == name),
        }
    }
}
