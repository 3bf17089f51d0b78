//! Which snapshot and which segments lead to a wished instant, by their names alone.
//!
//! What orders is timeline and revision. Times find an instant in a history, and tell whether two
//! histories went on beside each other; where that leaves a doubt, the history must be named.

use std::cmp::Reverse;
use std::fmt;

use super::listing::{Instant, Leg, Listing, Span, Stretch, holds, is_on};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::layout::{Kept, SegmentName, SnapshotName};

/// An instant of a store that is wanted back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Where in the history.
    pub at: At,
    /// Which history; needed only where there is a doubt.
    pub timeline: Option<Timeline>,
}

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The last commit that is known.
    Latest,
    /// That commit.
    Revision(u64),
    /// The last commit at that time or before it.
    Time(Timestamp),
}

/// The way to an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where it begins.
    pub base: SnapshotName,
    /// What leads on, in its order; each begins where the one before ends, or earlier, or with the
    /// history that left that one there.
    pub legs: Vec<Leg>,
    /// Where to stop.
    pub at: At,
    /// The history that was chosen; what is on the way may be of those that it comes of.
    pub timeline: Timeline,
    /// Whether that was by its name.
    pub named: bool,
    /// Where all of this ends, and more of the history is known that it does not lead to.
    pub gap: Option<Gap>,
    /// A history that may have begun between the end of this and the wished time.
    pub later: Option<Span>,
}

impl Plan {
    /// Whether that history was wished by its name.
    pub fn names(&self, timeline: Timeline) -> bool {
        self.named && self.timeline == timeline
    }

    /// The file on the way that tells of a commit.
    pub fn file_of(&self, timeline: Timeline, revision: u64) -> Kept {
        let holds = |leg: &&Leg| {
            let Leg { segment, .. } = leg;
            let there = segment.first <= revision && revision <= segment.last;
            segment.timeline == timeline && there && self.base.revision < revision
        };
        let leg = self.legs.iter().find(holds).map(|leg| Kept::Segment(leg.segment));
        leg.unwrap_or_else(|| Kept::Snapshot(self.base.clone()))
    }
}

/// A part of a history that nothing leads through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last instant before it.
    pub before: Instant,
    /// The first one after it.
    pub after: Option<Instant>,
}

/// How a target is ahead of the server that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The history of both.
    pub timeline: Timeline,
    /// At which commit the server is.
    pub own: u64,
    /// What the target holds.
    pub there: Instant,
    /// Where that goes on.
    pub goes_on: Timeline,
    /// What was wished.
    pub at: At,
}

/// Why an instant cannot be reached, and which can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no snapshot.
    Nothing,
    /// There is no snapshot of that history, but of these.
    NoTimeline(Timeline, Vec<Span>),
    /// It may be one of several histories.
    Ambiguous(Vec<Span>),
    /// It was before the first snapshot.
    Before(Span),
    /// No commit has that number.
    Beyond(Span),
    /// It is in a part of the history that is not there.
    Gap(Timeline, Gap),
    /// What was there at that commit was folded into the next one that is kept.
    Folded(Timeline, Gap),
    /// Two servers wrote that commit: what each of them did is in these files.
    Twice(u64, Box<[String; 2]>),
    /// The server that asks and another one did, in that history: what that one did is in this
    /// file. That was met on the way to this instant.
    Ours(Timeline, u64, At, Box<str>),
    /// The target goes on behind where the server that asks is: another one wrote that, or this
    /// one before its disk was put back.
    Ahead(Box<Ahead>),
    /// What is there of that commit of a history that the server that asks has left is another
    /// one's, in this file; its own is not kept.
    Other(Timeline, u64, Box<str>),
    /// That commit, in this file, is behind where the server that asks left its history, or where
    /// its journal ended.
    Behind(Timeline, u64, Box<str>),
    /// It may be behind the end of a history, or in a later one before the first that is known of
    /// that.
    Between((Timeline, Instant), Box<Span>),
}

