//! What there was lately: since the last reading that is old enough to tell something. So whoever
//! reads now and then misses nothing, and while nobody reads nothing is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::clock::{Clock, Timestamp};
use crate::base::meter::{Labels, Reading, Readings, Value};
use crate::base::sync::lock;

/// How old a reading must be for others to be compared with it: the interval of Vault's metrics.
const INTERVAL: Duration = Duration::from_secs(10);

/// Keeps the readings with which later ones are compared.
pub struct Lately {
    clock: Arc<dyn Clock>,
    /// One that is old enough, and one that is to follow it.
    kept: Mutex<[Arc<Moment>; 2]>,
}

/// What the meters stood at.
struct Moment {
    at: Duration,
    time: Timestamp,
    values: BTreeMap<(String, Labels), Value>,
}

/// The readings with what is new of them.
pub struct Look {
    /// When what is new began.
    pub since: Timestamp,
    /// How long ago that is.
    pub span: Duration,
    /// The readings, sorted by name and labels.
    pub seen: Vec<Seen>,
}

/// A reading.
pub struct Seen {
    /// As it is.
    pub reading: Reading,
    /// What of it is new; a gauge has no age.
    pub lately: Value,
}

impl Lately {
    /// Everything is new.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (at, time) = (clock.boot(), clock.wall());
        let start = Arc::new(Moment { at, time, values: BTreeMap::new() });
        Self { clock, kept: Mutex::new([start.clone(), start]) }
    }

    /// What is new.
    pub fn look(&self, readings: Readings) -> Look {
        let readings = readings.sorted();
        let (at, time) = (self.clock.boot(), self.clock.wall());
        let before = {
            let mut kept = lock(&self.kept);
            if at.saturating_sub(kept[1].at) >= INTERVAL {
                kept.swap(0, 1);
                kept[1] = Arc::new(Moment::of(at, time, &readings));
            }
            kept[0].clone()
        };
        let seen = readings.into_iter().map(|reading| {
            let lately = before.what_is_new(&reading);
            Seen { reading, lately }
        });
        let (since, span) = (before.time, at.saturating_sub(before.at));
        Look { since, span, seen: seen.collect() }
    }
}

impl Moment {
    fn of(at: Duration, time: Timestamp, readings: &[Reading]) -> Self {
        let lasting = readings.iter().filter(|reading| !matches!(reading.value, Value::Gauge(_)));
        let value = |reading: &Reading| (key(reading), reading.value.clone());
        Self { at, time, values: lasting.map(value).collect() }
    }

    fn what_is_new(&self, reading: &Reading) -> Value {
        match (&reading.value, self.values.get(&key(reading))) {
            (Value::Counter(now), Some(Value::Counter(before))) => {
                Value::Counter(now.saturating_sub(*before))
            }
            (Value::Summary(now), Some(Value::Summary(before))) => {
                Value::Summary(now.since(before))
            }
            (value, _) => value.clone(),
        }
    }
}

fn key(reading: &Reading) -> (String, Labels) {
    (reading.name.clone().into_owned(), reading.labels.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;
    use crate::base::meter::Counter;

    #[test]
    fn whoever_reads_now_and_then_misses_nothing() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1000)));
        let (lately, counter) = (Lately::new(clock.clone()), Counter::default());
        for (wait, new, from) in
            [(3, 1, 1000), (4, 2, 1000), (60, 3, 1000), (2, 4, 1000), (60, 2, 1067)]
        {
            clock.advance(Duration::from_secs(wait));
            counter.count();
            let mut readings = Readings::of(String::new());
            readings.counter("x", "", counter.get());
            let look = lately.look(readings);
            let Value::Counter(lately) = look.seen[0].lately else { panic!("no counter") };
            assert_eq!((lately, look.since), (new, Timestamp::from_secs(from)), "after {wait} s");
        }
    }
}
