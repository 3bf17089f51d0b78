//! The public keys: each as long as something that it verifies may be about.

use serde::{Deserialize, Serialize};

use super::super::index::Bonds;
use super::role::ROLES_OF_KEY;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::clock::Timestamp;
use crate::base::record::Record;
use crate::base::signature::PublicKey;

/// The ids of the public keys of a named key.
const RING: Bonds = Bonds::new("oidc/ring");

/// A public key.
#[derive(Serialize, Deserialize)]
struct Published {
    /// The named key that it is of.
    name: String,
    key: PublicKey,
    /// When it goes; `None` while its other half signs, or will.
    expires: Option<Timestamp>,
}

impl Record for Published {
    const VERSION: u8 = 1;
}

impl Published {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Publishes a key of that name.
pub fn add(scope: &mut Scope<'_>, name: &str, id: &str, key: &PublicKey) -> Result<(), TxnError> {
    RING.tie(scope, name, id)?;
    let published = Published { name: name.to_owned(), key: key.clone(), expires: None };
    scope.write(&at(id), &published)
}

/// Says when a key goes.
pub fn expire(scope: &mut Scope<'_>, id: &str, expires: Timestamp) -> Result<(), TxnError> {
    if let Some(mut published) = scope.read::<Published>(&at(id))? {
        published.expires = Some(expires);
        scope.write(&at(id), &published)?;
    }
    Ok(())
}

/// Removes what has expired of the keys of that name.
pub fn drop_expired(scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
    let now = scope.expiry_now();
    for id in RING.list(scope, name)? {
        if scope.read(&at(&id))?.is_none_or(|published: Published| published.is_expired(now)) {
            remove(scope, name, &id)?;
        }
    }
    Ok(())
}

/// Removes all keys of that name.
pub fn drop_all(scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
    for id in RING.list(scope, name)? {
        remove(scope, name, &id)?;
    }
    Ok(())
}

fn remove(scope: &mut Scope<'_>, name: &str, id: &str) -> Result<(), TxnError> {
    RING.cut(scope, name, id)?;
    scope.delete(&at(id))
}

/// The key of that id, if a role may have tokens signed by it.
pub fn find(scope: &mut Scope<'_>, id: &str) -> Result<Option<PublicKey>, TxnError> {
    let Some(found) = scope.read::<Published>(&at(id))? else { return Ok(None) };
    if found.is_expired(scope.expiry_now()) || ROLES_OF_KEY.some(scope, &found.name, 1)?.is_empty()
    {
        return Ok(None);
    }
    Ok(Some(found.key))
}

/// All keys, with their ids, by which tokens of roles are verified.
pub fn list(scope: &mut Scope<'_>) -> Result<Vec<(String, PublicKey)>, TxnError> {
    let now = scope.expiry_now();
    let mut keys = Vec::new();
    for name in ROLES_OF_KEY.all(scope)? {
        for id in RING.list(scope, &name)? {
            match scope.read::<Published>(&at(&id))? {
                Some(published) if !published.is_expired(now) => keys.push((id, published.key)),
                _ => {}
            }
        }
    }
    Ok(keys)
}

fn at(id: &str) -> String {
    format!("oidc/public/{id}")
}
