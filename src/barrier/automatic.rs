//! The automatic seal of a store: opening it by that, and changing from one seal to another.

use std::sync::Arc;

use super::seal::auto::AutoSeal;
use super::seal::shamir::{self, Split};
use super::seal::{Kind, Recovery, SealRecord, Settings};
use super::{Barrier, UnsealError, Unsealed};
use crate::base::pages::Key;
use crate::base::secret::{Secret, same};
use crate::base::sync::lock;

/// How the seal of a store stands to the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is that one.
    InUse,
    /// It is another, to be left as soon as those who hold shares say so.
    Migrating,
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

    /// Opens the store by its automatic seal, without people.
    pub fn unseal_automatically(&self) -> Result<Arc<Unsealed>, UnsealError> {
        let settings = self.existing()?;
        // The seal may be far away: nobody waits for it but who asked.
        let unseal_key = settings.unwrapped(self.seal_of(&settings.kind)?)?;
        self.unseal(&unseal_key)
    }

    /// Opens the store with the `key` that people hold shares of, and puts it under the configured
    /// seal. That key is its recovery key from then on, or its unseal key.
    pub fn migrate(&self, key: &Key<32>) -> Result<Arc<Unsealed>, UnsealError> {
        let record = self.seal_record()?.ok_or(UnsealError::NotInitialized)?;
        let root_key = record.open(key)?;
        let split = record.kind().split();
        let next = match &self.seal {
            None => SealRecord::by_people(&root_key, key, split, &*self.entropy),
            Some(seal) => {
                let recovery = Recovery::by(key, split, &root_key, &*self.entropy);
                SealRecord::by_seal(&root_key, &**seal, recovery, &*self.entropy)?
            }
        };
        let changing = lock(&self.changing);
        let unsealed = self.unseal_by(root_key)?;
        drop(changing);
        match unsealed.rekey(&next) {
            Ok(()) => Ok(unsealed),
            Err(error) => {
                self.seal();
                Err(UnsealError::NotChanged(error))
            }
        }
    }

    /// Wraps the unseal key anew where a key did that which the seal would no longer take. Whether
    /// there was something to do.
    pub fn renew_seal(&self, unsealed: &Arc<Unsealed>) -> Result<bool, UnsealError> {
        let settings = self.existing()?;
        let (Kind::Auto(automatic), Ok(seal)) = (&settings.kind, self.seal_of(&settings.kind))
        else {
            return Ok(false);
        };
        if seal.is_current(automatic.unseal_key()) {
            return Ok(false);
        }
        let recovery = automatic.recovery().clone();
        let record = SealRecord::by_seal(&unsealed.root_key, seal, recovery, &*self.entropy)?;
        unsealed.rekey(&record).map_err(UnsealError::NotChanged)?;
        Ok(true)
    }

    /// Whether that is the key that people hold shares of: the unseal key, or with an automatic
    /// seal the recovery key (for a rekey or a new root token, which ask for it again). A seal
    /// record of another store, put there by who can write the file, vouches for nobody.
    pub fn vouch(&self, unsealed: &Unsealed, key: &Key<32>) -> Result<(), UnsealError> {
        match same(&*self.root_key(key)?, &*unsealed.root_key) {
            true => Ok(()),
            false => Err(UnsealError::WrongKey),
        }
    }

    /// A new key for people to hold, of whom each gets a share, under the seal that the store has:
    /// [`Unsealed::prepare_rekey`], or the same of the recovery key.
    pub fn prepare_rekey(
        &self,
        unsealed: &Unsealed,
        split: Split,
    ) -> Result<(SealRecord, Vec<Secret>), UnsealError> {
        let kind = self.existing()?.kind;
        let seal = match kind {
            Kind::Shamir(_) => None,
            Kind::Auto(_) => Some(self.seal_of(&kind)?),
        };
        self.close(&unsealed.root_key, seal, split)
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

    fn existing(&self) -> Result<Settings, UnsealError> {
        self.settings()?.ok_or(UnsealError::NotInitialized)
    }

    /// The configured seal, if it is the one that a store is under.
    fn seal_of(&self, kind: &Kind) -> Result<&dyn AutoSeal, UnsealError> {
        let seal = self.configured_seal().filter(|seal| Some(seal.mechanism()) == kind.mechanism());
        seal.ok_or(UnsealError::OtherSeal(kind.name()))
    }
}

#[cfg(test)]
mod tests;
