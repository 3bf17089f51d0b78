//! How long another history was watched and did not grow. Until that is long enough nothing of it
//! goes, whatever the times there tell: those are of another machine's clock, and either may be
//! years off.
//!
//! It is watched from one look to the next one, unless nobody could look for a while in between:
//! since when, nobody knows. A stick that was let go, and comes as soon as it is wanted, was there.
//! While nothing can be put from here others may have no room either. Nor does it count how long
//! the machine sleeps, or the target hangs: then others may, too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::barrier::root::Timeline;
use crate::base::record::Record;

/// So long is what was watched known to this process alone, unless it puts a snapshot: at first,
/// for a machine that is on for a short time each day, and then. To another server that watches,
/// this one grows by each commit that notes it.
const FIRST: Duration = Duration::from_secs(3600);
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// More than that between two rounds counts for nothing.
const ROUND: Duration = Duration::from_secs(300);
/// What is wanted may take so long to come.
const MOMENT: Duration = Duration::from_secs(60);
/// So many histories are remembered that are not there at present, as on another stick.
const MOST: usize = 32;
/// So many places are told apart that are there in turn.
const PLACES: usize = 8;

/// The other histories of a target.
pub struct Watch {
    histories: Noted,
    /// How long the thread of the target was awake.
    awake: Duration,
    /// When it last was, by the boot clock.
    round: Duration,
    /// When it was last looked, by how long it was awake, and how far each went there.
    looked: Option<(Duration, BTreeMap<Timeline, u64>)>,
    /// Since when nobody could.
    blind: Option<Duration>,
    /// Whether nothing can be put.
    stuck: bool,
    /// What the store holds of it.
    kept: Noted,
    /// When that is to be written next, by the boot clock.
    due: Duration,
}

/// What the store holds of it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted(BTreeMap<Timeline, Watched>);

/// One of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Watched {
    /// How long it was seen to end there and to go nowhere further. Of several sticks each may have
    /// another end of it.
    ends: BTreeMap<u64, Duration>,
    /// Up to which commit this server wrote it before a restore left it, as far as it is known by
    /// what lay there.
    left: Option<u64>,
    /// Whether another server was seen to go on in it.
    goes_on: bool,
}

impl Record for Noted {
    const VERSION: u8 = 1;
}

impl Watch {
    /// As it was noted.
    pub fn of(kept: Noted, boot: Duration) -> Self {
        let (histories, awake, round) = (kept.clone(), Duration::ZERO, boot);
        let due = boot + FIRST;
        Self { histories, awake, round, looked: None, blind: None, stuck: false, kept, due }
    }

    /// The thread is awake.
    pub fn is_awake(&mut self, boot: Duration) {
        self.awake += boot.saturating_sub(self.round).min(ROUND);
        self.round = boot;
    }

    /// These are there, up to those commits. More than `long` nobody wants to know.
    pub fn look(&mut self, ends: &BTreeMap<Timeline, u64>, long: Duration) {
        let now = self.awake;
        let is_long = |since| now.saturating_sub(since) >= MOMENT;
        let blind = self.blind.take().is_some_and(is_long) || self.stuck;
        let before = self.looked.replace((now, ends.clone())).filter(|_| !blind);
        let Noted(histories) = &mut self.histories;
        if histories.len() > MOST {
            histories.retain(|timeline, _| ends.contains_key(timeline));
        }
        for (timeline, end) in ends {
            let watched = &mut histories.entry(*timeline).or_default().ends;
            if watched.last_key_value().is_some_and(|(furthest, _)| furthest < end) {
                watched.clear();
            }
            if watched.len() == PLACES && !watched.contains_key(end) {
                watched.pop_first();
            }
            let same = before.as_ref().filter(|(_, ends)| ends.get(timeline) == Some(end));
            let seen = same.map_or(Duration::ZERO, |(at, _)| now.saturating_sub(*at));
            let length = watched.entry(*end).or_default();
            *length = length.saturating_add(seen).min(long);
        }
    }

    /// Nobody can look.
    pub fn is_blind(&mut self) {
        self.blind.get_or_insert(self.awake);
    }

    /// Something was put, or could not be.
    pub fn is_put(&mut self, done: bool) {
        if let Some((at, _)) = self.looked.as_mut().filter(|_| self.stuck) {
            *at = self.awake;
        }
        self.stuck = !done;
    }

    /// A restore has left one that this server wrote up to that commit.
    pub fn is_left(&mut self, timeline: Timeline, upto: u64) {
        let Noted(histories) = &mut self.histories;
        histories.entry(timeline).or_default().left = Some(upto);
    }

    /// Another server was seen to go on in one.
    pub fn goes_on(&mut self, timeline: Timeline) {
        let Noted(histories) = &mut self.histories;
        histories.entry(timeline).or_default().goes_on = true;
    }

    /// Whether that was ever seen.
    pub fn is_anothers(&self, timeline: Timeline) -> bool {
        self.histories.0.get(&timeline).is_some_and(|watched| watched.goes_on)
    }

    /// Up to which commit that was of one, if it was one.
    pub fn left(&self, timeline: Timeline) -> Option<u64> {
        self.histories.0.get(&timeline)?.left
    }

