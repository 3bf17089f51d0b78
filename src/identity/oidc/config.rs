//! Who issues identity tokens.

use serde::{Deserialize, Serialize};

use crate::barrier::txn::{Scope, TxnError};
use crate::base::record::Record;

const PATH: &str = "oidc/config";
/// Where the endpoints lie on a server.
const BELOW: &str = "/v1/identity/oidc";

/// What can be configured.
#[derive(Default, Serialize, Deserialize)]
pub struct Config {
    /// Scheme, host and port under which the endpoints are reached; empty for the server's own.
    pub issuer: String,
}

impl Record for Config {
    const VERSION: u8 = 1;
}

impl Config {
    /// What is configured.
    pub fn load(scope: &mut Scope<'_>) -> Result<Self, TxnError> {
        Ok(scope.read(PATH)?.unwrap_or_default())
    }

    /// Replaces it.
    pub fn store(&self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        scope.write(PATH, self)
    }

    /// The issuer as tokens name it, of a server that is reached at `own`.
    pub fn issuer(&self, own: &str) -> String {
        let at = if self.issuer.is_empty() { own } else { &self.issuer };
        format!("{at}{BELOW}")
    }
}
