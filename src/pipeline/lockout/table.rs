//! Failed logins, in bounded memory.
//!
//! They are counted of names that nobody has too, so that a lock tells nobody who there is. When
//! the table is full nothing gives way, as that could be seen: whoever fails under a name that is
//! not in it is told what one who is locked out is told. Of a user that there is it is counted
//! still, in the place of a name that nobody has.

use std::collections::HashMap;
use std::time::Duration;

use super::terms::Terms;
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::keyed::Keyed;

/// How many names there are at most: what a table of 65,536 places holds before it grows. With the
/// default limits on logins by password all that can fail within a lockout fit in.
pub const MOST: usize = 57_344;

/// How long a full table is left alone before it is looked through again.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// By what a name is counted.
pub type Key = u64;

/// Whom a login is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the mount.
    pub accessor: String,
    /// The name that the mount knows.
    pub name: String,
}

/// So many failed logins are counted already that this one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked;

/// The failed logins under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// When the last of them was.
    pub last: Timestamp,
    /// How many.
    pub count: u32,
    /// For how many seconds after the last they matter.
    pub span: u32,
    /// Whether the last of them locked the name out.
    pub locked: bool,
    /// Whose they are; `None` of a name that nobody has.
    pub user: Option<Box<User>>,
}

impl Failures {
    /// Whether they lock the user out.
    pub fn lock(&self, terms: &Terms, now: Timestamp) -> bool {
        u64::from(self.count) >= terms.threshold && now.since(self.last) < terms.duration
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.last) >= Duration::from_secs(self.span.into())
    }

    /// Whether the store may know of them.
    fn may_be_stored(&self) -> bool {
        self.locked || self.user.is_some()
    }
}

/// The table.
pub struct Table {
    names: HashMap<Key, Failures, Keyed>,
    /// Whether the store may have other locks.
    changed: bool,
    /// When it was last looked through for what matters no more.
    swept: Timestamp,
}