    /// Those there that were not watched for so long since they grew.
    pub fn growing(&self, long: Duration) -> BTreeSet<Timeline> {
        let Noted(histories) = &self.histories;
        let Some((_, there)) = &self.looked else { return histories.keys().copied().collect() };
        let watched = |timeline: &Timeline, end: &u64| histories.get(timeline)?.ends.get(end);
        let grows = |(timeline, end): &(&Timeline, &u64)| {
            watched(timeline, end).is_none_or(|length| *length < long)
        };
        there.iter().filter(grows).map(|(timeline, _)| *timeline).collect()
    }

    /// What is to be noted, unless the store holds it already; and what that holds.
    pub fn news(&self) -> Option<(&Noted, &Noted)> {
        (self.histories != self.kept).then_some((&self.histories, &self.kept))
    }

    /// Whether that has waited for long enough.
    pub fn is_to_be_noted(&self, boot: Duration) -> bool {
        self.news().is_some() && boot >= self.due
    }

    /// The store holds it from now on, or is asked no more for a while.
    pub fn is_noted(&mut self, kept: bool, boot: Duration) {
        self.due = boot + if kept { KEPT } else { FIRST };
        if kept {
            self.kept.clone_from(&self.histories);
        }
    }

    /// Another state has taken the place of the store's.
    pub fn is_to_be_noted_anew(&mut self) {
        self.kept = Noted::default();
    }
}

impl Noted {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Timeline = Timeline { number: 1, id: 9 };
    const HOUR: Duration = Duration::from_secs(3600);
    const LONG: Duration = Duration::from_secs(3 * 3600);

    fn grows(watch: &mut Watch, end: u64, hour: u32) -> bool {
        passes(watch, hour);
        watch.look(&BTreeMap::from([(ONE, end)]), LONG);
        !watch.growing(LONG).is_empty()
    }

    /// It is awake until then.
    fn passes(watch: &mut Watch, hour: u32) {
        while watch.round < HOUR * hour {
            watch.is_awake(watch.round + ROUND);
        }
    }

    #[test]
    fn only_what_was_watched_counts_and_a_restart_forgets_nothing() {
        let mut watch = Watch::of(Noted::default(), Duration::ZERO);
        assert!(grows(&mut watch, 5, 1) && grows(&mut watch, 5, 3) && !grows(&mut watch, 5, 4));
        assert!(grows(&mut watch, 6, 9), "it grew");
        passes(&mut watch, 10);
        watch.is_blind();
        watch.is_awake(watch.round + MOMENT / 2);
        assert!(grows(&mut watch, 6, 10), "it took a moment to come");
        watch.is_awake(HOUR * 11);
        watch.is_blind();
        assert!(grows(&mut watch, 6, 99), "nobody looked");
        watch.is_blind();
        let (noted, _) = watch.news().unwrap();
        let mut watch = Watch::of(Noted::decode(&noted.encode()).unwrap(), HOUR);
        assert!(watch.news().is_none());
        assert!(grows(&mut watch, 6, 1) && grows(&mut watch, 6, 2) && !grows(&mut watch, 6, 3));
        assert!(watch.is_to_be_noted(HOUR + FIRST) && !watch.is_to_be_noted(HOUR));
        watch.is_noted(true, HOUR + FIRST);
        assert!(!grows(&mut watch, 6, 9) && watch.news().is_none(), "more is not counted");
    }

    #[test]
    fn nothing_counts_while_nobody_is_awake_or_can_write() {
        let mut watch = Watch::of(Noted::default(), Duration::ZERO);
        assert!(grows(&mut watch, 5, 1));
        watch.is_awake(HOUR * 99);
        assert!(grows(&mut watch, 5, 99), "it slept");
        watch.is_put(false);
        assert!(grows(&mut watch, 5, 104), "nothing could be put");
        passes(&mut watch, 105);
        watch.is_put(true);
        assert!(grows(&mut watch, 5, 107) && !grows(&mut watch, 5, 108));
    }

    #[test]
    fn each_of_two_places_that_are_there_in_turn_is_watched_by_itself() {
        let mut watch = Watch::of(Noted::default(), Duration::ZERO);
        assert!(grows(&mut watch, 5, 1) && grows(&mut watch, 5, 3));
        assert!(grows(&mut watch, 3, 4), "another one, which has less of it");
        assert!(grows(&mut watch, 3, 6) && !grows(&mut watch, 3, 7));
        assert!(grows(&mut watch, 5, 8) && !grows(&mut watch, 5, 9));
        assert!(grows(&mut watch, 6, 10), "it grew");
        assert!(grows(&mut watch, 3, 11), "on the other one");
    }

    #[test]
    fn what_is_on_another_stick_is_not_remembered_without_end() {
        let mut watch = Watch::of(Noted::default(), Duration::ZERO);
        let many = |number| (0..=MOST as u64).map(move |id| (Timeline { number, id }, 1)).collect();
        (0..9).for_each(|number| watch.look(&many(number), LONG));
        assert_eq!(watch.histories.0.len(), MOST + 1);
        assert!(watch.growing(LONG).iter().all(|timeline| timeline.number == 8));
    }
}