/// Chooses the way. Of several the one with the newest snapshot and the largest segments is taken.
pub fn plan(listing: &Listing, wish: &Wish) -> Result<Plan, Refusal> {
    let span = choose(listing, wish)?;
    let way = listing.lineage(span.timeline);
    let on_way = listing.snapshots.iter().filter(|name| is_on(&way, name));
    let early = |name: &&SnapshotName| match wish.at {
        At::Latest => true,
        At::Revision(revision) => name.revision <= revision,
        At::Time(time) => name.taken <= time,
    };
    let newness = |name: &&SnapshotName| (name.revision, name.taken);
    let Some(base) = on_way.clone().filter(early).max_by_key(newness) else {
        let first = on_way.min_by_key(newness).map_or(span.first, Instant::of);
        return Err(Refusal::Before(Span { first, ..span }));
    };
    let legs = legs(listing, &way, base, wish.at);
    let end = legs.last().map_or(Instant::of(base), Leg::end);
    let timeline = legs.last().map_or(base.timeline, |leg| leg.segment.timeline);
    let beyond = span.last.revision > end.revision;
    let after = on_way.filter(|name| name.revision > end.revision).min_by_key(newness);
    let gap = Gap { before: end, after: after.map(Instant::of) };
    let named = wish.timeline.is_some();
    // A server knows how far it was in that history itself, whoever went on in it.
    let ended = !named && own_end(listing, timeline) == Some(end.revision);
    let gap = (beyond && !ended && !is_there(end, wish.at)).then_some(gap);
    let later = if named { None } else { doubt(listing, span, wish.at) };
    let (base, at, timeline) = (base.clone(), wish.at, span.timeline);
    let plan = Plan { base, legs, at, timeline, named, gap, later };
    match (wish.at, gap) {
        (At::Revision(revision), None) if revision > end.revision => Err(Refusal::Beyond(span)),
        (At::Revision(_) | At::Latest, Some(gap)) => Err(Refusal::Gap(span.timeline, gap)),
        // By names whole seconds are known: what is in the last segment tells more.
        _ => Ok(plan),
    }
}

/// What leads on from a snapshot, as far as names tell that it is needed. Behind what was written
/// while a clock was ahead there may be more of the wished time.
fn legs(listing: &Listing, way: &[Stretch], base: &SnapshotName, at: At) -> Vec<Leg> {
    let in_time = |name: &SegmentName| matches!(at, At::Time(time) if name.may_hold_until(time));
    let on_way = |name: &&SegmentName| holds(way, name.timeline, name.first);
    let begins = listing.all().filter(on_way).filter(|name| in_time(name)).map(|name| name.first);
    let last_begins = begins.max().unwrap_or_default();
    let (mut timeline, mut end) = (base.timeline, Instant::of(base));
    let (mut legs, mut needed): (Vec<Leg>, usize) = (Vec::new(), 0);
    while !is_there(end, at) || end.revision < last_begins {
        let Some(leg) = listing.next_leg(way, timeline, end.revision) else { break };
        legs.push(leg);
        if !is_there(end, at) || in_time(&leg.segment) {
            needed = legs.len();
        }
        (timeline, end) = (leg.segment.timeline, leg.end());
    }
    legs.truncate(needed);
    legs
}

/// Whether a place is behind the wished one, as far as names tell.
fn is_there(end: Instant, at: At) -> bool {
    match at {
        At::Latest => false,
        At::Revision(revision) => end.revision >= revision,
        At::Time(time) => end.time > time,
    }
}

/// The history that goes on: the one that no later one has taken the place of.
pub fn present(listing: &Listing) -> Result<Span, Refusal> {
    choose(listing, &Wish { at: At::Latest, timeline: None })
}

