//! Whether one commit led to another one, as the chain tells.
//!
//! Names tell numbers. Where two servers went on with one store, each on its copy, there are two
//! commits of a number, and of which of them a later one comes the chain alone tells. It is gone
//! back from the later commit: the header of a segment tells what the chain came to before its
//! first commit, and only what holds a commit in its middle is read whole. Nothing of it is kept.

use super::file::{Getter, Unfit};
use super::listing::Listing;
use super::segments::{Broken, Segments, Start, Walk};
use crate::barrier::journal::record::Record;
use crate::barrier::journal::{Chain, Head, Origin};
use crate::barrier::root::Timeline;
use crate::base::clock::Timestamp;
use crate::snapshot::journal::segment::Entry;
use crate::snapshot::layout::{Kept, SegmentName};
use crate::snapshot::lent::{LentKeyring, Vouch};

/// Whether the one led to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descent {
    /// The chain goes on from the one to the other.
    Proven,
    /// The other one comes of another commit of that number.
    Refuted,
    /// What is there of that commit, in that file, is not what leads to the other one; so how it
    /// goes on behind that is not known.
    Apart(u64, SegmentName),
    /// Something between them is missing.
    Unknown,
}

/// What the files of a store tell of its chain: those on the target, and what is still here.
pub struct Clues<'a, 'g, K = LentKeyring> {
    /// Which files there are.
    pub listing: &'a Listing,
    /// To read them.
    pub getter: &'a Getter<'g>,
    /// What is here.
    pub segments: &'a Segments,
    /// Keys that vouch for them, if there are any.
    pub keyring: Option<&'a K>,
}

impl<K: Vouch> Clues<'_, '_, K> {
    /// Whether `early` led to `late`. Where the history of that left another one it may know
    /// better than names do: `left`.
    pub fn leads(&self, early: Start, late: Start, left: Option<Origin>) -> Result<Descent, Unfit> {
        let mut passed = Vec::new();
        let descent = self.go_back(early, late, left, &mut passed)?;
        if matches!(descent, Descent::Refuted | Descent::Apart(..)) {
            // One whose header alone was read may be damaged.
            passed.iter().try_for_each(|name| self.must_be_whole(name))?;
        }
        Ok(descent)
    }

    /// Whether the server whose journal stands at `head` comes of a commit, or that of what the
    /// server has.
    pub fn descent(&self, at: Start, head: &Head) -> Result<Descent, Unfit> {
        let own = Start::of(head);
        match at.timeline == head.timeline && at.revision > head.revision {
            // It has more than what its journal tells.
            true if head.cut => Ok(Descent::Unknown),
            true => self.leads(own, at, None),
            false => self.leads(at, own, head.origin),
        }
    }

    /// The same of a segment, up to a commit in it.
    pub fn descent_of(&self, name: &SegmentName, upto: u64, head: &Head) -> Result<Descent, Unfit> {
        let (timeline, revision) = (name.timeline, upto.min(name.last));
        let at_head = (timeline, revision) == (head.timeline, head.revision);
        let ends = at_head && revision == name.last && name.chain == head.chain.short();
        if ends || name.timeline == head.timeline && self.listing.own.contains(name) {
            return Ok(Descent::Proven);
        }
        let Some(chain) = self.chain_at(name, revision)? else { return Ok(Descent::Unknown) };
        self.descent(Start { timeline, revision, chain }, head)
    }

    /// A segment is another server's at a commit, and behind what is common to both.
    pub fn other(&self, name: &SegmentName, at: u64) -> Result<Unfit, Unfit> {
        let common = self.common(name, at)?;
        let all = || Unfit::of_other(Kept::Segment(*name));
        Ok(common.map_or_else(all, |upto| Unfit::Partly(*name, upto)))
    }

    /// The same of any file.
    pub fn other_of(&self, kept: Kept, at: u64) -> Result<Unfit, Unfit> {
        match kept {
            Kept::Segment(name) => self.other(&name, at),
            Kept::Snapshot(_) => Ok(Unfit::of_other(kept)),
        }
    }

