//! Named keys: how they are configured, made, rotated and deleted.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ring;
use super::role::{ROLES_OF_KEY, Role};
use super::stock::{Halt, Supply};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::jose;
use crate::base::record::Record;
use crate::base::signature::{Algorithm, KeyPair};

/// The key that is always there, and made once a role wants it.
pub const DEFAULT: &str = "default";

const FOLDER: &str = "oidc/key";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SHORTEST_PERIOD: Duration = Duration::from_secs(60);

/// A named key.
#[derive(Serialize, Deserialize)]
pub struct Key {
    /// How it signs.
    pub algorithm: Algorithm,
    /// After which time the next one signs.
    pub rotation_period: Duration,
    /// How long what it signed is verified after that.
    pub verification_ttl: Duration,
    /// Of which roles it signs tokens; `*` for all.
    pub allowed_client_ids: Vec<String>,
    /// When it is to be rotated.
    pub next_rotation: Timestamp,
    /// None only of the default key that no role has wanted yet.
    pair: Option<Pair>,
}

impl Record for Key {
    const VERSION: u8 = 1;
}

#[derive(Serialize, Deserialize)]
struct Pair {
    signing: Private,
    next: Private,
}

/// The half that signs; the other one is in the ring.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Private {
    #[zeroize(skip)]
    id: String,
    der: Vec<u8>,
}

/// What is to be of a key; what is `None` stays, or is Vault's default.
#[derive(Default)]
pub struct Change {
    /// The name of the algorithm.
    pub algorithm: Option<String>,
    /// See [`Key`].
    pub rotation_period: Option<Duration>,
    /// See [`Key`].
    pub verification_ttl: Option<Duration>,
    /// See [`Key`].
    pub allowed_client_ids: Option<Vec<String>>,
}

impl Key {
    fn new(now: Timestamp) -> Self {
        Self {
            algorithm: Algorithm::Rs256,
            rotation_period: DAY,
            verification_ttl: DAY,
            allowed_client_ids: Vec::new(),
            next_rotation: now.plus(DAY),
            pair: None,
        }
    }

    /// The key of that name.
    pub fn by_name(scope: &mut Scope<'_>, name: &str) -> Result<Option<Self>, TxnError> {
        let stored = scope.read(&at(name))?;
        if stored.is_none() && name == DEFAULT {
            let mut key = Self::new(scope.expiry_now());
            key.allowed_client_ids = vec!["*".to_owned()];
            return Ok(Some(key));
        }
        Ok(stored)
    }

    /// The names of all keys, sorted.
    pub fn list(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        let mut names = scope.list(FOLDER)?;
        if let Err(place) = names.binary_search_by(|name| name.as_str().cmp(DEFAULT)) {
            names.insert(place, DEFAULT.to_owned());
        }
        Ok(names)
    }

    /// Makes a key, or changes the one of that name.
    pub fn set(
        scope: &mut Scope<'_>,
        name: &str,
        change: Change,
        supply: Supply<'_>,
    ) -> Result<(), Halt> {
        let refused = |text: String| Err(Fault::bad_request(text).into());
        let before = Self::by_name(scope, name)?;
        let made = before.is_none();
        let now = scope.expiry_now();
        let mut key = before.unwrap_or_else(|| Self::new(now));
        key.rotation_period = change.rotation_period.unwrap_or(key.rotation_period);
        if key.rotation_period < SHORTEST_PERIOD {
            return refused("rotation_period must be at least one minute".to_owned());
        }
        key.verification_ttl = change.verification_ttl.unwrap_or(key.verification_ttl);
        if key.verification_ttl > key.rotation_period.saturating_mul(10) {
            let text = "verification_ttl cannot be longer than 10x rotation_period";
            return refused(text.to_owned());
        }
        for role in ROLES_OF_KEY.list(scope, name)? {
            let longer = |role: Role| role.ttl > key.verification_ttl;
            if Role::by_name(scope, &role)?.is_some_and(longer) {
                return refused(format!(
                    "unable to update key {} because it is currently referenced by one or more \
                     roles with a token ttl greater than {} seconds",
                    golang::quote(name),
                    key.verification_ttl.as_secs()
                ));
            }
        }
        key.allowed_client_ids = change.allowed_client_ids.unwrap_or(key.allowed_client_ids);
        let algorithm = match change.algorithm {
            None => key.algorithm,
            Some(name) => match Algorithm::named(&name) {
                Some(algorithm) => algorithm,
                None => {
                    let name = golang::quote(&name);
                    return refused(format!("unknown signing algorithm {name}"));
                }
            },
        };
        let soonest = now.plus(key.rotation_period);
        key.next_rotation = if made { soonest } else { soonest.min(key.next_rotation) };
        if made || algorithm != key.algorithm {
            key.retire(scope, now.plus(key.verification_ttl))?;
            key.algorithm = algorithm;
            key.pair = Some(Pair::make(scope, name, supply.pairs(algorithm)?, supply)?);
        }
        Ok(key.store(scope, name)?)
    }

