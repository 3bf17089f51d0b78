//! Failed logins, in bounded memory.
//!
//! They are counted by a hash of the name, for names that nobody has too: who is locked out tells
//! nobody who there is. When the table is full, names that nobody has give way, those first that
//! were tried once: a flood of names takes away nothing that is counted of users.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::Duration;

use super::terms::Terms;
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::keyed::Keyed;

/// How many names there are at most: what a table of 65,536 places holds before it grows. With the
/// default limits on logins by password all that can fail within a lockout fit in.
pub const MOST: usize = 57_344;

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

/// The failed logins of one user.
#[derive(Clone, Debug)]
pub struct Failures {
    /// When the last of them was.
    pub last: Timestamp,
    /// How many.
    pub count: u32,
    /// For how many seconds after the last they matter.
    span: u32,
    /// Whose they are; `None` of a name that nobody has.
    pub user: Option<Box<User>>,
}

impl Failures {
    /// Those that a lock was stored with.
    pub fn stored(user: User, count: u32, last: Timestamp) -> Self {
        Self { last, count, span: u32::MAX, user: Some(Box::new(user)) }
    }

    /// Whether they lock the user out.
    pub fn lock(&self, terms: &Terms, now: Timestamp) -> bool {
        u64::from(self.count) >= terms.threshold && now.since(self.last) < terms.duration
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.last) >= Duration::from_secs(self.span.into())
    }
}

/// The table.
pub struct Table {
    hasher: Keyed,
    names: HashMap<u64, Failures, Keyed>,
}

impl Table {
    /// Nobody has failed yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let hasher = Keyed::new(entropy);
        Self { hasher, names: HashMap::with_hasher(hasher) }
    }

    /// Whether the user is locked out.
    pub fn is_locked(&self, user: &User, terms: &Terms, now: Timestamp) -> bool {
        self.names.get(&self.key(user)).is_some_and(|failures| failures.lock(terms, now))
    }

    /// Counts a failed login, of somebody who `exists` or not; whether it locks them out.
    pub fn fail(
        &mut self,
        user: &User,
        exists: bool,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<bool, Locked> {
        let key = self.key(user);
        if !self.names.contains_key(&key) {
            self.make_room(now);
            if self.names.len() >= MOST {
                return Ok(false);
            }
        }
        let none = Failures { last: now, count: 0, span: 0, user: None };
        let failures = self.names.entry(key).or_insert(none);
        if failures.lock(terms, now) {
            return Err(Locked);
        }
        let forgotten = now.since(failures.last) > terms.counter_reset;
        failures.count = if forgotten { 1 } else { failures.count.saturating_add(1) };
        failures.last = now;
        let span = terms.duration.max(terms.counter_reset).as_secs();
        failures.span = u32::try_from(span).unwrap_or(u32::MAX);
        failures.user = exists.then(|| Box::new(user.clone()));
        Ok(failures.lock(terms, now))
    }

    /// Forgets the failed logins of a user; whether there were any.
    pub fn forget(&mut self, user: &User) -> bool {
        let key = self.key(user);
        self.names.remove(&key).is_some_and(|failures| failures.user.is_some())
    }

    /// Adds what was stored, unless more is known.
    pub fn recall(&mut self, failures: Failures) {
        if let Some(user) = &failures.user {
            let key = self.key(user);
            self.names.entry(key).or_insert(failures);
        }
    }

    /// Those of users that there are.
    pub fn users(&self) -> impl Iterator<Item = (&User, &Failures)> {
        self.names.values().filter_map(|failures| Some((failures.user.as_deref()?, failures)))
    }

    /// Forgets what matters no more; whether any of it was of users that there are.
    pub fn sweep(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        self.names.retain(|_, failures| {
            let over = failures.is_over(now);
            any |= over && failures.user.is_some();
            !over
        });
        if self.names.len() < MOST / 16 {
            self.names.shrink_to_fit();
        }
        any
    }

    fn make_room(&mut self, now: Timestamp) {
        let gives_way: [fn(&Failures) -> bool; 2] =
            [|failures| failures.user.is_none() && failures.count == 1, |f| f.user.is_none()];
        if self.names.len() >= MOST {
            self.sweep(now);
        }
        for gives_way in gives_way {
            if self.names.len() >= MOST {
                self.names.retain(|_, failures| !gives_way(failures));
            }
        }
    }

    fn key(&self, user: &User) -> u64 {
        self.hasher.hash_one((&user.accessor, &user.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn user(name: impl ToString) -> User {
        User { accessor: "auth_userpass_1".to_owned(), name: name.to_string() }
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
        let (bob, terms) = (user("bob"), terms());
        assert_eq!(table.fail(&bob, true, &terms, NOW), Ok(false));
        // Forgotten meanwhile.
        assert_eq!(table.fail(&bob, true, &terms, after(31)), Ok(false));
        assert_eq!(table.fail(&bob, true, &terms, after(40)), Ok(true));
        assert_eq!(table.fail(&bob, true, &terms, after(99)), Err(Locked));
        assert!(table.is_locked(&bob, &terms, after(99)));
        assert!(!table.is_locked(&user("al"), &terms, after(99)));
        assert!(!table.is_locked(&bob, &terms, after(100)));
        assert!(!table.sweep(after(99)) && table.sweep(after(100)));
        assert!(!table.forget(&bob));
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_takes_nothing_from_users() {
        let mut table = Table::new(&SeededEntropy::new(1));
        let terms = terms();
        for n in 0..1_000 {
            assert_eq!(table.fail(&user(n), true, &terms, NOW), Ok(false));
            assert_eq!(table.fail(&user(-n - 1), false, &terms, NOW), Ok(false));
            assert_eq!(table.fail(&user(-n - 1), false, &terms, NOW), Ok(true));
        }
        for n in 1_000..200_000 {
            assert_eq!(table.fail(&user(n), false, &terms, NOW), Ok(false));
        }
        assert!(table.names.len() <= MOST);
        for n in 0..1_000 {
            assert_eq!(table.fail(&user(n), true, &terms, NOW), Ok(true));
            assert_eq!(table.fail(&user(-n - 1), false, &terms, NOW), Err(Locked));
        }
        assert_eq!(table.users().count(), 1_000);
        table.sweep(after(60));
        assert!(table.names.is_empty());
    }
}
