//! Secret ids, as they are stored: under an HMAC alone, so that none can be read out of a file, not
//! even with the keys. Each has an entry at its accessor, which says where it lies, and where it
//! ends by itself, one under the minute of that end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::role::Drawer;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::cidr::Cidr;
use crate::base::clock::Timestamp;
use crate::base::hex;
use crate::base::record::Record;

const FOLDER: &str = "secret-id";
const ACCESSORS: &str = "accessor";
/// A folder for each day, in it one for each minute: so what is due is found without a look at
/// what is not.
const ENDS: &str = "end";
/// The drawers of roles that are deleted.
const GONE: &str = "gone";

/// How many secret ids are removed in one transaction.
const BATCH: usize = 250;
const MINUTES_OF_DAY: u64 = 24 * 60;

/// What is known of a secret id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretId {
    /// By which it is named without being known.
    pub accessor: String,
    /// How many logins are left; 0 for any number.
    pub num_uses: u32,
    /// How long it was to be good; zero for no end.
    pub ttl: Duration,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, where uses are counted.
    pub updated: Timestamp,
    /// When it ends by itself.
    pub ends: Option<Timestamp>,
    /// Shown with the tokens of its logins.
    pub metadata: BTreeMap<String, String>,
    /// From where it can be used.
    pub cidrs: Vec<Cidr>,
    /// From where its tokens can be used; as the role says when empty.
    pub token_cidrs: Vec<Cidr>,
}

impl Record for SecretId {
    const VERSION: u8 = 1;
}

/// Where a secret id lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whose it is.
    pub drawer: Drawer,
    /// Its HMAC, in hex.
    name: String,
}

impl Record for Place {
    const VERSION: u8 = 1;
}

impl Place {
    /// Where a role's secret id lies, if there is one.
    pub fn of(scope: &Scope<'_>, drawer: Drawer, secret_id: &str) -> Self {
        let drawer_name = drawer.to_string();
        let mac = scope.mac(&[b"secret", drawer_name.as_bytes(), secret_id.as_bytes()]);
        Self { drawer, name: hex::encode(&mac) }
    }

    /// Where that of an accessor lies.
    pub fn by_accessor(scope: &mut Scope<'_>, accessor: &str) -> Result<Option<Self>, TxnError> {
        // Other texts name no entry of ours.
        let named = accessor.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if named { scope.read(&format!("{ACCESSORS}/{accessor}")) } else { Ok(None) }
    }

    fn path(&self) -> String {
        format!("{FOLDER}/{}/{}", self.drawer, self.name)
    }
}

impl SecretId {
    /// What lies there and has not ended.
    pub fn load(scope: &mut Scope<'_>, place: &Place) -> Result<Option<Self>, TxnError> {
        let found: Option<Self> = scope.read(&place.path())?;
        let now = scope.expiry_now();
        Ok(found.filter(|id| id.ends.is_none_or(|ends| now < ends)))
    }

    /// Adds it.
    pub fn insert(&self, scope: &mut Scope<'_>, place: &Place) -> Result<(), TxnError> {
        scope.write(&place.path(), self)?;
        scope.write(&format!("{ACCESSORS}/{}", self.accessor), place)?;
        match self.end() {
            Some(end) => scope.write(&end, place),
            None => Ok(()),
        }
    }

    /// Writes what has changed of it: not its end.
    pub fn update(&self, scope: &mut Scope<'_>, place: &Place) -> Result<(), TxnError> {
        scope.write(&place.path(), self)
    }

    /// Removes it.
    pub fn remove(&self, scope: &mut Scope<'_>, place: &Place) -> Result<(), TxnError> {
        scope.delete(&place.path())?;
        scope.delete(&format!("{ACCESSORS}/{}", self.accessor))?;
        match self.end() {
            Some(end) => scope.delete(&end),
            None => Ok(()),
        }
    }

    /// The entry that its end stands in.
    fn end(&self) -> Option<String> {
        let minute = self.ends.map(minute)?;
        let (day, minute) = (minute / MINUTES_OF_DAY, minute % MINUTES_OF_DAY);
        Some(format!("{ENDS}/{day}/{minute}/{}", self.accessor))
    }
}

/// The accessors of a role's secret ids that have not ended.
pub fn accessors(scope: &mut Scope<'_>, drawer: Drawer) -> Result<Vec<String>, TxnError> {
    let mut accessors = Vec::new();
    for name in scope.list(&format!("{FOLDER}/{drawer}"))? {
        let id = SecretId::load(scope, &Place { drawer, name })?;
        accessors.extend(id.map(|id| id.accessor));
    }
    Ok(accessors)
}

/// Removes the secret ids of a role that is deleted: the first of them now, and where there are
/// more, the others by [`tidy`].
pub fn abandon(scope: &mut Scope<'_>, drawer: Drawer) -> Result<(), TxnError> {
    if empty(scope, drawer)? {
        return Ok(());
    }
    scope.write(&format!("{GONE}/{drawer}"), &drawer)
}

/// Removes some of what has ended and of what deleted roles left. Whether there may be more.
pub fn tidy(scope: &mut Scope<'_>) -> Result<bool, TxnError> {
    if let Some(name) = scope.list_some(GONE, 1)?.pop() {
        let gone = format!("{GONE}/{name}");
        let drawer: Option<Drawer> = scope.read(&gone)?;
        if drawer.map_or(Ok(true), |drawer| empty(scope, drawer))? {
            scope.delete(&gone)?;
        }
        return Ok(true);
    }
    let mut left = BATCH;
    for folder in over(scope)? {
        let accessors = scope.list_some(&folder, left)?;
        left -= accessors.len();
        for accessor in accessors {
            end(scope, &format!("{folder}/{accessor}"))?;
        }
        if left == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folders of the minutes that are over.
fn over(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
    let now = scope.expiry_now().as_secs() / 60;
    let number = |name: &str| name.trim_end_matches('/').parse::<u64>().unwrap_or(u64::MAX);
    let mut folders = Vec::new();
    for day in scope.list(ENDS)?.iter().map(|name| number(name)) {
        if day > now / MINUTES_OF_DAY {
            continue;
        }
        let folder = format!("{ENDS}/{day}");
        for minute in scope.list(&folder)?.iter().map(|name| number(name)) {
            if day * MINUTES_OF_DAY + minute.min(MINUTES_OF_DAY) <= now {
                folders.push(format!("{folder}/{minute}"));
            }
        }
    }
    Ok(folders)
}

/// Removes the secret id whose end stands in that entry.
fn end(scope: &mut Scope<'_>, entry: &str) -> Result<(), TxnError> {
    if let Some(place) = scope.read::<Place>(entry)?
        && let Some(id) = scope.read::<SecretId>(&place.path())?
    {
        id.remove(scope, &place)?;
    }
    scope.delete(entry)
}

/// Removes the first secret ids of a drawer. Whether those were all.
fn empty(scope: &mut Scope<'_>, drawer: Drawer) -> Result<bool, TxnError> {
    let names = scope.list_some(&format!("{FOLDER}/{drawer}"), BATCH)?;
    let all = names.len() < BATCH;
    for name in names {
        let place = Place { drawer, name };
        if let Some(id) = scope.read::<SecretId>(&place.path())? {
            id.remove(scope, &place)?;
        }
    }
    Ok(all)
}

/// The first minute at whose begin that time has come.
const fn minute(time: Timestamp) -> u64 {
    time.as_secs() / 60 + 1
}
