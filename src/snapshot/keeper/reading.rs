//! Reading what lies on a target, and what that is worth.

use std::io::{self, Read};
use std::time::Duration;

use super::check::{self, Steps};
use super::contact::{Held, Known};
use super::retention::Judged;
use super::trouble::Trouble;
use super::worker::Worker;
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use crate::snapshot::target::{Listed, Name, TargetError};

/// A file that cannot be read for so long is as good as gone: a disk that fails does not mend.
const UNREADABLE: Duration = Duration::from_secs(60);
/// How often what could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(600);
/// So many files that cannot be read are waited for at once.
pub const AT_ONCE: usize = 20;
/// So many snapshots, and so many segments, are asked for to see whether a target gives any.
const ASKED: usize = AT_ONCE / 2;
/// At so many of them a server may hang, a time-out each, before it is taken to be away.
const HANGING: usize = 2;
/// Of so many files it is told by name, at one look, that they count as absent.
pub const TOLD: usize = 20;

impl Worker {
    /// What could not be read is read once more after a while.
    pub fn read_again(&mut self, known: &Known) -> Result<(), Trouble> {
        let boot = self.boot();
        if boot.saturating_sub(*self.read_again.get_or_insert(boot)) < READ_AGAIN {
            return Ok(());
        }
        self.read_again = Some(boot);
        let unread = |name: &Name| self.judgement(name) == Judged::Unread;
        let snapshots: Vec<_> = known.snapshots.iter().filter(|held| unread(&held.name)).collect();
        let segments: Vec<_> = known.segments.iter().filter(|held| unread(&held.name)).collect();
        for Held { of, name, .. } in snapshots {
            self.read_back(name, of)?;
        }
        for Held { of, name, .. } in segments {
            self.steps(name, of, |_| false)?;
        }
        Ok(())
    }

    /// What is known of a snapshot there.
    pub fn judgement(&self, name: &Name) -> Judged {
        self.judged.get(name).map_or(Judged::Unknown, |(judged, _)| *judged)
    }

    /// Whether something there is believed to be what its name says, and to come when it is needed.
    pub fn counts(&self, name: &Name) -> bool {
        matches!(self.judgement(name), Judged::Good | Judged::Unknown)
    }

    /// Reads a snapshot back and notes what it is worth.
    pub fn read_back(&mut self, name: &Name, of: &SnapshotName) -> Result<(), Trouble> {
        match self.read(name, |content| check::snapshot(content, of, || self.keys()))? {
            Ok(head) => {
                self.judged.insert(name.clone(), (Judged::Good, head));
                self.read_now.insert(name.clone());
                self.unproved = false;
                self.verified = Some(self.boot());
                let now = self.now();
                self.desk.tell(|status| status.verified = Some(now));
            }
            Err(why) => {
                self.counts_as_absent(name, &why);
                self.flaws.insert(name.clone(), why.why());
            }
        }
        Ok(())
    }

