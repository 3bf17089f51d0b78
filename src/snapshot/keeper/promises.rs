//! What the log says of promises: when a target does not keep one, and when it does again.
//!
//! It is said by who looks every second, not by the thread of the target, which may hang.

use std::collections::BTreeMap;
use std::mem::discriminant;

use super::status::{Broken, Status};
use crate::base::clock::Timestamp;

/// A promise that is not kept at so many looks in a row is broken: a machine that has slept is late
/// when it wakes, and a store that is opened again, and neither is for long.
const LOOKS: u32 = 5;

/// What the log says of promises.
#[derive(Default)]
pub struct Promises(BTreeMap<String, Told>);

/// What it has said of a target.
#[derive(Default)]
struct Told {
    /// That this one is broken.
    broken: Option<Broken>,
    /// Another one is not kept, and was not at so many looks.
    doubt: Option<(Broken, u32)>,
}

impl Promises {
    /// Says what is new of these, which are all there are.
    pub fn look(&mut self, statuses: &[(String, Status)], now: Timestamp) {
        self.0.retain(|name, _| statuses.iter().any(|(other, _)| other == name));
        for (name, status) in statuses {
            let told = self.0.entry(name.clone()).or_default();
            match told.look(status.broken(now)) {
                Some(News::Broken) => {
                    let what = status.broken_promise(now).unwrap_or_default();
                    log::warn!(
                        "snapshots to {name}: it does not keep its promise: {what}; `edgekeep \
                         snapshot status {name}` tells more"
                    );
                }
                Some(News::Kept) => log::info!("snapshots to {name}: it keeps its promise again"),
                None => {}
            }
        }
    }
}

/// What is new of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// It does not keep a promise.
    Broken,
    /// It keeps all of them again.
    Kept,
}

impl Told {
    fn look(&mut self, broken: Option<Broken>) -> Option<News> {
        let Some(broken) = broken else {
            self.doubt = None;
            return self.broken.take().map(|_| News::Kept);
        };
        let same = |other: &Broken| discriminant(other) == discriminant(&broken);
        if broken.is_told_by_its_finder() || self.broken.as_ref().is_some_and(same) {
            self.doubt = None;
            return None;
        }
        let before = self.doubt.take().filter(|(other, _)| same(other));
        let looks = before.map_or(1, |(_, looks)| looks + 1);
        if looks < LOOKS {
            self.doubt = Some((broken, looks));
            return None;
        }
        self.broken = Some(broken);
        Some(News::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_that_stays_broken_is_told_once() {
        let mut told = Told::default();
        let mut at = |looks: u64, broken: fn(u64) -> Option<Broken>| {
            (0..looks).filter_map(|look| told.look(broken(look))).collect::<Vec<_>>()
        };
        let behind = |late| Some(Broken::Behind(Some(late), late));
        let overdue = |late| Some(Broken::Overdue(late));
        assert_eq!(at(4, behind), [], "it may only have slept");
        assert_eq!(at(9, |_| None), []);
        assert_eq!(at(99, behind), [News::Broken]);
        assert_eq!(at(99, overdue), [News::Broken], "another one");
        assert_eq!(at(4, behind), [], "on the way to be kept");
        assert_eq!(at(9, |_| Some(Broken::Ahead)), [], "who finds that tells it");
        assert_eq!(at(9, overdue), []);
        assert_eq!(at(9, |_| None), [News::Kept]);
    }
}
