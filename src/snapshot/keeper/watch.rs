//! How long another history was watched and did not grow. Until that is long enough nothing of it
//! goes, whatever the times there tell: those are of another machine's clock, and either may be
//! years off.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::journal::Origin;
use crate::barrier::root::Timeline;
use crate::base::record::Record;

/// The other histories of a target.
#[derive(Default)]
pub struct Watch {
    histories: BTreeMap<Timeline, Watched>,
}

/// One of them, since it last grew.
struct Watched {
    /// Its last commit.
    end: u64,
    /// How long it was watched before.
    before: Duration,
    /// Since when it is again, by the boot clock; `None` while nobody can look.
    since: Option<Duration>,
}

/// What the store holds of it.
#[derive(Default, Serialize, Deserialize)]
pub struct Noted {
    /// The ends of the histories, and for how many seconds each was watched.
    histories: Vec<(Origin, u64)>,
}

impl Record for Noted {
    const VERSION: u8 = 1;
}

impl Watch {
    /// As it was noted.
    pub fn of(noted: Noted) -> Self {
        let watched = |(Origin { timeline, revision: end }, seconds)| {
            let before = Duration::from_secs(seconds);
            (timeline, Watched { end, before, since: None })
        };
        Self { histories: noted.histories.into_iter().map(watched).collect() }
    }

    /// To be noted, unless there is none.
    pub fn noted(&self, boot: Duration) -> Option<Noted> {
        let histories = self.histories.iter().map(|(&timeline, watched)| {
            let origin = Origin { timeline, revision: watched.end };
            (origin, watched.length(boot).as_secs())
        });
        (!self.histories.is_empty()).then(|| Noted { histories: histories.collect() })
    }

    /// These are there, up to those commits.
    pub fn look(&mut self, ends: &BTreeMap<Timeline, u64>, boot: Duration) {
        self.histories.retain(|timeline, watched| ends.get(timeline) == Some(&watched.end));
        for (&timeline, &end) in ends {
            let new = Watched { end, before: Duration::ZERO, since: None };
            self.histories.entry(timeline).or_insert(new).since.get_or_insert(boot);
        }
    }

    /// Nobody can look from now on.
    pub fn pause(&mut self, boot: Duration) {
        for watched in self.histories.values_mut() {
            (watched.before, watched.since) = (watched.length(boot), None);
        }
    }

    /// Those that were not watched for so long since they grew.
    pub fn growing(&self, long: Duration, boot: Duration) -> BTreeSet<Timeline> {
        let growing = self.histories.iter().filter(|(_, watched)| watched.length(boot) < long);
        growing.map(|(timeline, _)| *timeline).collect()
    }
}

impl Watched {
    fn length(&self, boot: Duration) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| boot.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Timeline = Timeline { number: 1, id: 9 };
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn only_what_was_watched_counts_and_a_restart_forgets_nothing() {
        let mut watch = Watch::default();
        let growing =
            |watch: &Watch, hours, boot| !watch.growing(HOUR * hours, HOUR * boot).is_empty();
        let at = |end| BTreeMap::from([(ONE, end)]);
        watch.look(&at(5), HOUR);
        assert!(growing(&watch, 3, 3) && !growing(&watch, 3, 4));
        watch.look(&at(6), HOUR * 4);
        assert!(growing(&watch, 3, 6), "it grew");
        watch.pause(HOUR * 6);
        assert!(growing(&watch, 3, 99), "nobody looked");
        let noted = watch.noted(HOUR * 99).unwrap();
        let mut watch = Watch::of(Noted::decode(&noted.encode()).unwrap());
        watch.look(&at(6), HOUR * 2);
        assert!(growing(&watch, 3, 2) && !growing(&watch, 3, 3));
        watch.look(&BTreeMap::new(), HOUR * 4);
        assert!(watch.noted(HOUR * 4).is_none());
    }
}
