//! The automatic seal of a store: opening it by that, and changing from one seal to another.

use std::sync::Arc;

use super::seal::auto::AutoSeal;
use super::seal::shamir::{self, Split};
use super::seal::{Kind, Recovery, SealRecord};
use super::txn::{Txn, TxnError};
use super::{Barrier, SEAL, UnsealError, Unsealed};
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::base::secret::{Secret, same};
use crate::base::sync::lock;
use crate::storage::{Urgency, Value};

/// How the seal of a store stands to the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is that one.
    InUse,
    /// It is another, to be left as soon as those who hold shares say so.
    Migrating,
}

/// That a store is under another seal than the configured one, and what to do.
pub fn astray(stored: &Kind, configured: &str) -> (String, String) {
    let name = stored.name();
    let back = match stored {
        Kind::Shamir(_) => format!("take the section of {configured:?} out"),
        Kind::Auto(_) => format!("put the section of {name:?} back, in use"),
    };
    (
        format!("the store is under the seal {name:?}, and the configuration says {configured:?}"),
        format!(
            "if nobody meant that, {back} and restart; to leave {name:?} for good, give enough \
             keys with `edgekeep operator unseal -migrate`"
        ),
    )
}

/// A seal record that is ready to take the place of the one that it was made after, and of no
/// other: who changes the seal meanwhile is not undone.
pub struct Reseal {
    after: Value,
    record: SealRecord,
}

impl Reseal {
    /// What is to be in force.
    pub fn record(&self) -> &SealRecord {
        &self.record
    }
}

/// The seal record in force, and its bytes.
struct Present {
    stored: Value,
    record: SealRecord,
}

impl Present {
    fn followed_by(self, record: SealRecord) -> Reseal {
        Reseal { after: self.stored, record }
    }
}

/// Whether it is known that the seal gives the key of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It just did.
    Given,
    /// People have opened the store.
    Wanted,
}

impl Barrier {
    /// The same store with an automatic seal, or with people in its place.
    pub fn with_seal(self, seal: Option<Arc<dyn AutoSeal>>) -> Self {
        Self { seal, ..self }
    }

    /// The automatic seal that is configured.
    pub fn configured_seal(&self) -> Option<&dyn AutoSeal> {
        self.seal.as_deref()
    }

    /// How the seal of a store stands to that.
    pub fn standing(&self, kind: &Kind) -> Standing {
        match kind.mechanism() == self.seal.as_ref().map(|seal| seal.mechanism()) {
            true => Standing::InUse,
            false => Standing::Migrating,
        }
    }

    /// Opens the store by its automatic seal, without people, if that is still
    /// [wanted](Self::unseal_if) when the seal has given the key.
    pub fn unseal_automatically(
        &self,
        wanted: impl FnOnce() -> Result<(), UnsealError>,
    ) -> Result<Arc<Unsealed>, UnsealError> {
        let settings = self.existing()?.record.settings();
        // The seal may be far away: nobody waits for it but who asked.
        let unseal_key = settings.unwrapped(self.seal_of(&settings.kind)?)?;
        let _changing = lock(&self.changing);
        let root_key = self.existing()?.record.open_by_seal(&unseal_key)?;
        wanted()?;
        self.unseal_by(root_key, |_| Ok(()))
    }

    /// Opens the store with the `key` that people hold shares of, and puts it under the configured
    /// seal before anybody else has it. That key is its recovery key from then on, or its unseal
    /// key. `before` the seal is changed, there may be something to do.
    pub fn migrate(
        &self,
        key: &Key<32>,
        before: impl FnOnce(&Arc<Unsealed>) -> Result<(), UnsealError>,
    ) -> Result<Arc<Unsealed>, UnsealError> {
        let present = self.existing()?;
        let root_key = present.record.open_by_people(key)?;
        let split = present.record.kind().split();
        let next = match &self.seal {
            None => SealRecord::by_people(&root_key, key, split, &*self.entropy),
            Some(seal) => {
                let recovery = Recovery::by(key, split, &root_key, &*self.entropy);
                SealRecord::by_seal(&root_key, &**seal, recovery, &*self.entropy)?
            }
        };
        let next = present.followed_by(next);
        let _changing = lock(&self.changing);
        self.unseal_by(root_key, |unsealed| {
            before(unsealed)?;
            unsealed.rekey(&next)
        })
    }