    /// Up to which commit a segment is of what others of its history lead on from: where one of
    /// those begins in it.
    pub fn common(&self, name: &SegmentName, behind: u64) -> Result<Option<u64>, Unfit> {
        let mut joints: Vec<(u64, SegmentName)> = Vec::new();
        for other in self.listing.all() {
            let joint = other.first - 1;
            if other.timeline == name.timeline && name.first <= joint && joint < behind {
                joints.push((joint, *other));
            }
        }
        joints.sort_unstable_by(|one, other| other.cmp(one));
        for (joint, other) in joints {
            if self.goes_on_within(name, &other)? {
                return Ok(Some(joint));
            }
        }
        Ok(None)
    }

    /// Whether a segment goes on from a commit in the middle of another one of its history.
    fn goes_on_within(&self, one: &SegmentName, other: &SegmentName) -> Result<bool, Unfit> {
        let joint = other.first - 1;
        if one.timeline != other.timeline || joint < one.first || one.last <= joint {
            return Ok(false);
        }
        let there = self.chain_at(one, joint)?;
        Ok(there.is_some() && there == self.chain_at(other, joint)?)
    }

    /// Whether a history that `begins` with a segment comes of what another one tells, of the
    /// history that it left; `None` where that is not told.
    pub fn comes_of(
        &self,
        begins: &SegmentName,
        other: &SegmentName,
    ) -> Result<Option<bool>, Unfit> {
        let (timeline, revision) = (begins.timeline, begins.first - 1);
        if begins.origin.is_none_or(|origin| origin.revision != revision) {
            return Ok(None);
        }
        let Some(there) = self.chain_at(other, revision)? else { return Ok(None) };
        let begun =
            self.chain_at(begins, revision)?.map(|chain| Start { timeline, revision, chain });
        let begun = begun.filter(|begun| !begun.is_begun());
        Ok(begun.map(|begun| Wished::Left(begun).is(there)))
    }

    fn go_back(
        &self,
        early: Start,
        late: Start,
        left: Option<Origin>,
        passed: &mut Vec<SegmentName>,
    ) -> Result<Descent, Unfit> {
        let mut at = late;
        loop {
            if (early.timeline, early.revision) == (at.timeline, at.revision) {
                return Ok(compare(early, at));
            }
            let here = early.timeline == at.timeline;
            if here && early.revision > at.revision || early.timeline.number > at.timeline.number {
                return Ok(Descent::Unknown);
            }
            let holding = self.holding(at.timeline, at.revision, Wished::Is(at.chain))?;
            if let Holding::Wished(name, _) = holding {
                if here && early.revision >= name.first {
                    return match self.chain_at(&name, early.revision)? {
                        Some(chain) => Ok(compare(early, Start { chain, ..early })),
                        None => self.beside_folded(early, &name),
                    };
                }
                let revision = name.first - 1;
                let Some(chain) = self.chain_at(&name, revision)? else {
                    return Ok(Descent::Unknown);
                };
                passed.push(name);
                at = Start { revision, chain, ..at };
                continue;
            }
            let named = self.listing.branching(at.timeline).and_then(|name| name.origin);
            let known = left.filter(|_| at.timeline == late.timeline).or(named);
            let Some(origin) = known.filter(|o| o.revision == at.revision && !at.is_begun()) else {
                match self.before(early.timeline, (at.timeline, at.revision), passed)? {
                    Some(begins) => at = begins,
                    None => return Ok(self.stuck(at, holding)),
                }
                continue;
            };
            let branches = Wished::Left(at);
            let holding = self.holding(origin.timeline, origin.revision, branches)?;
            let Holding::Wished(_, chain) = holding else {
                // It may stand in a snapshot alone.
                let there = (early.timeline, early.revision) == (origin.timeline, origin.revision);
                if there && branches.is(early.chain) {
                    return Ok(Descent::Proven);
                }
                match self.before(early.timeline, (origin.timeline, origin.revision), passed)? {
                    Some(begins) => at = begins,
                    None => return Ok(self.stuck(at, holding)),
                }
                continue;
            };
            at = Start { timeline: origin.timeline, revision: origin.revision, chain };
        }
    }

