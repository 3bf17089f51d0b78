//! What is stored: the mount's configuration, a secret's metadata.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::reply::object;
use crate::barrier::Opened;
use crate::barrier::txn::Scope;
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::record::Record;
use crate::base::ttl::Ttl;

/// The path of the configuration.
const CONFIG: &str = "";

/// How many versions are kept where neither the mount nor the secret says.
const DEFAULT_MAX_VERSIONS: u32 = 10;

/// The most that can be asked for: all metadata of a secret is one record.
pub const MAX_VERSIONS_LIMIT: u32 = 10_000;

/// What holds for all secrets of a mount.
#[derive(Default, Serialize, Deserialize)]
pub struct Config {
    /// 0 where it is left to the secrets.
    pub max_versions: u32,
    /// Whether each write must check and set.
    pub cas_required: bool,
    /// When versions are deleted.
    pub delete_after: MountDeleteAfter,
    /// When the mount was upgraded from version 1, if it was.
    pub upgraded: Option<Timestamp>,
}

/// When the versions of a mount's secrets are deleted.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub enum MountDeleteAfter {
    /// As each secret says.
    #[default]
    AsSecretsSay,
    /// Never.
    Never,
    /// After this time, or the shorter one that a secret has.
    After(Duration),
}

impl Record for Config {
    const VERSION: u8 = 1;
}

impl Config {
    /// The configuration of the mount.
    pub fn load(scope: &mut Scope<'_>) -> Result<Self, Fault> {
        Ok(scope.read(CONFIG)?.unwrap_or_default())
    }

    /// Whether there is one of the mount's own: an entry beside the secrets.
    pub fn is_stored(scope: &mut Scope<'_>) -> Result<bool, Fault> {
        Ok(Self::stored(scope)?.is_some())
    }

    /// The one of the mount's own, as it is stored.
    pub fn stored(scope: &mut Scope<'_>) -> Result<Option<Opened>, Fault> {
        Ok(scope.get(CONFIG)?)
    }

    /// Replaces the configuration of the mount.
    pub fn store(&self, scope: &mut Scope<'_>) -> Result<(), Fault> {
        Ok(scope.write(CONFIG, self)?)
    }

    /// When a version that is made or brought back at `now` is deleted, of a secret that has
    /// `own` time (none when zero).
    fn deletion(&self, own: Duration, now: Timestamp) -> Option<Timestamp> {
        let own = (!own.is_zero()).then_some(own);
        let after = match self.delete_after {
            MountDeleteAfter::Never => None,
            MountDeleteAfter::AsSecretsSay => own,
            MountDeleteAfter::After(mount) => Some(own.map_or(mount, |own| own.min(mount))),
        };
        after.map(|after| now.plus(after))
    }
}

impl MountDeleteAfter {
    /// As it is shown: a duration in Go's notation.
    pub fn shown(self) -> String {
        match self {
            Self::AsSecretsSay => Ttl::ZERO,
            Self::Never => Ttl::from_secs(-1),
            Self::After(after) => Ttl::from(after),
        }
        .to_string()
    }
}

impl From<Ttl> for MountDeleteAfter {
    fn from(sent: Ttl) -> Self {
        match sent.to_duration() {
            None => Self::Never,
            Some(Duration::ZERO) => Self::AsSecretsSay,
            Some(after) => Self::After(after),
        }
    }
}

/// All that is known of a secret but its values.
#[derive(Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// When the secret was made.
    pub created: Timestamp,
    /// When a version was made or the metadata changed.
    pub updated: Timestamp,
    /// The number of the latest version; 0 before the first.
    pub current: u64,
    /// The number of the oldest version that is kept; 0 until the first is about to be cut off.
    pub oldest: u64,
    /// 0 where it is left to the mount.
    pub max_versions: u32,
    /// Whether each write must check and set.
    pub cas_required: bool,
    /// When versions are deleted; zero leaves it to the mount.
    pub delete_after: Duration,
    /// The user's own.
    pub custom: BTreeMap<String, String>,
    /// What is known of the versions that are kept.
    pub versions: BTreeMap<u64, Version>,
}

impl Record for Metadata {
    /// Version 1 is the value of a kv version 1 mount, which may stand in the same place.
    const VERSION: u8 = 2;
}

