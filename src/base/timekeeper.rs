//! The time that leases, tokens and records go by, on machines whose clock may be wrong.
//!
//! Boards have no clock of their own: they wake at 1970, or at any time that a flat battery left,
//! until the network tells. So the latest time known to have passed when the store was opened is a
//! floor: while the machine's clock is below it, time goes on from it by the boot clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::clock::{Clock, Timestamp};
use super::sync::lock;

/// A clock that goes ahead by more than this at once is believed only after [`STANDING`].
pub const JUMP: Duration = Duration::from_secs(60 * 60);
/// How long a clock that jumped must stand before anything expires by it.
pub const STANDING: Duration = Duration::from_secs(5 * 60);
/// A turn of the clock by less than this is the network's usual correction and not reported.
const CORRECTION: Duration = Duration::from_secs(2);

/// Keeps the time. It may go back; nothing is ordered by it: that is what revisions are for.
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    floor: Timestamp,
    hands: Mutex<Hands>,
}

/// The last reading.
#[derive(Clone, Copy)]
struct Hands {
    now: Timestamp,
    wall: Timestamp,
    boot: Duration,
    report: Report,
    /// A jump ahead that has not stood long enough.
    jumped: Option<Jump>,
}

/// A jump ahead: when it was seen by the boot clock, and what the time was without it.
#[derive(Clone, Copy)]
struct Jump {
    at: Duration,
    from: Timestamp,
}

/// What was odd about the machine's clock since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By how much it last went ahead at once, if that was over an hour.
    pub ahead: Option<Duration>,
    /// By how much it last went back.
    pub back: Option<Duration>,
    /// By how much it is behind the floor's time, which is kept instead.
    pub behind: Option<Duration>,
}

impl TimeKeeper {
    /// Keeps time from `floor` on, the latest time known to have passed; the epoch in a new store.
    pub fn new(clock: Arc<dyn Clock>, floor: Timestamp) -> Self {
        let (wall, boot) = (clock.wall(), clock.boot());
        let now = if floor == Timestamp::EPOCH { wall } else { floor };
        let hands = Hands { now, wall, boot, report: Report::default(), jumped: None };
        let hands = Mutex::new(hands.turned(wall, boot, floor));
        Self { clock, floor, hands }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.read().now
    }

    /// The time by which things expire: for five minutes after the clock jumped ahead, what it
    /// would be without the jump.
    pub fn expiry_now(&self) -> Timestamp {
        let hands = self.read();
        hands.without_jump(hands.now, hands.boot)
    }

    /// What the machine's clock says, which may be behind it by any time.
    pub fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// What was odd about the machine's clock.
    pub fn report(&self) -> Report {
        self.read().report
    }

    fn read(&self) -> Hands {
        let mut hands = lock(&self.hands);
        *hands = hands.turned(self.clock.wall(), self.clock.boot(), self.floor);
        *hands
    }
}

impl Hands {
    fn turned(mut self, wall: Timestamp, boot: Duration, floor: Timestamp) -> Self {
        let passed = boot.saturating_sub(self.boot);
        let back = self.wall.plus(passed).since(wall);
        let ran_on = self.now.plus(passed);
        let now = if wall < floor { ran_on } else { wall };
        let ahead = now.since(ran_on);
        if ahead > JUMP {
            self.report.ahead = Some(ahead);
            self.jumped = Some(Jump { at: boot, from: self.without_jump(ran_on, boot) });
        }
        let stood = self.jumped.is_some_and(|jump| boot.saturating_sub(jump.at) >= STANDING);
        if stood || ran_on.since(now) > JUMP {
            self.jumped = None;
        }
        self.report.back = if back > CORRECTION { Some(back) } else { self.report.back };
        self.report.behind = (wall < floor).then(|| now.since(wall));
        Self { now, wall, boot, ..self }
    }