    /// Nothing leads further back. What begins without a past contradicts nothing, and what is
    /// known to be another's nothing more.
    fn stuck(&self, at: Start, holding: Holding) -> Descent {
        match holding {
            Holding::Other(name)
                if !at.is_begun() && !self.listing.aside().any(|aside| *aside == name) =>
            {
                Descent::Apart(at.revision, name)
            }
            _ => Descent::Unknown,
        }
    }

    /// A commit that was folded in the one file, and is kept alone in another one: the next commit
    /// that is kept in the first tells whether both are of one chain.
    fn beside_folded(&self, early: Start, folded: &SegmentName) -> Result<Descent, Unfit> {
        let Some((next, chain)) = self.kept_behind(folded, early.revision)? else {
            return Ok(Descent::Unknown);
        };
        for other in self.listing.holding(early.timeline, early.revision) {
            let holds = other != folded && next <= other.last;
            if !holds || self.chain_at(other, early.revision)? != Some(early.chain) {
                continue;
            }
            if let Some(there) = self.chain_at(other, next)? {
                return Ok(if there == chain { Descent::Proven } else { Descent::Refuted });
            }
        }
        Ok(Descent::Unknown)
    }

    /// The first commit behind another one that a segment keeps alone.
    fn kept_behind(&self, name: &SegmentName, at: u64) -> Result<Option<(u64, Chain)>, Unfit> {
        let mut kept = None;
        self.each(name, |entry| {
            if entry.revision > at {
                kept.get_or_insert((entry.revision, entry.after));
            }
        })?;
        Ok(kept)
    }

    /// When the first commit was that a segment has behind another one.
    pub fn time_behind(
        &self,
        name: &SegmentName,
        revision: u64,
    ) -> Result<Option<Timestamp>, Unfit> {
        let mut behind = None;
        self.each(name, |entry| {
            let time = || Record::read(&entry.record).ok().map(|record| record.time);
            behind = behind.or_else(|| (entry.revision > revision).then(time).flatten());
        })?;
        Ok(behind)
    }

    /// The earliest time that is known of a history; names tell whole seconds.
    pub fn began(&self, timeline: Timeline) -> Result<Option<Timestamp>, Unfit> {
        let mut began: Option<Timestamp> = None;
        if let Some(earliest) = self.listing.earliest(timeline) {
            self.each(earliest, |entry| {
                let read = Record::read(&entry.record).ok().map(|record| record.time);
                began = began.into_iter().chain(read).min();
            })?;
        }
        let bases = self.listing.snapshots.iter().filter(|name| name.timeline == timeline);
        let base = bases.min_by_key(|name| (name.revision, name.taken));
        Ok(base.map(|name| name.taken).into_iter().chain(began).min())
    }

    /// Shows `visit` every entry of a segment.
    pub fn each(&self, name: &SegmentName, mut visit: impl FnMut(&Entry)) -> Result<(), Unfit> {
        if self.segments.has(name) {
            let walked = self.segments.each(name, |_, entry| {
                visit(entry);
                Ok(Walk::On)
            });
            walked.map_err(Broken::into_error)?;
        } else {
            self.getter.read(name, self.keyring, visit)?;
        }
        Ok(())
    }

    /// Where the history of a commit began, that is a later one than `early`: whoever is of it
    /// comes of what it left, whatever is missing in between.
    fn before(
        &self,
        early: Timeline,
        (timeline, revision): (Timeline, u64),
        passed: &mut Vec<SegmentName>,
    ) -> Result<Option<Start>, Unfit> {
        let Some(first) = self.listing.branching(timeline).filter(|first| {
            let begins = first.origin.is_some_and(|origin| origin.revision == first.first - 1);
            timeline != early && begins && first.first <= revision
        }) else {
            return Ok(None);
        };
        passed.push(*first);
        let revision = first.first - 1;
        let chain = self.chain_at(first, revision)?;
        Ok(chain.map(|chain| Start { timeline, revision, chain }))
    }