/// What is known of a version but its value.
#[derive(Clone, Serialize, Deserialize)]
pub struct Version {
    /// When it was made.
    pub created: Timestamp,
    /// When it was deleted or will be.
    pub deletion: Option<Timestamp>,
    /// Whether its value was removed for good.
    pub destroyed: bool,
}

impl Metadata {
    /// Of a secret without versions.
    pub fn new(now: Timestamp) -> Self {
        Self {
            created: now,
            updated: now,
            current: 0,
            oldest: 0,
            max_versions: 0,
            cas_required: false,
            delete_after: Duration::ZERO,
            custom: BTreeMap::new(),
            versions: BTreeMap::new(),
        }
    }

    /// Of a value that came along when its mount was upgraded from version 1.
    pub fn of_upgraded(at: Timestamp) -> Self {
        let version = Version { created: at, deletion: None, destroyed: false };
        let versions = BTreeMap::from([(1, version)]);
        Self { current: 1, oldest: 1, versions, ..Self::new(at) }
    }

    /// Counts one version more. Returns its number and those that are cut off by it.
    pub fn add_version(&mut self, config: &Config, now: Timestamp) -> (u64, Vec<u64>) {
        self.current += 1;
        self.updated = now;
        let deletion = config.deletion(self.delete_after, now);
        self.versions.insert(self.current, Version { created: now, deletion, destroyed: false });
        let kept = match self.max_versions.max(config.max_versions) {
            0 => u64::from(DEFAULT_MAX_VERSIONS),
            kept => u64::from(kept),
        };
        // As Vault counts: only a full window moves.
        if self.current - self.oldest < kept {
            return (self.current, Vec::new());
        }
        self.oldest = self.current - kept + 1;
        let kept = self.versions.split_off(&self.oldest);
        let cut = std::mem::replace(&mut self.versions, kept);
        (self.current, cut.into_keys().collect())
    }

    /// Deletes a version, if it is there and neither deleted nor destroyed. `now` is
    /// [`Scope::expiry_now`], so that it is gone at once.
    pub fn delete_version(&mut self, number: u64, now: Timestamp) {
        if let Some(version) = self.versions.get_mut(&number)
            && !version.is_gone(now)
        {
            version.deletion = Some(now);
        }
    }

    /// Brings a version back, if it is there and not destroyed; its time begins anew.
    pub fn undelete_version(&mut self, number: u64, config: &Config, now: Timestamp) {
        if let Some(version) = self.versions.get_mut(&number)
            && !version.destroyed
        {
            version.deletion = config.deletion(self.delete_after, now);
        }
    }

    /// Whether a version was destroyed by this: it was there and was not yet.
    pub fn destroy_version(&mut self, number: u64) -> bool {
        let version = self.versions.get_mut(&number).filter(|version| !version.destroyed);
        version.map(|version| version.destroyed = true).is_some()
    }

    /// The version of that number; the latest for 0 and below.
    pub fn version(&self, number: i64) -> Option<(u64, &Version)> {
        let number = match u64::try_from(number) {
            Ok(0) | Err(_) => self.current,
            Ok(number) => number,
        };
        self.versions.get_key_value(&number).map(|(number, version)| (*number, version))
    }

    /// A version as the answers of `data` and `subkeys` show it.
    pub fn show_version(&self, number: u64, version: &Version) -> Map<String, Value> {
        let mut shown = version.show();
        shown.insert("version".to_owned(), number.into());
        shown.insert("custom_metadata".to_owned(), self.show_custom());
        shown
    }

    /// The user's own texts; null when there are none.
    pub fn show_custom(&self) -> Value {
        if self.custom.is_empty() {
            return Value::Null;
        }
        self.custom.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }
}

impl Version {
    /// Whether its value cannot be read: it was deleted or destroyed, or its time has come. `now`
    /// is [`Scope::expiry_now`].
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.destroyed || self.deletion.is_some_and(|deletion| deletion <= now)
    }

    /// As the answers of `metadata` show it.
    pub fn show(&self) -> Map<String, Value> {
        let deletion = self.deletion.map(Timestamp::rfc3339).unwrap_or_default();
        object([
            ("created_time", self.created.rfc3339().into()),
            ("deletion_time", deletion.into()),
            ("destroyed", self.destroyed.into()),
        ])
    }
}