/// In which history the state of that instant is, as far as the names on the target tell, to who is
/// in `timeline`: in the one that took its place meanwhile.
pub fn goes_on_in(listing: &Listing, at: At, timeline: Timeline) -> Timeline {
    let listing = Listing { present: None, own: Vec::new(), heads: Vec::new(), ..listing.clone() };
    match at {
        At::Revision(_) => timeline,
        At::Latest | At::Time(_) => {
            choose(&listing, &Wish { at, timeline: None }).map_or(timeline, |span| span.timeline)
        }
    }
}

/// Whether a history goes on, as far as names tell, and the present one does not come of it:
/// another machine may ship it.
pub fn goes_on_beside(listing: &Listing, timeline: Timeline) -> bool {
    let all = listing.spans();
    let is_own = own_way(listing).iter().any(|stretch| stretch.timeline == timeline);
    let goes_on = |span: &Span| alive(listing, span, &all, Timestamp::from_nanos(u64::MAX));
    !is_own && listing.span(timeline).is_some_and(|span| goes_on(&span))
}

/// What leads furthest from `revision` on; of those the one that begins first, which a compaction
/// made of the others. What is still here comes second: a target that holds another history
/// of that timeline is asked for its own.
pub fn next<'a>(
    listing: &'a Listing,
    timeline: Timeline,
    revision: u64,
) -> Option<&'a SegmentName> {
    let leads = |name: &&SegmentName| {
        name.timeline == timeline && name.first <= revision + 1 && listing.last_of(name) > revision
    };
    let far = |name: &&SegmentName| (listing.last_of(name), std::cmp::Reverse(name.first));
    let furthest = |names: &'a [SegmentName]| names.iter().filter(leads).max_by_key(far);
    furthest(&listing.segments).or_else(|| furthest(&listing.own))
}

fn choose(listing: &Listing, wish: &Wish) -> Result<Span, Refusal> {
    let all = listing.spans();
    let spans: Vec<Span> = all.iter().filter(|span| span.reached).copied().collect();
    if let Some(timeline) = wish.timeline {
        let found = spans.iter().find(|span| span.timeline == timeline);
        return found.copied().ok_or(Refusal::NoTimeline(timeline, spans));
    }
    let first = *spans.first().ok_or(Refusal::Nothing)?;
    let time = match wish.at {
        At::Latest => Timestamp::from_nanos(u64::MAX),
        At::Time(time) => time,
        At::Revision(revision) => {
            let holds =
                |span: &&Span| span.first.revision <= revision && revision <= span.last.revision;
            let found: Vec<Span> = spans.iter().filter(holds).copied().collect();
            return match &found[..] {
                [one] => Ok(*one),
                [] => {
                    let beyond = spans.iter().rfind(|span| span.last.revision < revision);
                    Err(beyond.map_or(Refusal::Before(first), |span| Refusal::Beyond(*span)))
                }
                _ => Err(Refusal::Ambiguous(found)),
            };
        }
    };
    // A server knows which history it is in, since that began.
    let present = all.iter().find(|span| Some(span.timeline) == listing.present);
    if let Some(present) = present.filter(|present| present.begun <= time) {
        let begun = all.iter().filter(|of| of.reached && of.begun <= time);
        let went_through = |of: &&Span| went_through(listing, of, present, time);
        let mut both: Vec<Span> = begun.filter(went_through).copied().collect();
        if !both.is_empty() {
            both.push(*present);
            return Err(Refusal::Ambiguous(both));
        }
        let none = || Refusal::NoTimeline(present.timeline, spans);
        return present.reached.then_some(*present).ok_or_else(none);
    }
    let is_meant =
        |span: &&Span| alive(listing, span, &all, time) && !is_anothers(listing, span, &all, time);
    let alive: Vec<Span> = all.iter().filter(is_meant).copied().collect();
    let found: Vec<Span> = alive.iter().filter(|span| span.reached).copied().collect();
    match (&found[..], &alive[..]) {
        ([one], _) => Ok(*one),
        ([], [unreached, ..]) => Err(Refusal::NoTimeline(unreached.timeline, spans)),
        ([], []) => Err(Refusal::Before(first)),
        _ => Err(Refusal::Ambiguous(found)),
    }
}

