//! What is told of where requests meet a bound: quotas, and locks after failed logins.

use std::sync::Arc;

use crate::barrier::txn::TxnError;
use crate::barrier::{Barrier, Unsealed};
use crate::base::meter::{Metered, Readings};
use crate::pipeline::lockout::Lockouts;
use crate::pipeline::tokens::Tokens;
use crate::quota::limiter::Quotas;

/// Who knows the bounds.
pub struct Bounds {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// Rate limits.
    pub quotas: Arc<Quotas>,
    /// Lease counts.
    pub tokens: Arc<Tokens>,
    /// Who is locked out.
    pub lockouts: Arc<Lockouts>,
}

impl Metered for Bounds {
    fn tell(&self, to: &mut Readings) {
        self.quotas.tell(to);
        if let Some(unsealed) = self.barrier.unsealed() {
            // A store that cannot be read is told of elsewhere.
            let _ = self.tell_of(&unsealed, to);
        }
    }
}

impl Bounds {
    fn tell_of(&self, unsealed: &Arc<Unsealed>, to: &mut Readings) -> Result<(), TxnError> {
        let mut txn = unsealed.begin()?;
        let mounts = self.tokens.mounts.read(&mut txn)?;
        let locked = self.lockouts.locked(unsealed, &mounts)?;
        let locked: usize = locked.values().map(Vec::len).sum();
        to.gauge("vault.core.locked_users", "Users that are locked out.", locked as f64);
        self.tokens.tell_lease_counts(&mut txn, to)
    }
}
