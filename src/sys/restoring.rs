//! Something is put in the place of the store that is served, a snapshot or an instant of a target:
//! what is kept before, what of it comes back, and what is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::undo::Undo;
use super::versions;
use crate::api::reply::Reply;
use crate::barrier::names::MountId;
use crate::barrier::owed::Owed;
use crate::barrier::txn::TxnError;
use crate::barrier::{Barrier, UnsealError, Unsealed};
use crate::base::fault::Fault;
use crate::lease::store::FOLDER as LEASES;
use crate::pipeline::revoke;
use crate::pipeline::tokens::Tokens;
use crate::snapshot::SnapshotError;
use crate::snapshot::lent::Lent;
use crate::snapshot::restorable::{Range, Restorable, Returning, is_in};
use crate::storage::{Key, StorageError, View, Writer};
use crate::token::record::TokenKey;
use crate::token::store::FOLDER as TOKENS;

/// Restores into the store that is served.
#[derive(Clone)]
pub struct Restoring {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// Tell which of those that come back are alive.
    pub tokens: Arc<Tokens>,
    /// Keeps what is replaced.
    pub undo: Undo,
}

const NOT_OURS: &str = "revoke_tokens is for an earlier state of this store: of another one nobody \
                        here can tell which tokens were revoked; restore it without, and revoke \
                        there what is to be";

/// How.
pub struct How {
    /// The store that whoever asks was let into.
    pub keys: Lent,
    /// Also a store of other keys; then it is sealed.
    pub force: bool,
    /// Revoke the tokens that come back.
    pub revoke_tokens: bool,
    /// Whether it is a state of this store: else no token of it can come back.
    pub same_store: bool,
}

impl Restoring {
    /// Tells what of a state of the store would come back by it.
    pub fn tell_returning(
        &self,
        state: &impl Restorable,
        unsealed: Arc<Unsealed>,
        told: &mut Map<String, Value>,
    ) -> Result<(), Fault> {
        let lasting = Lasting::new(unsealed, &self.tokens)?;
        let now = lasting.unsealed.journal_view()?;
        let back = Returning::of(state, &|key| lasting.is_gone(&*now, key));
        lasting.sort(&back.map_err(SnapshotError::from)?).tell(told);
        Ok(())
    }

    /// The store, where its keys are here.
    pub fn unsealed(&self) -> Result<Arc<Unsealed>, SnapshotError> {
        self.barrier.unsealed().ok_or(SnapshotError::Sealed)
    }

    /// The store that somebody was let into, as long as it is the one that is served.
    pub fn still(&self, keys: &Lent) -> Result<Arc<Unsealed>, SnapshotError> {
        Ok(self.barrier.still(keys.store())?)
    }

    /// Puts `state`, which is called so in the log, in the place of the store, and adds to what is
    /// `told` of it.
    ///
    /// What comes back is asked while no commit is taken: what was revoked by then, also while all
    /// of this was on its way, is among it. A store that was sealed or replaced by then is left
    /// alone: nobody was let into that.
    pub fn restore(
        &self,
        state: &impl Restorable,
        called: &str,
        how: &How,
        mut told: Map<String, Value>,
    ) -> Result<Reply, Fault> {
        let (accept, same_keys) = state.accepted(&self.barrier, how.force)?;
        let same = same_keys && how.same_store;
        if how.revoke_tokens && !same {
            return Err(Fault::bad_request(NOT_OURS));
        }
        let kept = self.undo.before_restore(&self.barrier, same);
        let mut back = None;
        let done = self.barrier.restore(accept, &mut |to| {
            // Until it is replaced nobody seals it any more.
            let unsealed = self.still(&how.keys)?;
            if !same {
                return state.fill(to);
            }
            let lasting = Lasting::new(unsealed, &self.tokens)?;
            let found = back.insert(lasting.fill(state, to)?);
            if how.revoke_tokens {
                lasting.unsealed.note_owed(&lasting.to_be_revoked(found)?, to)?;
            }
            Ok(())
        });
        if let Err(error @ UnsealError::NotOpened(_)) = &done {
            log::error!("{called}: {error}");
        }
        done.map_err(SnapshotError::from)?;
        log::warn!("restored {called}");
        if let Some(back) = &back {
            back.tell(&mut told);
        }
        let unsealed = self.barrier.unsealed();
        told.insert("sealed".into(), unsealed.is_none().into());
        match unsealed {
            Some(unsealed) => {
                versions::note_opened(&unsealed);
                let timeline = unsealed.status().timeline.to_string();
                told.insert("new_timeline".into(), timeline.into());
                if let Some(back) = back.filter(|_| how.revoke_tokens) {
                    told.insert("revoked_tokens".into(), back.tokens.len().into());
                }
            }
            None => log::warn!("the restored store is sealed: unseal it with its own unseal keys"),
        }
        Ok(kept.into_iter().fold(Reply::data(told), Reply::warn))
    }
}

