//! How a target stands, as status, health and metrics tell it.

use std::fmt;
use std::time::Duration;

use crate::barrier::journal::Head;
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;

/// What a target is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// All is as it should be.
    Good,
    /// A snapshot is on its way.
    Busy,
    /// It cannot be reached at present.
    Away,
    /// It holds what this server has not: nothing is written there.
    Ahead,
    /// It does not do what it should.
    Failing,
    /// Its settings are not such that anything could go there.
    Unserved,
}

impl Standing {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Away => "away",
            Self::Ahead => "ahead",
            Self::Failing => "failing",
            Self::Unserved => "unserved",
        }
    }
}

/// A snapshot that was read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Good {
    /// When it was taken.
    pub taken: Timestamp,
    /// Its history.
    pub timeline: Timeline,
    /// The last commit in it.
    pub revision: u64,
    /// Where it is.
    pub url: String,
    /// Its length in bytes.
    pub length: u64,
}

/// That somebody had the newest snapshot read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// When it ended.
    pub end: Timestamp,
    /// The snapshot that is good; or why it is not, or could not be read.
    pub outcome: Result<Good, String>,
}

/// An attempt to take a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Option<Timestamp>,
    /// Where it is, or was to be.
    pub url: String,
    /// Why it failed.
    pub error: Option<String>,
}

/// Another history that grows on the target: another server writes there, be it one that came back
/// after this one had taken its place, or one that has taken the place of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The other history.
    pub timeline: Timeline,
    /// When what it was first seen by was written.
    pub since: Timestamp,
    /// When the last of it was.
    pub last: Timestamp,
}

impl Beside {
    /// What is told of it on a target of that name.
    pub fn told(&self, target: &str) -> String {
        let (since, last) = (self.since.rfc3339(), self.last.rfc3339());
        format!(
            "another server writes this store's timeline {} there since {since}, last at {last}: \
             stop the one that is to go; `edgekeep snapshot adopt {target}` on the one that stays \
             ends this message",
            self.timeline
        )
    }
}

/// Commits of a history that was left, in which another server alone goes on there: to put them
/// there would have it stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The history.
    pub timeline: Timeline,
    /// How many there are.
    pub commits: u64,
}

impl std::fmt::Display for HeldBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} transactions of the timeline {}, which this server has left, are kept in its \
             journal and not there: another server, on a copy of this store's data, goes on in it \
             there. They go when the journal needs the room",
            self.commits, self.timeline
        )
    }
}

/// How far the journal has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// The history.
    pub timeline: Timeline,
    /// The target has all up to this commit; `None` where it has no base yet, or where nobody
    /// knows what it has.
    pub revision: Option<u64>,
    /// Whether it was seen what it has.
    pub seen: bool,
    /// The newest commit here.
    pub head: u64,
    /// When the first commit was that the target has not.
    pub since: Option<Timestamp>,
    /// Whether the journal came to its limit, so that no more is recorded.
    pub cut: bool,
    /// Commits to which nothing on the target will lead, the last such: the first and the last.
    pub gap: Option<(u64, u64)>,
}

impl Shipped {
    /// What is told now, where it was this `before`: of a history that was begun since, nothing is
    /// there yet, and a target that was behind in the one before has not caught up by that.
    pub fn now(before: Option<Self>, head: &Head, now: Timestamp) -> Self {
        let Head { timeline, revision: head, cut, .. } = *head;
        let (same, other) = match before {
            Some(before) if before.timeline == timeline => (Some(before), None),
            before => (None, before),
        };
        let seen = other.as_ref().is_some_and(|other| other.seen || other.revision.is_some());
        let since = other.filter(|other| other.behind() != Some(0)).and_then(|other| other.since);
        let none = Self { timeline, revision: None, seen, head, since, cut, gap: None };
        let told = Self { head, cut, ..same.unwrap_or(none) };
        let behind = told.behind() != Some(0);
        Self { since: told.since.or_else(|| behind.then_some(now)), ..told }
    }

    /// Whether it has a base, from which all that is recorded leads on.
    fn has_base(&self) -> bool {
        self.revision.is_some() && !self.cut
    }

    /// How many commits the target is behind, where that is known.
    pub fn behind(&self) -> Option<u64> {
        let has = self.revision.or(self.seen.then_some(0));
        has.map(|has| self.head.saturating_sub(has))
    }
}