    /// What the unseal key is to be wrapped by anew, if the seal would not give it after a start,
    /// or if another key wrapped it than the seal's present one.
    pub fn renewal(
        &self,
        unsealed: &Unsealed,
        proof: Proof,
    ) -> Result<Option<Reseal>, UnsealError> {
        let present = self.existing()?;
        let kind = present.record.kind();
        let (Kind::Auto(automatic), Ok(seal)) = (kind, self.seal_of(kind)) else {
            return Ok(None);
        };
        let opens = match proof {
            Proof::Given => Ok(()),
            Proof::Wanted => present.record.try_seal(seal),
        };
        if opens.is_ok() && seal.is_current(automatic.unseal_key()) {
            return Ok(None);
        }
        let recovery = automatic.recovery().clone();
        let record = SealRecord::by_seal(&unsealed.root_key, seal, recovery, &*self.entropy);
        match (record, opens) {
            (Ok(record), _) => Ok(Some(present.followed_by(record))),
            (Err(_), Err(error)) => Err(error),
            (Err(error), Ok(())) => Err(error.into()),
        }
    }

    /// Whether that is the key that people hold shares of: the unseal key, or with an automatic
    /// seal the recovery key (for a rekey or a new root token, which ask for it again). A seal
    /// record of another store, put there by who can write the file, vouches for nobody.
    pub fn vouch(&self, unsealed: &Unsealed, key: &Key<32>) -> Result<(), UnsealError> {
        match same(&*self.existing()?.record.open_by_people(key)?, &*unsealed.root_key) {
            true => Ok(()),
            false => Err(UnsealError::WrongKey),
        }
    }

    /// A new key for people to hold, of whom each gets a share, under the seal that the store has:
    /// the unseal key, or the recovery key. It is in force only after a [rekey](Unsealed::rekey),
    /// so that the shares can be verified first.
    pub fn prepare_rekey(
        &self,
        unsealed: &Unsealed,
        split: Split,
    ) -> Result<(Reseal, Vec<Secret>), UnsealError> {
        let present = self.existing()?;
        let seal = match present.record.kind() {
            Kind::Shamir(_) => None,
            kind @ Kind::Auto(_) => Some(self.seal_of(kind)?),
        };
        let (record, shares) = self.close(&unsealed.root_key, seal, split)?;
        Ok((present.followed_by(record), shares))
    }

    /// Seals a root key by people or by an automatic seal, and gives out shares of what is theirs.
    pub(super) fn close(
        &self,
        root_key: &Key<32>,
        seal: Option<&dyn AutoSeal>,
        split: Split,
    ) -> Result<(SealRecord, Vec<Secret>), UnsealError> {
        let entropy = &*self.entropy;
        let Some(seal) = seal else {
            return Ok(SealRecord::close(root_key, split, entropy));
        };
        let key = Key::random(entropy);
        let recovery = Recovery::by(&key, split, root_key, entropy);
        let record = SealRecord::by_seal(root_key, seal, recovery, entropy)?;
        Ok((record, shamir::split(&key, split, entropy)))
    }

    fn existing(&self) -> Result<Present, UnsealError> {
        let stored = self.storage.view()?.get(SEAL)?.ok_or(UnsealError::NotInitialized)?;
        let record = SealRecord::decode(&stored).map_err(UnsealError::unread("seal record"))?;
        Ok(Present { stored, record })
    }

    /// The configured seal, if it is the one that a store is under.
    fn seal_of(&self, kind: &Kind) -> Result<&dyn AutoSeal, UnsealError> {
        let seal = self.configured_seal().filter(|seal| Some(seal.mechanism()) == kind.mechanism());
        seal.ok_or(UnsealError::OtherSeal(kind.name()))
    }
}

impl Unsealed {
    /// Replaces the seal record: the shares given out before are worth nothing any more.
    pub fn rekey(self: &Arc<Self>, next: &Reseal) -> Result<(), UnsealError> {
        self.rekey_with(next, |_| Ok(()))
    }

    /// The same, together with what `alongside` writes.
    pub fn rekey_with(
        self: &Arc<Self>,
        next: &Reseal,
        mut alongside: impl FnMut(&mut Txn) -> Result<(), TxnError>,
    ) -> Result<(), UnsealError> {
        self.transact(|txn| {
            if txn.system(SEAL)?.as_ref() != Some(&next.after) {
                return Err(UnsealError::Overtaken);
            }
            txn.set_urgency(Urgency::Essential);
            txn.put_system(SEAL, next.record.encode().to_vec());
            Ok(alongside(txn)?)
        })
    }
}

#[cfg(test)]
mod tests;