    /// The same of a segment: what the chain comes to with it, and at each of its commits that is
    /// `wanted`; `None` where it does not verify or cannot be read.
    pub fn steps(
        &mut self,
        name: &Name,
        of: &SegmentName,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Option<Steps>, Trouble> {
        match self.read(name, |content| check::segment(content, of, &wanted, || self.keys()))? {
            Ok(steps) => {
                self.judged.insert(name.clone(), (Judged::Good, None));
                Ok(Some(steps))
            }
            Err(why) => {
                self.counts_as_absent(name, &why);
                Ok(None)
            }
        }
    }

    /// What was just put cannot be read back, or `differs`: then it does not stay, as the next
    /// attempt puts it anew under another name.
    pub fn not_as_put(&self, name: &Name, why: &str, differs: bool) -> Trouble {
        let url = self.target.url(name);
        if differs && let Err(error) = self.target.delete(name) {
            log::debug!("snapshots to {}: {url} stays, though it is bad: {error}", self.name);
        }
        TargetError::Failed(format!("{url} is not what was put there: {why}")).into()
    }

    /// An object is there that is not what it should be, or cannot be read: that is told.
    pub fn counts_as_absent(&mut self, name: &Name, why: &SnapshotError) {
        let judged = if why.is_unread() { Judged::Unread } else { Judged::Bad };
        if self.judgement(name) != judged {
            self.absent += 1;
            if self.absent <= TOLD {
                let (of, url, why) = (&self.name, self.target.url(name), why.why());
                log::error!("snapshots to {of}: {url} counts as absent: {why}");
            }
        }
        self.judged.insert(name.clone(), (judged, None));
    }

    /// Reads an object. The outer error is that the target does not answer, or gives nothing, the
    /// inner one what is wrong with the object. One that cannot be read to its end for a minute, of
    /// a target that answers, has gone bad by itself, as by a bad sector; until then it may be read
    /// another time, and nothing is done that would rest on its being gone.
    pub fn read<T>(
        &self,
        name: &Name,
        check: impl Fn(&mut dyn Read) -> Result<T, SnapshotError>,
    ) -> Result<Result<T, SnapshotError>, Trouble> {
        let outcome = self.read_once(name, &check)?;
        let Err(SnapshotError::Io(error)) = &outcome else {
            self.unreadable.borrow_mut().remove(name);
            return Ok(outcome);
        };
        let boot = self.boot();
        let since = *self.unreadable.borrow_mut().entry(name.clone()).or_insert(boot);
        if boot.saturating_sub(since) < UNREADABLE {
            let what = format!("{} cannot be read: {error}", self.target.url(name));
            return Err(Trouble::Unread(what));
        }
        let folder = self.folder(&self.unsealed()?.status().store_id)?;
        self.target.list(folder.path())?;
        Ok(outcome)
    }

    fn read_once<T>(
        &self,
        name: &Name,
        check: impl Fn(&mut dyn Read) -> Result<T, SnapshotError>,
    ) -> Result<Result<T, SnapshotError>, Trouble> {
        let mut content = match self.target.get(name) {
            Ok(content) => content,
            Err(TargetError::Absent(what)) => return Ok(Err(SnapshotError::Broken(what))),
            Err(error) if self.is_of_file(name, &error)? => {
                return Ok(Err(SnapshotError::Io(io::Error::other(error.to_string()))));
            }
            Err(error) => return Err(error.into()),
        };
        self.given.set(true);
        match check(&mut content) {
            Err(error) if error.is_over() => Err(Trouble::Over),
            outcome => Ok(outcome),
        }
    }

    /// Whether it is this one file that is not given, and not what the target does with all. Where
    /// a snapshot was put and is not given either, no further one would be.
    fn is_of_file(&self, name: &Name, error: &TargetError) -> Result<bool, Trouble> {
        let folder = self.folder(&self.unsealed()?.status().store_id)?;
        if self.unproved && matches!(folder.read(name), Some(Kept::Snapshot(_))) {
            return Ok(false);
        }
        match error {
            TargetError::Failed(_) | TargetError::Denied(_) if self.given.get() => Ok(true),
            TargetError::Failed(_) | TargetError::Denied(_) => self.gives_others(&folder, name),
            // A server may hang at one file, and answers all else. A stick only rests.
            TargetError::Away(_) if !self.settings.place.is_lent() => {
                self.gives_others(&folder, name)
            }
            _ => Ok(false),
        }
    }

    /// Whether the target gives any other file; where it does, those that it was seen not to give
    /// either are waited for from now on, too. Where there is no other one, the next snapshot tells
    /// it when it is read back.
    fn gives_others(&self, folder: &Folder, name: &Name) -> Result<bool, Trouble> {
        let others = self.few_beside(folder, name)?;
        if others.is_empty() {
            return Ok(true);
        }
        let (mut refused, mut away) = (Vec::new(), 0);
        for other in others {
            match self.target.get(&other) {
                Ok(_) => {
                    self.given.set(true);
                    let mut unreadable = self.unreadable.borrow_mut();
                    for other in refused {
                        unreadable.entry(other).or_insert(self.boot());
                    }
                    return Ok(true);
                }
                Err(TargetError::Failed(_) | TargetError::Denied(_)) => refused.push(other),
                Err(TargetError::Away(_)) if away < HANGING => {
                    refused.push(other);
                    away += 1;
                }
                Err(TargetError::Away(_)) => break,
                Err(_) => {}
            }
        }
        Ok(false)
    }

    /// Some files there but this one, in the order in which they are asked for: snapshots, the
    /// newest first, so that several that are not given are seen at once, and segments from all
    /// over the journal, for where what is old is not given, what is new may be. Those that are
    /// known not to be given come last.
    fn few_beside(&self, folder: &Folder, name: &Name) -> Result<Vec<Name>, Trouble> {
        let (mut snapshots, mut segments) = (Vec::new(), Vec::new());
        for Listed { name: other, .. } in self.target.list(folder.path())? {
            match folder.read(&other).filter(|_| other != *name) {
                Some(Kept::Snapshot(of)) => snapshots.push((of.timeline, of.revision, other)),
                Some(Kept::Segment(of)) => segments.push((of.timeline, of.last, other)),
                None => {}
            }
        }
        for others in [&mut snapshots, &mut segments] {
            others.sort_unstable();
            others.reverse();
        }
        let step = segments.len().div_ceil(ASKED).max(1);
        let some = snapshots.into_iter().take(ASKED).chain(segments.into_iter().step_by(step));
        let mut some: Vec<Name> = some.map(|(.., other)| other).collect();
        let unreadable = self.unreadable.borrow();
        some.sort_by_key(|other| unreadable.contains_key(other));
        Ok(some)
    }

    /// The target does not answer: for how long a file there cannot be read, nobody knows.
    pub fn is_silent(&mut self) {
        self.unreadable.get_mut().clear();
    }
}
