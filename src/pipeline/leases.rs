//! Leases, as quotas count them: the only place that adds them to the store and removes them.
//!
//! Each is counted by the path of the request that it comes from, and that of a login by its role
//! too. Those of root tokens are not counted: whoever has come too far can still get in.

use std::sync::Arc;

use super::Pipeline;
use super::revoke::{Reaper, held};
use super::tokens::{Found, Tokens};
use crate::barrier::Unsealed;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::meter::Readings;
use crate::lease::store::{self, Holder};
use crate::quota::leases::{Counts, Crowded, Origin};
use crate::token::record::{Token, TokenKey};

/// Where root tokens are made.
const TOKENS: &str = "auth/token";

impl Tokens {
    /// Adds the lease of a new token.
    ///
    /// # Errors
    /// Vault's 429 where a quota allows no more. A batch token has no lease, but is refused too.
    pub(super) fn lease(&self, txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), Fault> {
        if let Some(origin) = origin(token)
            && let Err(Crowded) = self.counts.add(txn, origin, &census)?
        {
            return Err(Fault::crowded(&token.path));
        }
        let holder = Holder::Token(key.hex());
        Ok(store::insert(txn, &token.lease_id(key), holder, token.life.expires)?)
    }

    /// Refuses a batch token, which has no lease, where a quota allows no more.
    pub(super) fn lease_none(&self, txn: &mut Txn, token: &Token) -> Result<(), Fault> {
        match origin(token) {
            Some(origin) if self.counts.is_full(txn, origin, &census)? => {
                Err(Fault::crowded(&token.path))
            }
            _ => Ok(()),
        }
    }

    /// Removes the lease of a token.
    pub(super) fn end_lease(&self, txn: &mut Txn, found: &Found) -> Result<(), TxnError> {
        let id = found.token.lease_id(found.key);
        match origin(&found.token) {
            Some(origin) if store::get(txn, &id)?.is_some() => {
                self.counts.remove(txn, origin, &census)?;
            }
            _ => {}
        }
        store::remove(txn, &id)
    }

    /// Removes a lease of nothing.
    pub(super) fn end_lease_of_none(&self, txn: &mut Txn, id: &str) -> Result<(), TxnError> {
        self.counts.remove(txn, Origin { path: path(id), role: None }, &census)?;
        store::remove(txn, id)
    }

    /// How many leases the quota of that name counts.
    pub fn lease_count(&self, txn: &mut Txn, quota: &str) -> Result<u64, TxnError> {
        Ok(self.counts.counter(txn, quota, &census)?.unwrap_or_default())
    }

    /// Tells what quotas on leases count.
    pub(super) fn tell_lease_counts(
        &self,
        txn: &mut Txn,
        to: &mut Readings,
    ) -> Result<(), TxnError> {
        self.counts.tell(txn, &census, to)
    }
}

impl Pipeline {
    /// Removes the leases that have ended, which the background would come to; whether there were
    /// any. Leases are looked through for those whose time is over once a second at most.
    pub(super) fn make_room(&self, unsealed: &Arc<Unsealed>) -> Result<bool, TxnError> {
        let anew = self.tokens.counts.is_due(unsealed.time().expiry_now());
        Reaper::new(self.tokens.clone()).hasten(unsealed, anew)
    }
}

/// Counts the leases that the store has.
fn census(txn: &mut Txn, counts: &Counts) -> Result<(), TxnError> {
    let mut folders: Vec<String> = counts.scopes().map(|scope| scope.to_owned()).collect();
    while let Some(path) = folders.pop() {
        let (number, below) = store::count_right_below(txn, &path)?;
        let within = |name| if path.is_empty() { name } else { format!("{path}/{name}") };
        folders.extend(below.into_iter().filter(|name| !name.is_empty()).map(within));
        // Whose a lease is matters only where root tokens are made, or logins as roles.
        if !path.starts_with(TOKENS) && !counts.want_role(&path) {
            counts.found(Origin { path: &path, role: None }, number);
            continue;
        }
        for name in store::list(txn, &path)?.iter().filter(|name| !name.ends_with('/')) {
            let Some(lease) = store::get(txn, &format!("{path}/{name}"))? else { continue };
            match held(txn, &lease.holder)? {
                Some(found) => origin(&found.token).into_iter().for_each(|o| counts.found(o, 1)),
                None => counts.found(Origin { path: &path, role: None }, 1),
            }
        }
    }
    Ok(())
}

/// Where a token comes from; none for a root token.
fn origin(token: &Token) -> Option<Origin<'_>> {
    let role = token.login.as_ref().map(|_| token.role.as_str()).filter(|role| !role.is_empty());
    (!token.is_root()).then(|| Origin { path: token.path.trim_end_matches('/'), role })
}

/// The path that a lease comes from: all of its id but the last part.
fn path(id: &str) -> &str {
    id.rsplit_once('/').map_or("", |(path, _)| path)
}