/// How a target stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// In one word.
    pub standing: Standing,
    /// What is wrong at present.
    pub error: Option<String>,
    /// Whether the store itself was found damaged, so that none of it is put there.
    pub rotten: bool,
    /// What of that which lay there is gone or went bad, until a good snapshot is put.
    pub damage: Option<String>,
    /// How often there was such since the server started.
    pub damages: u64,
    /// The newest snapshot of the present history that is good.
    pub last_good: Option<Good>,
    /// Since when the present history goes there: when the oldest snapshot was taken that leads to
    /// it.
    pub since: Option<Timestamp>,
    /// When that was last read back.
    pub verified: Option<Timestamp>,
    /// How often somebody has had the newest one read back, since the server started.
    pub verifications: u64,
    /// What came of it the last time.
    pub verification: Option<Verification>,
    /// The attempt that runs, or the last one.
    pub attempt: Option<Attempt>,
    /// The last one that ended.
    pub last: Option<Attempt>,
    /// How many have ended since the server started.
    pub attempts: u64,
    /// How many of the newest ones failed.
    pub failed: u64,
    /// How often anything failed since the server started.
    pub errors: u64,
    /// How often since all was well.
    pub in_a_row: u64,
    /// When the next snapshot is due; in the past where it is overdue.
    pub next: Option<Timestamp>,
    /// The same by the boot clock; where it was not seen yet what the target holds, since when it
    /// is served.
    pub due: Option<Duration>,
    /// For how long one is overdue.
    pub overdue: Duration,
    /// No good snapshot is known there.
    pub bare: bool,
    /// The time between two.
    pub interval: Duration,
    /// The journal, where it goes there.
    pub journal: Option<Shipped>,
    /// Another history of the store that grows there.
    pub beside: Option<Beside>,
    /// Files that were to go along and did not, and why.
    pub missed: Vec<String>,
    /// What is not put there because another server goes on there.
    pub held_back: Option<HeldBack>,
    /// Which files there are of no use at present.
    pub unusable: Option<String>,
    /// How many snapshots of this store it holds, and how many bytes they and the journal take.
    pub held: (u64, u64),
}

/// A journal that is behind for longer has trouble.
const JOURNAL_GRACE: Duration = Duration::from_secs(60);
/// So late may a snapshot be of a short interval.
const LEAST_GRACE: Duration = Duration::from_secs(60);

impl Status {
    /// Whether it is there, has a good snapshot of that history, and the journal goes on from it.
    pub fn leads_back(&self, timeline: Timeline) -> bool {
        let stands = matches!(self.standing, Standing::Good | Standing::Busy);
        let whole = self.damage.is_none() && self.journal.as_ref().is_some_and(Shipped::has_base);
        let based = self.last_good.as_ref().is_some_and(|good| good.timeline == timeline);
        stands && whole && based
    }

    /// What the target promised and does not keep, if there is such, and why.
    pub fn broken_promise(&self, now: Timestamp) -> Option<String> {
        let because = self.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        Some(match (self.broken(now)?, &self.damage) {
            (Broken::Ahead | Broken::Unserved | Broken::Rotten, _) => {
                self.error.clone().unwrap_or_default()
            }
            (Broken::Damaged, Some(damage)) => format!("{damage}{because}"),
            (broken, _) => format!("{broken}{because}"),
        })
    }

    /// The same for everybody: no place, and no name of a file.
    pub fn told_to_all(&self, now: Timestamp) -> Option<String> {
        Some(format!("{} ({})", self.broken(now)?, self.standing.word()))
    }

    /// The first of such.
    pub(super) fn broken(&self, now: Timestamp) -> Option<Broken> {
        match self.standing {
            Standing::Ahead => return Some(Broken::Ahead),
            Standing::Unserved => return Some(Broken::Unserved),
            _ => {}
        }
        if self.rotten {
            return Some(Broken::Rotten);
        }
        if self.damage.is_some() {
            return Some(Broken::Damaged);
        }
        // What was committed since is in no journal, which is worse than any that is late.
        if self.journal.as_ref().is_some_and(|journal| journal.cut) {
            return Some(Broken::Cut);
        }
        let late = self.overdue.as_secs();
        if self.bare && self.overdue > LEAST_GRACE {
            return Some(Broken::Bare(late));
        }
        if self.overdue > LEAST_GRACE.max(self.interval / 2) {
            return Some(Broken::Overdue(late));
        }
        let journal = self.journal.as_ref()?;
        let late = journal.since.map(|since| now.since(since)).filter(|l| *l > JOURNAL_GRACE)?;
        Some(Broken::Behind(journal.behind(), late.as_secs()))
    }
}

/// What a target does not keep of its promise.
pub(super) enum Broken {
    Ahead,
    Unserved,
    Rotten,
    Damaged,
    /// For so many seconds.
    Bare(u64),
    /// For so many seconds.
    Overdue(u64),
    Cut,
    /// By so many commits, where that is known, and for so many seconds.
    Behind(Option<u64>, u64),
}

impl Broken {
    /// Whether the log has it from who finds it. All else comes by the time that passes, as long as
    /// nobody looks, or cannot.
    pub(super) fn is_told_by_its_finder(&self) -> bool {
        matches!(self, Self::Ahead | Self::Unserved | Self::Rotten | Self::Damaged)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ahead => f.write_str(
                "another server writes there, or this one was put back: nothing is shipped",
            ),
            Self::Unserved => f.write_str("nothing goes there, by its settings"),
            Self::Rotten => f.write_str("this server's store is damaged: none of it is put there"),
            Self::Damaged => f.write_str("what lay there is gone, or went bad"),
            Self::Bare(late) => {
                write!(f, "no good snapshot is known there after {late} seconds")
            }
            Self::Overdue(late) => write!(f, "its snapshot is {late} seconds overdue"),
            Self::Cut => f.write_str(
                "the journal came to its limit, and nothing is recorded until the target takes it",
            ),
            Self::Behind(None, late) => write!(f, "its journal is {late} seconds behind"),
            Self::Behind(Some(behind), late) => {
                write!(f, "its journal is {behind} transactions and {late} seconds behind")
            }
        }
    }
}