/// Whether a history had begun by that time, and none had taken its place.
fn alive(listing: &Listing, span: &Span, all: &[Span], time: Timestamp) -> bool {
    let replaced = |other: &Span| {
        let after = other.begun <= time && span.last.time.as_secs() <= other.entered.as_secs();
        let turned = is_turned_back(listing, (span.timeline, span.last.revision), other, time);
        after && !turned && may_replace(listing, other.timeline, span.timeline)
    };
    span.begun <= time && !all.iter().any(replaced)
}

/// Whether a time was gone through in a history that ended by that commit, and again in a later
/// one, whose clock was turned back behind when that was entered. The last commit of the one tells
/// of no time: a clock that was ahead when it was left may have dated that.
fn is_turned_back(
    listing: &Listing,
    (timeline, end): (Timeline, u64),
    later: &Span,
    time: Timestamp,
) -> bool {
    let entered = later.entered.as_secs();
    // What is still to come nobody saw: a clock that was ahead told that.
    let is_over = |at: Timestamp| listing.now.is_none_or(|now| at <= now);
    let within = |at: Timestamp| later.begun < at && at.as_secs() < entered && is_over(at);
    let of_it = listing.all().filter(|name| name.timeline == timeline).map(Instant::start);
    let mut known = listing.known(timeline).chain(of_it);
    time.as_secs() < entered && known.any(|at| at.revision < end && within(at.time))
}

/// Which histories the server that asks comes of, the latest first.
fn own_way(listing: &Listing) -> Vec<Stretch> {
    listing.present.map(|present| listing.lineage(present)).unwrap_or_default()
}

/// Up to which commit a history that this server is in no more is of what it comes of, or what it
/// wrote itself.
fn own_end(listing: &Listing, timeline: Timeline) -> Option<u64> {
    let own = own_way(listing).into_iter().chain(listing.left());
    let end = own.filter(|part| part.timeline == timeline).map(|part| part.upto).max();
    end.filter(|_| listing.present != Some(timeline))
}

/// Whether the server that asks went through such a time in a history that it has left, too: its
/// clock was behind when it left that, or was turned back since.
fn went_through(listing: &Listing, span: &Span, present: &Span, time: Timestamp) -> bool {
    let Some(end) = own_end(listing, span.timeline) else { return false };
    let entered = present.entered.as_secs();
    let ends = listing.known(span.timeline).filter(|known| known.revision <= end);
    // Of one number the earlier time: the later one is of another server.
    let last = ends.max_by_key(|known| (known.revision, Reverse(known.time)));
    let last = last.map(|last| last.time);
    let went_on = last.is_some_and(|last| {
        let is_over = listing.now.is_some_and(|now| last <= now);
        is_over && entered < last.as_secs() && time.as_secs() <= last.as_secs()
    });
    went_on || is_turned_back(listing, (span.timeline, end), present, time)
}

/// Whether a history was another server's alone by that time: the one that asks had left it for one
/// that comes of it, or wrote something elsewhere since that began.
fn is_anothers(listing: &Listing, span: &Span, all: &[Span], time: Timestamp) -> bool {
    let way = own_way(listing);
    let left = listing.left();
    let is_own =
        |timeline, revision| holds(&way, timeline, revision) || holds(&left, timeline, revision);
    if is_own(span.timeline, 0) {
        let has_left = |other: &Span| {
            let way = |of| listing.lineage(of).into_iter().skip(1);
            let is_there = other.begun <= time && is_own(other.timeline, 0);
            is_there && way(other.timeline).any(|part| part.timeline == span.timeline)
        };
        return !is_own(span.timeline, span.last.revision) && all.iter().any(has_left);
    }
    listing.all().any(|name| {
        let since = |at: Timestamp| span.begun.as_secs() < at.as_secs() && at <= time;
        let (first, last) = ((name.first, name.from), (name.last, name.to));
        [first, last].into_iter().any(|(at, time)| is_own(name.timeline, at) && since(time))
    })
}

