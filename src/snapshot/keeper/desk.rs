//! Where the thread of a target and those who want something of it meet.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::retention::Policy;
use super::status::{Status, Verification};
use crate::base::clock::Timestamp;
use crate::base::sync::{lock, wait_for};
use crate::snapshot::target::{Listed, Name};

/// What is wanted of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// A snapshot now.
    pub take: bool,
    /// The newest one read back again.
    pub verify: bool,
    /// A look at what lies there, other stores' too.
    pub look: bool,
    /// Go on in a history of its own although the target is ahead.
    pub adopt: bool,
    /// Snapshots dropped.
    pub forget: Option<Forgetting>,
}

/// Which snapshots are to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgetting {
    /// By what they are kept.
    pub policy: Policy,
    /// Nothing is dropped, only told.
    pub dry_run: bool,
}

/// The snapshots that were dropped, or why it failed.
pub type Forgotten = Result<Vec<Name>, String>;

impl Wishes {
    /// Whether anything is wanted.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// All that lies on a target, and when it was looked.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The objects.
    pub objects: Vec<Listed>,
    /// When.
    pub at: Timestamp,
    /// How often it was looked.
    pub count: u64,
    /// Whether that was for who asked.
    pub fresh: bool,
    /// Why the look that was wanted last came to nothing.
    pub error: Option<String>,
}

/// The meeting place.
#[derive(Default)]
pub struct Desk {
    state: Mutex<State>,
    bell: Condvar,
    /// Who has snapshots dropped.
    turn: Mutex<()>,
}

/// How long the thread of a target goes on.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Course {
    /// For as long as the target is served.
    #[default]
    On,
    /// The server ends: nobody waits for the target any more, and what is committed is shipped.
    Alone,
    /// Until the target lacks nothing, nor any other does.
    Last,
    /// It ends at the next occasion.
    Stop,
}

#[derive(Default)]
struct State {
    course: Course,
    ended: bool,
    /// At the end: up to which commit the target lacks nothing that it can be given.
    whole: Option<u64>,
    wishes: Wishes,
    /// Whether the newest snapshot is being read back because that was wanted.
    verifying: bool,
    status: Status,
    listing: Listing,
    /// The snapshots that are to be dropped, by the number of who wanted it, who may have given up.
    waiting: VecDeque<(u64, Forgetting)>,
    /// How often that was wanted.
    forgettings: u64,
    /// Which of these is being done.
    forgetting: u64,
    /// What came of the last one that was, and which that is.
    forgotten: Option<(u64, Forgotten)>,
}

impl State {
    fn is_asked(&self) -> bool {
        self.wishes.any() || !self.waiting.is_empty()
    }

    /// Whether who wants something need not wait for it.
    fn is_alone(&self) -> bool {
        self.course >= Course::Alone
    }
}

impl Desk {
    /// How the target stands.
    pub fn status(&self) -> Status {
        lock(&self.state).status.clone()
    }

    /// Changes what is told of it.
    pub fn tell(&self, change: impl FnOnce(&mut Status)) {
        change(&mut lock(&self.state).status);
        self.bell.notify_all();
    }

    /// Wants something; how many attempts will have ended when a snapshot that is wanted has.
    pub fn wish(&self, add: impl FnOnce(&mut Wishes)) -> u64 {
        let mut state = lock(&self.state);
        add(&mut state.wishes);
        self.bell.notify_all();
        let running = state.status.attempt.as_ref().is_some_and(|attempt| attempt.end.is_none());
        state.status.attempts + 1 + u64::from(running)
    }

    /// Wants the newest snapshot read back again; how often that was done when this has ended.
    pub fn verify(&self) -> u64 {
        let mut state = lock(&self.state);
        state.wishes.verify = true;
        self.bell.notify_all();
        state.status.verifications + 1 + u64::from(state.verifying)
    }

    /// What came of it.
    pub fn verified(&self, verification: Verification) {
        let mut state = lock(&self.state);
        state.verifying = false;
        state.status.verifications += 1;
        state.status.verification = Some(verification);
        self.bell.notify_all();
    }

    /// What was wanted since this was last asked.
    pub fn wishes(&self) -> Wishes {
        let mut state = lock(&self.state);
        state.verifying |= state.wishes.verify;
        let mut wishes = mem::take(&mut state.wishes);
        if let Some((number, forgetting)) = state.waiting.pop_front() {
            state.forgetting = number;
            wishes.forget = Some(forgetting);
        }
        wishes
    }

    /// What was seen.
    pub fn show(&self, objects: Vec<Listed>, at: Timestamp) {
        let mut state = lock(&self.state);
        let count = state.listing.count + 1;
        state.listing = Listing { objects, at, count, fresh: false, error: None };
        self.bell.notify_all();
    }

    /// It could not be looked.
    pub fn not_shown(&self, why: String) {
        lock(&self.state).listing.error = Some(why);
        self.bell.notify_all();
    }