    /// Looks for a segment in which a commit is as wished.
    fn holding(&self, timeline: Timeline, revision: u64, wished: Wished) -> Result<Holding, Unfit> {
        let mut holding = Holding::Nothing;
        for name in self.listing.holding(timeline, revision) {
            // Its name tells what it ends with.
            if let Wished::Is(chain) = wished
                && (name.last, name.chain) == (revision, chain.short())
            {
                return Ok(Holding::Wished(*name, chain));
            }
            match self.chain_at(name, revision)? {
                Some(chain) if wished.is(chain) => return Ok(Holding::Wished(*name, chain)),
                Some(_) => holding = Holding::Other(*name),
                // It is not kept alone.
                None => {}
            }
        }
        Ok(holding)
    }

    /// Each history on the way to `timeline` comes indeed of the one that its name says, as far as
    /// what lies there tells of it.
    pub fn must_join(&self, timeline: Timeline) -> Result<(), Unfit> {
        for stretch in self.listing.lineage(timeline) {
            let timeline = stretch.timeline;
            let (Some(start), Some(origin)) =
                (self.listing.branching(timeline), self.listing.origin(timeline))
            else {
                break;
            };
            // Its first commits are missing.
            if start.first != origin.revision + 1 {
                continue;
            }
            let Some(chain) = self.chain_at(start, start.first - 1)? else { continue };
            let begins = Wished::Left(Start { timeline, revision: origin.revision, chain });
            let there = self.holding(origin.timeline, origin.revision, begins)?;
            if let Holding::Other(_) = there {
                self.must_be_whole(start)?;
                return Err(Unfit::Apart(timeline));
            }
        }
        Ok(())
    }

    /// What the chain comes to behind a commit in a segment, or before its first one; `None` if
    /// that commit is not kept alone. Of one that is on the target all is read but for that.
    pub fn chain_at(&self, name: &SegmentName, at: u64) -> Result<Option<Chain>, Unfit> {
        if !self.segments.has(name) {
            return self.getter.chain_at(name, at, self.keyring);
        }
        if at + 1 == name.first {
            return Ok(Some(self.segments.header(name)?.before));
        }
        let mut there = None;
        let walked = self.segments.each(name, |_, entry| {
            if entry.revision == at {
                there = Some(entry.after);
            }
            Ok(Walk::On)
        });
        walked.map_err(Broken::into_error)?;
        Ok(there)
    }

    fn must_be_whole(&self, name: &SegmentName) -> Result<(), Unfit> {
        match self.segments.has(name) {
            true => Ok(()),
            false => self.getter.check(name, self.keyring),
        }
    }
}

/// What the chain is to come to at a commit.
#[derive(Clone, Copy)]
enum Wished {
    /// This.
    Is(Chain),
    /// That of which this beginning of another history comes.
    Left(Start),
}

impl Wished {
    fn is(self, chain: Chain) -> bool {
        match self {
            Self::Is(wished) => chain == wished,
            Self::Left(to) => chain.branch(to.timeline, to.revision) == to.chain,
        }
    }
}

/// A segment that holds a commit.
enum Holding {
    /// As wished: what the chain comes to there.
    Wished(SegmentName, Chain),
    /// Another one of that number; the segment is whole.
    Other(SegmentName),
    /// Nothing holds it, or it is not kept alone.
    Nothing,
}

/// Two commits of one number.
fn compare(one: Start, other: Start) -> Descent {
    if one.is_begun() || other.is_begun() {
        Descent::Unknown
    } else if one.chain == other.chain {
        Descent::Proven
    } else {
        Descent::Refuted
    }
}