    /// Makes its halves, if it has none: only the default key has none.
    pub fn make_ready(
        &mut self,
        scope: &mut Scope<'_>,
        name: &str,
        supply: Supply<'_>,
    ) -> Result<(), Halt> {
        if self.pair.is_none() {
            self.next_rotation = scope.expiry_now().plus(self.rotation_period);
            self.pair = Some(Pair::make(scope, name, supply.pairs(self.algorithm)?, supply)?);
            self.store(scope, name)?;
        }
        Ok(())
    }

    /// Lets both halves be verified no longer than until then.
    fn retire(&mut self, scope: &mut Scope<'_>, until: Timestamp) -> Result<(), TxnError> {
        if let Some(pair) = &self.pair {
            ring::expire(scope, &pair.signing.id, until)?;
            ring::expire(scope, &pair.next.id, until)?;
        }
        Ok(())
    }

    /// Lets the next one sign, with a new one after that. What was signed before is verified for
    /// the key's time, or for `verification_ttl`.
    pub fn rotate(
        mut self,
        scope: &mut Scope<'_>,
        name: &str,
        verification_ttl: Option<Duration>,
        supply: Supply<'_>,
    ) -> Result<(), Halt> {
        let now = scope.expiry_now();
        let (Pair { signing, next }, after) = match self.pair.take() {
            Some(pair) => {
                let [after] = supply.pairs(self.algorithm)?;
                (pair, after)
            }
            None => {
                let [after, halves @ ..] = supply.pairs::<3>(self.algorithm)?;
                (Pair::make(scope, name, halves, supply)?, after)
            }
        };
        ring::drop_expired(scope, name)?;
        let verified = verification_ttl.unwrap_or(self.verification_ttl);
        ring::expire(scope, &signing.id, now.plus(verified))?;
        let after = publish(scope, name, after, supply.entropy)?;
        self.pair = Some(Pair { signing: next, next: after });
        self.next_rotation = now.plus(self.rotation_period);
        Ok(self.store(scope, name)?)
    }

    /// The name and algorithm of a key that is to be rotated by now.
    pub fn due(scope: &mut Scope<'_>) -> Result<Option<(String, Algorithm)>, TxnError> {
        for name in scope.list(FOLDER)? {
            let Some(key) = scope.read::<Self>(&at(&name))? else { continue };
            if key.is_due(scope.expiry_now()) {
                return Ok(Some((name, key.algorithm)));
            }
        }
        Ok(None)
    }

    /// Whether it is to be rotated by then.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.pair.is_some() && self.next_rotation <= now
    }

    /// A token with that payload.
    pub fn sign(&self, payload: &str) -> Result<String, Fault> {
        let pair = self.pair.as_ref();
        let Pair { signing, .. } = pair.ok_or_else(|| Fault::internal("the key is not made"))?;
        let header = json!({ "alg": self.algorithm.name(), "kid": signing.id });
        jose::sign(&header, payload, |message| self.algorithm.sign(&signing.der, message))
            .map_err(|error| Fault::internal(error.to_string()))
    }

    /// Whether it signs tokens for a client.
    pub fn allows(&self, client_id: &str) -> bool {
        self.allowed_client_ids.iter().any(|allowed| allowed == "*" || allowed == client_id)
    }

    /// Removes the key of that name with its ring, unless a role has it.
    pub fn delete(scope: &mut Scope<'_>, name: &str) -> Result<(), Fault> {
        let quoted = golang::quote(name);
        if name == DEFAULT {
            return Err(Fault::bad_request(format!("deletion of key {quoted} not allowed")));
        }
        let roles = ROLES_OF_KEY.list(scope, name)?;
        if !roles.is_empty() {
            return Err(Fault::bad_request(format!(
                "unable to delete key {quoted} because it is currently referenced by these roles: \
                 {}",
                roles.join(", ")
            )));
        }
        ring::drop_all(scope, name)?;
        Ok(scope.delete(&at(name))?)
    }

    fn store(&self, scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
        scope.write(&at(name), self)
    }
}

impl Pair {
    fn make(
        scope: &mut Scope<'_>,
        name: &str,
        [signing, next]: &[KeyPair; 2],
        supply: Supply<'_>,
    ) -> Result<Self, TxnError> {
        Ok(Self {
            signing: publish(scope, name, signing, supply.entropy)?,
            next: publish(scope, name, next, supply.entropy)?,
        })
    }
}

/// Puts the public half of a new key into the ring; the other one, with its id.
fn publish(
    scope: &mut Scope<'_>,
    name: &str,
    pair: &KeyPair,
    entropy: &dyn Entropy,
) -> Result<Private, TxnError> {
    let id = entropy.uuid();
    ring::add(scope, name, &id, &pair.public)?;
    Ok(Private { id, der: pair.private.expose().to_vec() })
}

fn at(name: &str) -> String {
    format!("{FOLDER}/{name}")
}