    /// What lies there, after a new look if that comes within `patience`.
    pub fn look(&self, patience: Duration) -> Listing {
        let mut state = lock(&self.state);
        state.listing.error = None;
        let count = state.listing.count;
        drop(state);
        self.wish(|wishes| wishes.look = true);
        let is_over =
            |s: &State| s.listing.count > count || s.listing.error.is_some() || s.is_alone();
        wait_for(&self.bell, lock(&self.state), patience, is_over);
        let listing = lock(&self.state).listing.clone();
        Listing { fresh: listing.count > count, ..listing }
    }

    /// Has snapshots dropped; `None` where that takes longer than `patience`: it is done all the
    /// same, but for a dry run. One after the other: what comes late is not told to who wanted
    /// something else meanwhile.
    pub fn forget(&self, forgetting: Forgetting, patience: Duration) -> Option<Forgotten> {
        let _turn = lock(&self.turn);
        let mut state = lock(&self.state);
        state.forgettings += 1;
        let ours = state.forgettings;
        // What somebody wanted who has given up comes with this one.
        state.waiting.retain(|(_, other)| *other != forgetting);
        state.waiting.push_back((ours, forgetting));
        self.bell.notify_all();
        drop(state);
        let is_ours = |s: &State| s.forgotten.as_ref().is_some_and(|(n, _)| *n == ours);
        let is_over = |s: &State| s.is_alone() || is_ours(s);
        wait_for(&self.bell, lock(&self.state), patience, is_over);
        let mut state = lock(&self.state);
        state.waiting.retain(|(number, other)| *number != ours || !other.dry_run);
        state.forgotten.take_if(|(number, _)| *number == ours).map(|(_, outcome)| outcome)
    }

    /// They were, or could not be: what is said first counts.
    pub fn forgot(&self, outcome: Forgotten) {
        let mut state = lock(&self.state);
        let number = state.forgetting;
        if state.forgotten.as_ref().is_none_or(|(other, _)| *other != number) {
            state.forgotten = Some((number, outcome));
        }
        drop(state);
        self.bell.notify_all();
    }

    /// Waits for a while, or until something is wanted. Whether it goes on after.
    pub fn rest(&self, at_most: Duration) -> bool {
        let is_over = |s: &State| s.course >= Course::Last || s.is_asked();
        wait_for(&self.bell, lock(&self.state), at_most, is_over);
        !self.is_stopped()
    }

    /// At the end: waits for a while, or until the thread is to end.
    pub fn linger(&self, at_most: Duration) {
        wait_for(&self.bell, lock(&self.state), at_most, |state| state.course == Course::Stop);
    }

    /// Whether the thread ends once the target lacks nothing.
    pub fn is_last(&self) -> bool {
        lock(&self.state).course >= Course::Last
    }

    /// Whether the thread is to end.
    pub fn is_stopped(&self) -> bool {
        lock(&self.state).course == Course::Stop
    }

    /// Lets nobody wait for it any more.
    pub fn leave_alone(&self) {
        self.go(Course::Alone);
    }

    /// Has the thread ship what the target lacks, and nothing else, until it is told to end.
    pub fn finish(&self) {
        self.go(Course::Last);
    }

    /// Has the thread end at the next occasion.
    pub fn stop(&self) {
        self.go(Course::Stop);
    }

    fn go(&self, course: Course) {
        let mut state = lock(&self.state);
        state.course = state.course.max(course);
        self.bell.notify_all();
    }

    /// The target lacks nothing up to that commit, or it cannot be given.
    pub fn lacks_nothing_until(&self, revision: u64) {
        lock(&self.state).whole = Some(revision);
        self.bell.notify_all();
    }

    /// Waits until that is so, for so long; whether it is.
    pub fn wait_until_whole(&self, revision: u64, at_most: Duration) -> bool {
        let is_whole = |s: &State| s.ended || s.whole.is_some_and(|upto| upto >= revision);
        wait_for(&self.bell, lock(&self.state), at_most, is_whole);
        is_whole(&lock(&self.state))
    }

    /// It has ended.
    pub fn ended(&self) {
        lock(&self.state).ended = true;
        self.bell.notify_all();
    }

    /// Waits until it has, for so long; whether it has.
    pub fn wait_for_end(&self, at_most: Duration) -> bool {
        wait_for(&self.bell, lock(&self.state), at_most, |state| state.ended);
        lock(&self.state).ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_for_one_is_not_told_to_another() {
        let desk = Desk::default();
        let forgetting = |last, dry_run| {
            let policy = Policy { last, ..Policy::default() };
            Forgetting { policy, dry_run }
        };
        // The first one gives up while its wish is being met.
        assert_eq!(desk.forget(forgetting(1, false), Duration::ZERO), None);
        assert_eq!(desk.wishes().forget, Some(forgetting(1, false)));
        let (first, second) = (Name::parse("first").unwrap(), Name::parse("second").unwrap());
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| desk.forget(forgetting(2, false), Duration::from_secs(60)));
            while lock(&desk.state).waiting.is_empty() {
                std::thread::yield_now();
            }
            desk.forgot(Ok(vec![first]));
            assert_eq!(desk.wishes().forget, Some(forgetting(2, false)));
            desk.forgot(Ok(vec![second.clone()]));
            desk.forgot(Err("what is said first counts".into()));
            assert_eq!(asked.join().unwrap(), Some(Ok(vec![second])));
        });
    }
}
