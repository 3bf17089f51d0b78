//! Which tokens are alive.
//!
//! A token lives until its time is over, and only as long as the mount that it logged in by stays
//! where it is and all tokens that it descends from live: so a revocation is one change, however
//! many fall with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::revoke::holder;
use super::tokens::{GENERATIONS, Tokens};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::mount::table::MountTable;
use crate::token::record::{LoggedIn, Parent, Token};
use crate::token::store;

/// By what tokens are alive at the time of one transaction, for a look at many of them.
pub struct Living {
    now: Timestamp,
    mounts: Arc<MountTable>,
    /// By their accessors, those that others descend from: whether they are alive.
    known: BTreeMap<String, bool>,
}

impl Tokens {
    /// Whether a token is alive.
    pub fn is_alive(&self, txn: &mut Txn, token: &Token) -> Result<bool, TxnError> {
        self.living(txn)?.has(txn, token)
    }

    /// By what tokens are alive, for a look at many.
    pub fn living(&self, txn: &mut Txn) -> Result<Living, TxnError> {
        let mounts = self.mounts.read(txn)?;
        Ok(Living { now: txn.expiry_now(), mounts, known: BTreeMap::new() })
    }

    /// The accessors of all tokens that are alive, sorted.
    pub fn accessors(&self, txn: &mut Txn) -> Result<Vec<String>, TxnError> {
        let mut living = self.living(txn)?;
        let (mut alive, mut children) = (Vec::new(), Vec::new());
        store::each(txn, |token| {
            let holds = living.holds(&token);
            match token.parent {
                _ if !holds => {}
                Some(parent) => children.push((token.accessor, parent)),
                None => alive.push(token.accessor),
            }
        })?;
        for (accessor, parent) in children {
            if living.has_line(txn, parent)? {
                alive.push(accessor);
            }
        }
        alive.sort_unstable();
        Ok(alive)
    }
}

impl Living {
    /// Whether this token is.
    pub fn has(&mut self, txn: &mut Txn, token: &Token) -> Result<bool, TxnError> {
        match &token.parent {
            _ if !self.holds(token) => Ok(false),
            Some(parent) => self.has_line(txn, parent.clone()),
            None => Ok(true),
        }
    }

    /// Whether the lease of that id is of one that is.
    pub fn has_lease(&mut self, txn: &mut Txn, id: &str) -> Result<bool, TxnError> {
        match holder(txn, id)? {
            Some(found) => self.has(txn, &found.token),
            None => Ok(false),
        }
    }

    /// Whether it would be if it descended from none.
    fn holds(&self, token: &Token) -> bool {
        let mounted = |login: &LoggedIn| self.mounts.during(login.stay, &login.path).is_some();
        !token.is_expired(self.now) && token.login.as_ref().is_none_or(mounted)
    }

    /// Whether that parent is, with all that it descends from.
    fn has_line(&mut self, txn: &mut Txn, parent: Parent) -> Result<bool, TxnError> {
        let (mut next, mut line) = (Some(parent), Vec::new());
        let alive = loop {
            let Some(Parent { key, accessor }) = next else { break true };
            if let Some(known) = self.known.get(&accessor) {
                break *known;
            }
            if line.len() == GENERATIONS {
                return Ok(false);
            }
            let found = store::get(txn, key)?.filter(|token| token.accessor == accessor);
            line.push(accessor);
            match found {
                Some(token) if self.holds(&token) => next = token.parent,
                _ => break false,
            }
        };
        self.known.extend(line.into_iter().map(|accessor| (accessor, alive)));
        Ok(alive)
    }
}