/// Whether a history may have taken the place of another one: it comes of it, as far back as is
/// known nothing tells that it does not, or by the numbers the store was in that one meanwhile: it
/// was gone back too far, and then forward again.
fn may_replace(listing: &Listing, history: Timeline, other: Timeline) -> bool {
    let lineage: Vec<Timeline> =
        listing.lineage(history).iter().map(|stretch| stretch.timeline).collect();
    // It was seen not to come of what lies there.
    let left = |apart: &Timeline| listing.branching(*apart).and_then(|name| name.origin);
    let is_apart = |timeline: &Timeline| listing.apart.contains(timeline);
    if lineage
        .last()
        .filter(|last| is_apart(last))
        .and_then(left)
        .is_some_and(|o| o.timeline == other)
    {
        return false;
    }
    let between =
        |pair: &[Timeline]| pair[1].number < other.number && other.number < pair[0].number;
    lineage[1..].contains(&other)
        || lineage.iter().all(|timeline| timeline.number > other.number)
        || lineage.windows(2).any(between)
}

/// A history that may have been the present one at that time already, as it is not known when it
/// began.
fn doubt(listing: &Listing, span: Span, at: At) -> Option<Span> {
    let At::Time(time) = at else { return None };
    let may = |other: &Span| {
        let comes_after = other.timeline.number >= span.timeline.number;
        comes_after && other.timeline != span.timeline && !other.exact && other.begun > time
    };
    listing.spans().into_iter().filter(may).min_by_key(|other| other.begun)
}

/// How a command has a history named: by an option, or behind an instant that is one word.
pub fn named(timeline: impl fmt::Display) -> String {
    format!("-timeline={timeline} (where the instant is one word: NAME@INSTANT@{timeline})")
}

