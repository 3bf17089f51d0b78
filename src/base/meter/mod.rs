//! What is counted and measured while the server works. Whoever does the work owns its meters and
//! tells them when it is asked ([`Metered`]): there is no registry.
//!
//! Counting takes no lock and allocates nothing, so that each request can be counted many times.
//! Only what has names that come in from outside may look its counter up under a lock.

mod distribution;
mod process;
mod readings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use self::distribution::Distribution;
pub use self::process::Process;
pub use self::readings::{Labels, Metered, Reading, Readings, Value};

use self::distribution::{BUCKETS, bucket};
use super::clock::Clock;

/// How often something happened, or how much there was of it.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are at present.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// One more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn drop_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How large the numbers were that were met: all kept in a few hundred bytes, whatever their count.
#[derive(Debug)]
pub struct Histogram {
    sum: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { sum: AtomicU64::new(0), buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Histogram {
    /// One more number.
    pub fn record(&self, number: u64) {
        self.enter(number, number, 1);
    }

    /// What was recorded so far. Numbers that come in meanwhile may be in it or not.
    pub fn read(&self) -> Distribution {
        self.read_in(1, 1.0)
    }

    fn enter(&self, place: u64, number: u64, weight: u64) {
        if let Some(bucket) = self.buckets.get(bucket(place)) {
            bucket.fetch_add(weight, Ordering::Relaxed);
        }
        self.sum.fetch_add(number.saturating_mul(weight), Ordering::Relaxed);
    }

    fn enter_span(&self, span: Duration, weight: u64) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.enter(nanos / GRAIN, nanos, weight);
    }

    fn read_in(&self, grain: u64, unit: f64) -> Distribution {
        let counts = self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let sum = self.sum.load(Ordering::Relaxed);
        Distribution::new(Box::new(counts), sum, grain, unit)
    }
}

/// Nanoseconds that are not told apart: with it a histogram reaches up to two minutes.
const GRAIN: u64 = 64;
/// Nanoseconds of a millisecond, in which Vault tells spans.
const MILLIS: f64 = 1e6;
/// Nanoseconds of a second, in which Prometheus wants them to be told.
const SECONDS: f64 = 1e9;

/// How long something took, each time.
pub struct Timer {
    clock: Arc<dyn Clock>,
    spans: Histogram,
}

impl Timer {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), spans: Histogram::default() }
    }

    /// Something begins.
    #[must_use]
    pub fn begin(&self) -> Running<'_> {
        let begun = Some(self.clock.boot());
        Running { clock: &*self.clock, spans: &self.spans, begun, weight: 1 }
    }

    /// When it is, by the boot clock: for [`end`](Self::end).
    pub fn now(&self) -> Duration {
        self.clock.boot()
    }

    /// Something that began at `begun`, by the boot clock, has ended.
    pub fn end(&self, begun: Duration) {
        self.record(self.clock.boot().saturating_sub(begun));
    }

    /// Something has taken so long.
    pub fn record(&self, span: Duration) {
        self.spans.enter_span(span, 1);
    }

    /// What was recorded so far, in milliseconds.
    pub fn millis(&self) -> Distribution {
        self.spans.read_in(GRAIN, MILLIS)
    }

    /// The same in seconds.
    pub fn seconds(&self) -> Distribution {
        self.spans.read_in(GRAIN, SECONDS)
    }
}

/// Of so many only one is measured.
const STRIDE: u64 = 8;

/// How long something takes of which there is so much that looking at the clock would be felt:
/// each is counted, and one in eight is measured for all of them.
pub struct Sampler {
    clock: Arc<dyn Clock>,
    spans: Histogram,
    begun: Counter,
}

impl Sampler {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), spans: Histogram::default(), begun: Counter::default() }
    }

    /// Something begins.
    #[must_use]
    pub fn begin(&self) -> Running<'_> {
        let before = self.begun.0.fetch_add(1, Ordering::Relaxed);
        let begun = before.is_multiple_of(STRIDE).then(|| self.clock.boot());
        // The first one stands for itself, each later one also for those since the one before.
        let weight = if before == 0 { 1 } else { STRIDE };
        Running { clock: &*self.clock, spans: &self.spans, begun, weight }
    }

    /// What was recorded so far, in milliseconds.
    pub fn millis(&self) -> Distribution {
        self.spans.read_in(GRAIN, MILLIS).counted(self.begun.get())
    }
}

/// A span that goes on: recorded when this is dropped, however the work ended.
pub struct Running<'a> {
    clock: &'a dyn Clock,
    spans: &'a Histogram,
    begun: Option<Duration>,
    weight: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(begun) = self.begun {
            self.spans.enter_span(self.clock.boot().saturating_sub(begun), self.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{ManualClock, Timestamp};

    #[test]
    fn a_span_is_measured_however_its_work_ends() {
        let hands = Arc::new(ManualClock::at(Timestamp::EPOCH));
        let clock: Arc<dyn Clock> = hands.clone();
        let timer = Timer::new(&clock);
        let work = |fails: bool| {
            let _running = timer.begin();
            hands.advance(Duration::from_millis(10));
            if fails { Err(()) } else { Ok(()) }
        };
        assert!(work(false).is_ok() && work(true).is_err());
        let begun = clock.boot();
        hands.advance(Duration::from_millis(40));
        timer.end(begun);
        let spans = timer.millis();
        assert_eq!((spans.count(), spans.sum()), (3, 60.0));
        assert_eq!(timer.seconds().sum(), 0.06);
    }

    #[test]
    fn one_in_eight_is_measured_and_all_are_counted() {
        let hands = Arc::new(ManualClock::at(Timestamp::EPOCH));
        let clock: Arc<dyn Clock> = hands.clone();
        let sampler = Sampler::new(&clock);
        for number in 1..=17 {
            let _running = sampler.begin();
            hands.advance(Duration::from_millis(1));
            if number == 1 {
                assert_eq!((sampler.millis().count(), sampler.millis().sum()), (1, 0.0));
            }
        }
        let spans = sampler.millis();
        assert_eq!((spans.count(), spans.sum(), spans.mean()), (17, 17.0, 1.0));
        drop(sampler.begin());
        let later = sampler.millis().since(&spans);
        assert_eq!((later.count(), later.sum()), (1, 0.0));
        assert!(later.quantile(0.5).is_nan());
    }

    #[test]
    fn threads_count_together() {
        let (counter, histogram) = (Counter::default(), Histogram::default());
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for number in 0..1000 {
                        counter.count();
                        histogram.record(number);
                    }
                });
            }
        });
        assert_eq!(counter.get(), 4000);
        let numbers = histogram.read();
        assert_eq!((numbers.count(), numbers.sum()), (4000, 4.0 * 499_500.0));
    }
}
