//! Something is put in the place of the store that is served, a snapshot or an instant of a target:
//! what is kept before, what of it comes back, and what is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::undo::Undo;
use super::versions;
use crate::api::reply::Reply;
use crate::barrier::names::MountId;
use crate::barrier::{Barrier, Unsealed};
use crate::base::fault::Fault;
use crate::lease::store::FOLDER as LEASES;
use crate::pipeline::revoke;
use crate::pipeline::tokens::Tokens;
use crate::snapshot::SnapshotError;
use crate::snapshot::restorable::{Range, Restorable, Returning, is_in};
use crate::storage::{Key, StorageError, Writer};
use crate::token::record::TokenKey;
use crate::token::store::FOLDER as TOKENS;

/// Restores into the store that is served.
#[derive(Clone)]
pub struct Restoring {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// To revoke those that come back.
    pub tokens: Arc<Tokens>,
    /// Keeps what is replaced.
    pub undo: Undo,
}

/// How.
pub struct How {
    /// Also a store of other keys; then it is sealed.
    pub force: bool,
    /// Revoke the tokens that come back.
    pub revoke_tokens: bool,
    /// Whether it is a state of this store: else no token of it can come back.
    pub same_store: bool,
}

impl Restoring {
    /// The store, where its keys are here.
    pub fn unsealed(&self) -> Result<Arc<Unsealed>, Fault> {
        self.barrier.unsealed().ok_or_else(Fault::sealed)
    }

    /// Puts `state`, which is called so in the log, in the place of the store, and adds to what is
    /// `told` of it.
    ///
    /// What comes back is asked while no commit is taken: what was revoked by then, also while all
    /// of this was on its way, is among it.
    pub fn restore(
        &self,
        state: &impl Restorable,
        called: &str,
        how: &How,
        mut told: Map<String, Value>,
    ) -> Result<Reply, Fault> {
        let (accept, same_keys) = state.accepted(&self.barrier, how.force)?;
        let same = same_keys && how.same_store;
        let kept = self.undo.before_restore(&self.barrier, same);
        let asked = self.barrier.unsealed().filter(|_| same).map(Lasting::new).transpose()?;
        let mut back = BTreeSet::new();
        let done = self.barrier.restore(accept, &mut |to| match &asked {
            Some(lasting) => lasting.fill(state, to).map(|found| back = found),
            None => state.fill(to),
        });
        done.map_err(SnapshotError::from)?;
        log::warn!("restored {called}");
        if let Some(lasting) = &asked {
            lasting.tell(&back, &mut told);
        }
        let unsealed = self.barrier.unsealed();
        told.insert("sealed".into(), unsealed.is_none().into());
        match unsealed {
            Some(unsealed) => {
                versions::note_opened(&unsealed);
                let timeline = unsealed.status().timeline.to_string();
                told.insert("new_timeline".into(), timeline.into());
                if let Some(lasting) = asked.filter(|_| how.revoke_tokens) {
                    let tokens = lasting.tokens(&back);
                    let revoked = revoke::revoke_tokens(&self.tokens, &unsealed, &tokens)?;
                    told.insert("revoked_tokens".into(), revoked.into());
                }
            }
            None => log::warn!("the restored store is sealed: unseal it with its own unseal keys"),
        }
        Ok(kept.into_iter().fold(Reply::data(told), Reply::warn))
    }
}

/// Tells what of a state of the store would come back by it.
pub fn tell_returning(
    state: &impl Restorable,
    unsealed: Arc<Unsealed>,
    told: &mut Map<String, Value>,
) -> Result<(), Fault> {
    let lasting = Lasting::new(unsealed)?;
    let now = lasting.unsealed.journal_view()?;
    let back = Returning::of(state, &*now, &lasting.within).map_err(SnapshotError::from)?;
    lasting.tell(&back, told);
    Ok(())
}

/// Where a store keeps what was handed out for a time: its tokens, and its leases.
struct Lasting {
    unsealed: Arc<Unsealed>,
    within: [Range; 2],
}

impl Lasting {
    fn new(unsealed: Arc<Unsealed>) -> Result<Self, Fault> {
        let wrong = |_| Fault::internal("a folder of the system has no name");
        let below = |folder| unsealed.below(MountId::SYSTEM, folder).map_err(wrong);
        let within = [below(TOKENS)?, below(LEASES)?];
        Ok(Self { unsealed, within })
    }

    /// Puts `state`; which of these are in it, and no more in the store.
    fn fill(
        &self,
        state: &impl Restorable,
        to: &mut dyn Writer,
    ) -> Result<BTreeSet<Key>, StorageError> {
        let now = self.unsealed.journal_view().map_err(SnapshotError::from)?;
        Returning::filling(state, (&*now, &self.within), to)
    }

    fn tell(&self, back: &BTreeSet<Key>, told: &mut Map<String, Value>) {
        let tokens = self.tokens(back).len();
        let leases = back.iter().filter(|key| is_in(key, &self.within[1])).count();
        told.insert("returning_tokens".into(), tokens.into());
        told.insert("returning_leases".into(), leases.into());
    }

    /// The tokens among what comes back.
    fn tokens(&self, back: &BTreeSet<Key>) -> Vec<TokenKey> {
        let of_tokens = back.iter().filter(|key| is_in(key, &self.within[0]));
        let name = |key: &Key| self.unsealed.open_name(key).map(|name| name.path);
        let key = |path: String| TokenKey::from_hex(path.strip_prefix(TOKENS)?.strip_prefix('/')?);
        of_tokens.filter_map(name).filter_map(key).collect()
    }
}