/// As the command line takes it.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("-at=latest"),
            Self::Revision(revision) => write!(f, "-revision={revision}"),
            Self::Time(time) => write!(f, "-at={}", time.rfc3339()),
        }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {} ({})", self.revision, self.time.rfc3339())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} to {}", self.timeline, self.first, self.last)
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it could go to {}", self.before)?;
        self.after.map_or(Ok(()), |after| write!(f, " or to {after}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, spans: &[Span]| {
            spans.iter().try_for_each(|span| write!(f, "\n  {span}"))
        };
        match self {
            Self::Nothing => f.write_str(
                "the target has no snapshot of this store: have one taken to it, or name the store \
                 that is meant with -store",
            ),
            Self::NoTimeline(timeline, spans) => {
                write!(
                    f,
                    "no snapshot on the target leads to the timeline {timeline}: name one that it \
                     has with {}:",
                    named("TIMELINE")
                )?;
                list(f, spans)
            }
            Self::Ambiguous(spans) => {
                let by = named("TIMELINE");
                write!(f, "several histories of the store are meant: name one with {by}:")?;
                list(f, spans)
            }
            Self::Before(span) => {
                let Span { first, timeline, .. } = span;
                write!(
                    f,
                    "that was before the first snapshot: it could go to {first}, with {}",
                    named(timeline)
                )
            }
            Self::Beyond(span) => write!(
                f,
                "nothing so late is known of the timeline {}: its last is {}",
                span.timeline, span.last
            ),
            Self::Gap(timeline, gap) => {
                write!(f, "the journal of the timeline {timeline} has a gap there: {gap}")
            }
            Self::Folded(timeline, gap) => write!(
                f,
                "that revision of the timeline {timeline} is so old that it is not kept alone: \
                 {gap}"
            ),
            Self::Twice(revision, files) => write!(
                f,
                "two servers wrote revision {revision} of one timeline, on copies of one store: \
                 {} and {} differ. Where one of the two has gone on in a history of its own, name \
                 the one or the other with {}; else move what one of them has put out of the \
                 target's folder, file by file, and ask again",
                files[0],
                files[1],
                named("TIMELINE")
            ),
            Self::Ours(_, revision, _, file) => write!(
                f,
                "this server wrote revision {revision} of its timeline, and so did another one, on \
                 a copy of the store ({file}): leave that file where it is"
            ),
            Self::Ahead(ahead) => write!(
                f,
                "the target is ahead of this server: it holds {} of the timeline {}, and this \
                 server is at revision {}. Another server wrote that, on a copy of the store, or \
                 this one did before its disk was put back to an older copy",
                ahead.there, ahead.timeline, ahead.own
            ),
            Self::Other(timeline, revision, file) => write!(
                f,
                "what is there of revision {revision} of the timeline {timeline} is another \
                 server's, on a copy of the store ({file}), and nothing leads to what this server \
                 wrote there. To have what the other one wrote, name it: {}",
                named(timeline)
            ),
            Self::Behind(timeline, revision, file) => write!(
                f,
                "revision {revision} of the timeline {timeline} ({file}) is behind where this \
                 server's history left that one, or where its journal ended: a restore took it \
                 back, or another server wrote it, on a copy of the store. To have it, name it: {}",
                named(timeline)
            ),
            Self::Between((one, last), other) => {
                let Span { timeline, first, .. } = &**other;
                write!(
                    f,
                    "it is not known what was there then: the last that is known of the timeline \
                     {one} is {last}, and the first of {timeline} is {first}"
                )?;
                f.write_str(if other.reached {
                    ": name one of these instants, or one of the two with "
                } else {
                    ", but nothing leads there: name the first of the two, by its instant or with "
                })?;
                f.write_str(&named("TIMELINE"))
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// Names what is kept around a commit that it names and that is not.
    pub fn offer(&mut self, revision: u64, kept: Gap) {
        let (Self::Gap(_, gap) | Self::Folded(_, gap)) = self else { return };
        if gap.before.revision == revision {
            gap.before = kept.before;
        }
        gap.after = match gap.after {
            Some(after) if after.revision == revision => kept.after,
            after => after,
        };
    }

    /// Names a commit no more that comes after the wished one and cannot be had.
    pub fn retract(&mut self, revision: u64) {
        if let Self::Gap(_, gap) | Self::Folded(_, gap) = self {
            gap.after = gap.after.filter(|after| after.revision != revision);
        }
    }

    /// Whether all that it offers is that commit, or it comes before the wished one.
    pub fn offers_alone(&self, revision: u64) -> bool {
        match self {
            Self::Gap(_, gap) | Self::Folded(_, gap) => gap.before.revision == revision,
            Self::Before(span) => span.first.revision == revision,
            _ => false,
        }
    }

    /// The instants that it names in the place of the wished one.
    pub fn offers(&self) -> Vec<(Timeline, u64)> {
        match self {
            Self::Gap(timeline, gap) | Self::Folded(timeline, gap) => {
                let both = [Some(gap.before), gap.after].into_iter().flatten();
                both.map(|instant| (*timeline, instant.revision)).collect()
            }
            Self::Before(span) => vec![(span.timeline, span.first.revision)],
            Self::Between((timeline, last), other) => {
                let first = other.reached.then_some((other.timeline, other.first.revision));
                [Some((*timeline, last.revision)), first].into_iter().flatten().collect()
            }
            Self::Nothing
            | Self::NoTimeline(..)
            | Self::Ambiguous(_)
            | Self::Beyond(_)
            | Self::Twice(..)
            | Self::Ours(..)
            | Self::Ahead(_)
            | Self::Other(..)
            | Self::Behind(..) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