impl Table {
    /// Nobody has failed yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let names = HashMap::with_hasher(Keyed::new(entropy));
        Self { names, changed: false, swept: Timestamp::EPOCH }
    }

    /// Whether the name is locked out.
    pub fn is_locked(&self, key: Key, terms: &Terms, now: Timestamp) -> bool {
        self.names.get(&key).is_some_and(|failures| failures.lock(terms, now))
    }

    /// Counts a failed login, of a `user` where there is one of that name.
    pub fn fail(
        &mut self,
        key: Key,
        user: Option<&User>,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<(), Locked> {
        if !self.names.contains_key(&key) && !self.make_room(user.is_some(), now) {
            return Err(Locked);
        }
        let none = Failures { last: now, count: 0, span: 0, locked: false, user: None };
        let failures = self.names.entry(key).or_insert(none);
        if failures.lock(terms, now) {
            return Err(Locked);
        }
        let forgotten = now.since(failures.last) > terms.counter_reset;
        failures.count = if forgotten { 1 } else { failures.count.saturating_add(1) };
        failures.last = now;
        let span = terms.duration.max(terms.counter_reset).as_secs();
        failures.span = u32::try_from(span).unwrap_or(u32::MAX);
        failures.user = user.map(|user| Box::new(user.clone()));
        failures.locked = failures.lock(terms, now);
        self.changed |= failures.locked;
        Ok(())
    }

    /// Forgets the failed logins under a name.
    pub fn forget(&mut self, key: Key) {
        let forgotten = self.names.remove(&key);
        self.changed |= forgotten.is_some_and(|failures| failures.may_be_stored());
    }

    /// Adds what was stored, unless more is known.
    pub fn recall(&mut self, key: Key, failures: Failures) {
        self.names.entry(key).or_insert(failures);
        self.changed = true;
    }

    /// Those of users that there are.
    pub fn users(&self) -> impl Iterator<Item = (&User, &Failures)> {
        self.names.values().filter_map(|failures| Some((failures.user.as_deref()?, failures)))
    }

    /// Those that locked out a name that nobody has.
    pub fn strangers(&self) -> impl Iterator<Item = (Key, &Failures)> {
        let names = self.names.iter().map(|(key, failures)| (*key, failures));
        names.filter(|(_, failures)| failures.user.is_none() && failures.locked)
    }

    /// Whether the store may have other locks; not asked twice.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// It may.
    pub fn set_changed(&mut self) {
        self.changed = true;
    }

    /// Forgets what matters no more.
    pub fn sweep(&mut self, now: Timestamp) {
        let changed = &mut self.changed;
        self.names.retain(|_, failures| {
            let over = failures.is_over(now);
            *changed |= over && failures.may_be_stored();
            !over
        });
        if self.names.len() < MOST / 16 {
            self.names.shrink_to_fit();
        }
        self.swept = now;
    }

    /// Whether there is room for one more name.
    fn make_room(&mut self, exists: bool, now: Timestamp) -> bool {
        if self.names.len() >= MOST && now.since(self.swept) >= BETWEEN_SWEEPS {
            self.sweep(now);
        }
        if self.names.len() < MOST {
            return true;
        }
        let mut names = self.names.iter();
        let stranger = names.find(|(_, failures)| failures.user.is_none()).map(|(key, _)| *key);
        let Some(stranger) = stranger.filter(|_| exists) else { return false };
        self.forget(stranger);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn user() -> User {
        User { accessor: "auth_userpass_1".to_owned(), name: "bob".to_owned() }
    }

    fn after(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn terms() -> Terms {
        let (duration, counter_reset) = (Duration::from_secs(60), Duration::from_secs(30));
        Terms { threshold: 2, duration, counter_reset, disabled: false }
    }

    #[test]
    fn a_user_is_locked_out_for_a_while_after_the_last_failure() {
        let mut table = Table::new(&SeededEntropy::new(1));
        let (bob, terms) = (user(), terms());
        let mut fail = |seconds| {
            let failed = table.fail(1, Some(&bob), &terms, after(seconds));
            (failed, table.take_changed())
        };
        assert_eq!(fail(0), (Ok(()), false));
        assert_eq!(fail(31), (Ok(()), false), "forgotten meanwhile");
        assert_eq!(fail(40), (Ok(()), true));
        assert_eq!(fail(99), (Err(Locked), false));
        assert!(table.is_locked(1, &terms, after(99)));
        assert!(!table.is_locked(2, &terms, after(99)));
        assert!(!table.is_locked(1, &terms, after(100)));
        table.sweep(after(99));
        assert!(!table.take_changed());
        table.sweep(after(100));
        assert!(table.take_changed() && table.names.is_empty());
    }

    #[test]
    fn what_is_recalled_is_over_when_it_would_have_been() {
        let mut table = Table::new(&SeededEntropy::new(1));
        let (terms, mut later) = (terms(), Table::new(&SeededEntropy::new(2)));
        for key in [1, 1] {
            assert_eq!(table.fail(key, None, &terms, NOW), Ok(()));
        }
        for (key, failures) in table.strangers() {
            later.recall(key, failures.clone());
        }
        assert_eq!(later.fail(1, None, &terms, after(59)), Err(Locked));
        later.sweep(after(60));
        assert!(later.names.is_empty());
    }

    #[test]
    fn a_flood_of_names_is_bounded_takes_nothing_away_and_tells_nothing() {
        let mut table = Table::new(&SeededEntropy::new(1));
        let (bob, terms) = (user(), terms());
        let keys = 0..MOST as u64;
        for key in keys.clone() {
            let user = Some(&bob).filter(|_| key < 1_000);
            assert_eq!(table.fail(key, user, &terms, NOW), Ok(()));
        }
        // Of names that it does not know all are told the same, and users are counted.
        let (there, not) = (MOST as u64, MOST as u64 + 1);
        assert_eq!(table.fail(not, None, &terms, NOW), Err(Locked));
        assert_eq!([(); 2].map(|()| table.fail(there, Some(&bob), &terms, NOW)), [Ok(()); 2]);
        assert!(table.is_locked(there, &terms, NOW));
        let judged = keys.clone().filter(|key| {
            let user = Some(&bob).filter(|_| *key < 1_000);
            table.fail(*key, user, &terms, NOW).is_ok()
        });
        assert_eq!(judged.count(), MOST - 1);
        assert_eq!((table.names.len(), table.users().count()), (MOST, 1_001));
        assert!(keys.filter(|key| *key < 1_000).all(|key| table.is_locked(key, &terms, NOW)));
        // A while later there is room again.
        assert_eq!(table.fail(not, None, &terms, after(60)), Ok(()));
        assert_eq!(table.names.len(), 1);
    }
}