/// Where a store keeps what was handed out for a time: its tokens, and its leases.
struct Lasting {
    unsealed: Arc<Unsealed>,
    /// Tells which tokens are alive.
    tokens: Arc<Tokens>,
    within: [Range; 2],
}

impl Lasting {
    fn new(unsealed: Arc<Unsealed>, tokens: &Arc<Tokens>) -> Result<Self, SnapshotError> {
        let below = |folder| unsealed.below(MountId::SYSTEM, folder).map_err(TxnError::from);
        let within = [below(TOKENS)?, below(LEASES)?];
        Ok(Self { unsealed, tokens: Arc::clone(tokens), within })
    }

    /// Whether what a state has at a key is gone from the store. A token is before its entry is, as
    /// when its mount was disabled: what is left of it is removed by and by.
    fn is_gone(&self, now: &dyn View, key: &[u8]) -> Result<bool, StorageError> {
        if !self.within.iter().any(|range| is_in(key, range)) {
            return Ok(false);
        }
        let mut there = false;
        now.look(key, &mut |_| there = true)?;
        let Some(token) = self.token(key).filter(|_| there) else { return Ok(!there) };
        let mut txn = self.unsealed.begin().map_err(SnapshotError::from)?;
        Ok(self.tokens.find_by_key(&mut txn, token).map_err(SnapshotError::from)?.is_none())
    }

    /// Puts `state`; which of these are in it, and no more in the store.
    fn fill(&self, state: &impl Restorable, to: &mut dyn Writer) -> Result<Back, StorageError> {
        let now = self.unsealed.journal_view().map_err(SnapshotError::from)?;
        let back = Returning::filling(state, &|key| self.is_gone(&*now, key), to)?;
        Ok(self.sort(&back))
    }

    /// What is noted of what comes back, where it is not to.
    fn to_be_revoked(&self, back: &Back) -> Result<Vec<Owed>, SnapshotError> {
        let mounts = self.tokens.mounts.read(&mut self.unsealed.begin()?)?;
        Ok(revoke::to_be_revoked(&self.tokens, &back.tokens, &mounts))
    }

    fn sort(&self, back: &BTreeSet<Key>) -> Back {
        let leases = back.iter().filter(|key| is_in(key, &self.within[1])).count();
        Back { tokens: back.iter().filter_map(|key| self.token(key)).collect(), leases }
    }

    /// The token that is stored there, if it is one.
    fn token(&self, key: &[u8]) -> Option<TokenKey> {
        let name = self.unsealed.open_name(key).filter(|_| is_in(key, &self.within[0]))?;
        TokenKey::from_hex(name.path.strip_prefix(TOKENS)?.strip_prefix('/')?)
    }
}

/// What comes back.
struct Back {
    tokens: Vec<TokenKey>,
    /// How many.
    leases: usize,
}

impl Back {
    fn tell(&self, told: &mut Map<String, Value>) {
        told.insert("returning_tokens".into(), self.tokens.len().into());
        told.insert("returning_leases".into(), self.leases.into());
    }
}