    /// What the time is at `boot` without the jump; `now` where there is none.
    fn without_jump(&self, now: Timestamp, boot: Duration) -> Timestamp {
        self.jumped.map_or(now, |jump| jump.from.plus(boot.saturating_sub(jump.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    const NOON: Timestamp = Timestamp::from_secs(1_800_000_000);
    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(86_400);

    fn keeper(wall: Timestamp, floor: Timestamp) -> (Arc<ManualClock>, TimeKeeper) {
        let clock = Arc::new(ManualClock::at(wall));
        let keeper = TimeKeeper::new(Arc::clone(&clock) as Arc<dyn Clock>, floor);
        (clock, keeper)
    }

    fn settled(keeper: &TimeKeeper) -> bool {
        keeper.expiry_now() == keeper.now()
    }

    #[test]
    fn a_good_clock_is_followed() {
        let (clock, keeper) = keeper(NOON, NOON);
        clock.advance(DAY);
        assert_eq!(keeper.now(), NOON.plus(DAY));
        assert!(settled(&keeper));
        assert_eq!(keeper.report(), Report::default());
    }

    #[test]
    fn a_new_store_takes_the_clock_as_it_is() {
        let (_, keeper) = keeper(NOON, Timestamp::EPOCH);
        assert_eq!(keeper.now(), NOON);
        assert!(settled(&keeper));
    }

    #[test]
    fn a_board_that_wakes_in_1970_goes_on_from_the_latest_time_known() {
        let (clock, keeper) = keeper(Timestamp::EPOCH, NOON);
        assert_eq!(keeper.now(), NOON);
        clock.advance(10 * MINUTE);
        assert_eq!(keeper.now(), NOON.plus(10 * MINUTE));
        assert!(settled(&keeper));
        assert_eq!(keeper.report().behind, Some(NOON.since(Timestamp::EPOCH)));
        // The network tells the time: five minutes later than it is kept.
        clock.set_wall(NOON.plus(15 * MINUTE));
        assert_eq!(keeper.now(), NOON.plus(15 * MINUTE));
        assert!(settled(&keeper));
        assert_eq!(keeper.report(), Report::default());
    }

    #[test]
    fn a_clock_that_goes_back_is_used_and_reported() {
        let (clock, keeper) = keeper(NOON, NOON);
        clock.advance(2 * DAY);
        keeper.now();
        clock.set_wall(NOON.plus(DAY));
        assert_eq!(keeper.now(), NOON.plus(DAY));
        clock.advance(MINUTE);
        assert_eq!(keeper.now(), NOON.plus(DAY).plus(MINUTE));
        assert_eq!(keeper.report().back, Some(DAY));
        assert!(settled(&keeper));
    }

    #[test]
    fn a_clock_that_goes_back_below_what_has_passed_is_not_used() {
        let (clock, keeper) = keeper(NOON.plus(MINUTE), NOON);
        clock.set_wall(Timestamp::EPOCH);
        clock.advance(DAY);
        assert_eq!(keeper.now(), NOON.plus(MINUTE).plus(DAY));
        let report = keeper.report();
        assert!(report.back.is_some() && report.behind.is_some());
        clock.set_wall(NOON.plus(DAY));
        assert_eq!(keeper.now(), NOON.plus(DAY));
        assert_eq!(keeper.report().behind, None);
    }

    #[test]
    fn after_a_jump_ahead_nothing_expires_until_it_has_stood() {
        let (clock, keeper) = keeper(NOON, NOON);
        clock.set_wall(NOON.plus(JUMP));
        assert_eq!(keeper.now(), NOON.plus(JUMP));
        assert!(settled(&keeper), "an hour is no jump");
        clock.set_wall(NOON.plus(2 * DAY));
        assert_eq!(keeper.now(), NOON.plus(2 * DAY));
        assert!(!settled(&keeper));
        assert_eq!(keeper.report().ahead, Some(2 * DAY - JUMP));
        clock.advance(4 * MINUTE);
        assert_eq!(keeper.expiry_now(), NOON.plus(JUMP).plus(4 * MINUTE));
        clock.set_wall(NOON.plus(4 * DAY));
        clock.advance(4 * MINUTE);
        let without = NOON.plus(JUMP).plus(8 * MINUTE);
        assert_eq!(keeper.expiry_now(), without, "it jumped again and has to stand anew");
        clock.advance(5 * MINUTE);
        assert!(settled(&keeper));
    }

    #[test]
    fn a_jump_that_is_taken_back_expires_nothing() {
        let (clock, keeper) = keeper(NOON, NOON);
        clock.set_wall(NOON.plus(DAY));
        assert!(!settled(&keeper));
        clock.set_wall(NOON.plus(MINUTE));
        assert!(settled(&keeper));
        assert_eq!(keeper.now(), NOON.plus(MINUTE));
    }

    #[test]
    fn a_clock_found_far_ahead_at_the_start_must_stand_too() {
        let (clock, keeper) = keeper(NOON.plus(DAY), NOON);
        assert!(!settled(&keeper));
        clock.advance(STANDING);
        assert!(settled(&keeper));
    }
}
