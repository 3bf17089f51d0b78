//! When the next snapshot is due, and when what failed is tried again.
//!
//! It is counted from the last good one that the target holds, by the boot clock, once for each: a
//! wall clock that jumps neither brings a snapshot forward nor holds one back for longer than one
//! interval. A
//! target that was away is overdue, so that it gets its snapshot as soon as it comes.

use std::time::Duration;

use crate::base::clock::Timestamp;

/// How long after a failure it is tried again, at first.
const RETRY_FIRST: Duration = Duration::from_secs(2);
/// And at most.
const RETRY_MOST: Duration = Duration::from_secs(60);
/// The same of a snapshot for which all of the store was copied.
const COPY_MOST: Duration = Duration::from_secs(900);

/// After a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pause {
    /// Nothing is tried before.
    until: Duration,
    failures: u32,
}

impl Pause {
    /// It failed once more: each time it is twice as long, `most` at last.
    fn begin(&mut self, boot: Duration, most: Duration) {
        self.until = boot + most.min(RETRY_FIRST * 2u32.pow(self.failures.min(10)));
        self.failures = self.failures.saturating_add(1);
    }
}

/// When a target is next looked at, by the boot clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When a snapshot is due; `None` until it is known what the target holds.
    due: Option<Duration>,
    /// Counted from this one.
    since: Option<Timestamp>,
    /// Of all that is done with the target.
    pause: Pause,
    /// Of snapshots alone.
    put_off: Pause,
}

impl Schedule {
    /// The target holds a good snapshot of `taken`, or none; `interval` is zero where none is ever
    /// due.
    pub fn follow(
        &mut self,
        taken: Option<Timestamp>,
        interval: Duration,
        now: Timestamp,
        boot: Duration,
    ) {
        if self.due.is_some() && self.since == taken {
            return;
        }
        self.since = taken;
        // One that is taken in the future is as good as one of now.
        let age = taken.map_or(interval, |taken| now.since(taken));
        self.due = Some(boot.saturating_add(interval.saturating_sub(age)));
    }

    /// Whether a snapshot is due.
    pub fn is_due(&self, boot: Duration) -> bool {
        self.due.is_some_and(|due| boot >= due)
    }

    /// When one is due; `None` until it is known what the target holds.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Whether the target holds no good one; `None` until it is known what it holds.
    pub fn holds_none(&self) -> Option<bool> {
        self.due.map(|_| self.since.is_none())
    }

    /// Something went well.
    pub fn succeeded(&mut self) {
        self.pause = Pause::default();
    }

    /// Something failed. Where it costs nothing to look (`cheap`) it is tried every two seconds,
    /// elsewhere less and less often.
    pub fn failed(&mut self, boot: Duration, cheap: bool) {
        self.pause.begin(boot, if cheap { RETRY_FIRST } else { RETRY_MOST });
    }

    /// Whether it may be tried (again).
    pub fn may_try(&self, boot: Duration) -> bool {
        boot >= self.pause.until
    }

    /// A snapshot was put, or what kept it from that need no longer be so.
    pub fn resume(&mut self) {
        self.put_off = Pause::default();
    }

    /// One could not be. Where it was `copied` for that, each attempt costs as much as the store
    /// is long, and wears the disk out.
    pub fn not_taken(&mut self, boot: Duration, copied: bool) {
        self.put_off.begin(boot, if copied { COPY_MOST } else { RETRY_MOST });
    }

    /// Whether one may be taken (again).
    pub fn may_take(&self, boot: Duration) -> bool {
        boot >= self.put_off.until
    }

    /// All may at once.
    pub fn hurry(&mut self) {
        (self.pause.until, self.put_off.until) = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn it_is_counted_from_the_last_good_one_on_the_target() {
        let mut schedule = Schedule::default();
        assert!(!schedule.is_due(HOUR), "nobody knows yet what is there");
        let boot = 5 * HOUR;
        schedule.follow(Some(NOON.minus(HOUR / 2)), HOUR, NOON, boot);
        assert_eq!(schedule.due(), Some(boot + HOUR / 2));
        assert!(schedule.is_due(boot + HOUR / 2));
        // It was away for a week.
        schedule.follow(Some(NOON.minus(168 * HOUR)), HOUR, NOON, boot);
        assert!(schedule.is_due(boot));
        schedule.follow(None, HOUR, NOON, boot);
        assert!(schedule.is_due(boot), "the first one");
        // The clock went back: not longer than an interval.
        schedule.follow(Some(NOON.plus(100 * HOUR)), HOUR, NOON, boot);
        assert_eq!(schedule.due(), Some(boot + HOUR));
        schedule.follow(Some(NOON.plus(100 * HOUR)), HOUR, NOON, boot + HOUR / 2);
        assert_eq!(schedule.due(), Some(boot + HOUR));
    }

    #[test]
    fn a_failure_is_tried_again_less_and_less_often() {
        let mut schedule = Schedule::default();
        let mut boot = HOUR;
        let mut rests = Vec::new();
        for _ in 0..7 {
            schedule.failed(boot, false);
            let rest = (0..).find(|&s| schedule.may_try(boot + Duration::from_secs(s))).unwrap();
            rests.push(rest);
            boot += Duration::from_secs(rest);
        }
        assert_eq!(rests, [2, 4, 8, 16, 32, 60, 60]);
        (0..12).for_each(|_| schedule.not_taken(boot, true));
        assert!(!schedule.may_take(boot + RETRY_MOST) && schedule.may_take(boot + COPY_MOST));
        schedule.not_taken(boot, false);
        assert!(schedule.may_take(boot + RETRY_MOST), "where nothing was copied it costs little");
        schedule.failed(boot, true);
        assert!(schedule.may_try(boot + RETRY_FIRST));
        schedule.succeeded();
        assert!(schedule.may_try(boot));
    }
}
