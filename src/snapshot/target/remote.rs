//! What the targets behind a network have in common.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Name, TargetError};
use crate::base::clock::{Clock, SystemClock};
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::sync::lock;

/// What a remote target is given beside its settings.
#[derive(Clone)]
pub struct Means {
    /// Tells the time that requests are signed with.
    pub clock: Arc<dyn Clock>,
    /// Names what is not whole yet.
    pub entropy: Arc<dyn Entropy>,
    /// How long a peer may stand still before it counts as away.
    pub patience: Duration,
}

impl Means {
    /// The machine's clock and random source, and a minute.
    pub fn usual() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            patience: Duration::from_secs(60),
        }
    }

    /// Under which path the next object of that name is put together. No [`Name`] has a `~`, so
    /// that it is in no listing; and none is used twice, so that puts may overlap.
    pub(super) fn temporary(&self, name: &Name) -> String {
        format!("{name}~{}", self.entropy.hex(8))
    }
}

/// Whether the last part of a path is what [`Means::temporary`] gives. nginx appends a number while
/// it copies from another disk.
pub(super) fn is_temporary(base: &str) -> bool {
    let Some((name, mark)) = base.split_once('~') else { return false };
    let (random, number) = mark.split_once('.').unwrap_or((mark, "0"));
    Name::parse(name).is_some()
        && random.len() == 16
        && random.bytes().all(|byte| byte.is_ascii_hexdigit())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// What failed attempts left behind, so that the next one removes it.
pub(super) struct Leftovers<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What attempts of now work on.
    under_way: HashSet<T>,
    /// The folders where nothing is left.
    clean: HashSet<String>,
    /// The folders where an attempt has failed since it was looked.
    failed: HashSet<String>,
}

impl<T: Clone + Eq + Hash> Leftovers<T> {
    pub fn new() -> Self {
        let (clean, failed) = (HashSet::new(), HashSet::new());
        Self { state: Mutex::new(State { under_way: HashSet::new(), clean, failed }) }
    }

    /// Removes what is left of failed attempts, and in `folder`, where nobody has looked yet, of
    /// an earlier process. `find` tells what is left in a folder. What cannot be removed hinders
    /// nobody.
    pub fn sweep(
        &self,
        folder: &str,
        find: impl Fn(&str) -> Result<Vec<T>, TargetError>,
        remove: impl Fn(&T) -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        let mut folders = lock(&self.state).failed.clone();
        if !lock(&self.state).clean.contains(folder) {
            folders.insert(folder.to_owned());
        }
        for folder in folders {
            // An attempt that fails from now on makes it unclean again.
            lock(&self.state).failed.remove(&folder);
            let found = find(&folder).inspect_err(|_| self.fail(&folder))?;
            for one in found {
                if !lock(&self.state).under_way.contains(&one) {
                    let _ = remove(&one);
                }
            }
            lock(&self.state).clean.insert(folder);
        }
        Ok(())
    }

    /// Runs an attempt at `what`, in `folder`; where it fails `what` is removed, now or later.
    pub fn attempt(
        &self,
        folder: &str,
        what: &T,
        put: impl FnOnce() -> Result<(), TargetError>,
        remove: impl FnOnce() -> Result<(), TargetError>,
    ) -> Result<(), TargetError> {
        lock(&self.state).under_way.insert(what.clone());
        let outcome = put();
        if let Err(error) = &outcome {
            // Who is away is not waited for twice.
            if !matches!(error, TargetError::Away(_)) {
                let _ = remove();
            }
            self.fail(folder);
        }
        lock(&self.state).under_way.remove(what);
        outcome
    }

    /// Notes that something may be left in `folder`.
    pub fn fail(&self, folder: &str) {
        lock(&self.state).failed.insert(folder.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_removed_by_the_next() {
        let leftovers = Leftovers::<String>::new();
        let away = || TargetError::Away("away".into());
        let sweep = |folder: &str| {
            let removed = Mutex::new(Vec::new());
            let find = |folder: &str| Ok(vec![format!("{folder}1"), format!("{folder}2")]);
            let remove = |one: &String| {
                lock(&removed).push(one.clone());
                Err(away())
            };
            leftovers.sweep(folder, find, remove).unwrap();
            let mut removed = removed.into_inner().unwrap();
            removed.sort_unstable();
            removed
        };
        assert!(leftovers.sweep("a", |_| Err(away()), |_| Ok(())).is_err());
        let one = "a1".to_owned();
        let inside = || {
            assert_eq!(sweep("a"), ["a2"], "what is under way is nobody's leftover");
            Err(away())
        };
        assert!(leftovers.attempt("a", &one, inside, || Err(away())).is_err());
        assert_eq!(sweep("b"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(sweep("a"), [""; 0]);
        assert!(leftovers.attempt("a", &one, || Ok(()), || Err(away())).is_ok());
        assert_eq!(sweep("b"), [""; 0]);
    }

    #[test]
    fn a_temporary_name_is_no_name() {
        let name = Name::parse("a/b.snap").unwrap();
        let temporary = Means::usual().temporary(&name);
        assert!(is_temporary(temporary.strip_prefix("a/").unwrap()));
        assert!(is_temporary("b.snap~0011223344556677.0000000012"));
        assert_eq!(Name::parse(temporary), None);
        for other in ["b.snap", "b~", "~0011223344556677", "b~001122334455667x", "b~0011"] {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
