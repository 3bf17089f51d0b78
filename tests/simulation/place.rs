//! A target in memory that fails by chance, and sees what nobody may do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use edgekeep::barrier::journal::Chain;
use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::base::sync::lock;
use edgekeep::snapshot::inspect::inspect;
use edgekeep::snapshot::journal::segment::{Entry, Next, SegmentReader};
use edgekeep::snapshot::layout::{Folder, Kept, SegmentName, SnapshotName};
use edgekeep::snapshot::target::{Listed, Name, Target, TargetError, Visit};

use crate::support::dice::Dice;

/// The target.
pub struct Place(Mutex<Inner>);

/// How it fares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// One call in so many fails; 0 for none.
    pub harm: u64,
    /// It cannot be reached.
    pub away: bool,
    /// Nothing more fits.
    pub full: bool,
    /// It goes away as soon as something is put.
    pub breaks: bool,
    /// Nothing can be deleted.
    pub stuck: bool,
    /// Nothing of it may be read.
    pub closed: bool,
    /// No snapshot of it may be read.
    pub hides: bool,
}

struct Inner {
    objects: BTreeMap<Name, Object>,
    weather: Weather,
    dice: Dice,
    wrongs: Vec<String>,
    /// What can no longer be read, as by a bad sector.
    spoiled: BTreeSet<Name>,
    /// What is not given when it is asked for, and what is answered.
    refused: BTreeMap<Name, fn(String) -> TargetError>,
    /// How often it was let go.
    rests: u64,
    /// Which visit it is, where it comes and goes like a stick, and whether it is there.
    visit: Option<(u64, bool)>,
    /// How often each object was read.
    reads: BTreeMap<Name, u64>,
    /// What happens while something is put.
    meanwhile: Option<Arc<dyn Fn() + Send + Sync>>,
}

/// What lies there.
#[derive(Clone)]
struct Object {
    bytes: Arc<Vec<u8>>,
    what: What,
}

/// What an object is, by its content.
#[derive(Clone)]
enum What {
    Snapshot(SnapshotName),
    Segment(Segment),
    /// Not what its name says: it counts as absent.
    Torn,
}

/// A segment that is whole.
#[derive(Clone)]
pub struct Segment {
    /// Its name.
    pub of: SegmentName,
    /// What the chain comes to before it.
    before: Chain,
    /// How many commits each entry is, to which it leads, and what the chain comes to there.
    entries: Vec<(u64, u64, Chain)>,
}

/// To which instants of a history a place leads.
#[derive(Default)]
pub struct Reach {
    /// The last commit of each.
    pub kept: BTreeSet<u64>,
    /// What was folded into one of them.
    pub folded: BTreeSet<u64>,
}

impl Place {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            objects: BTreeMap::new(),
            weather: Weather::default(),
            dice: Dice::new(seed),
            wrongs: Vec::new(),
            spoiled: BTreeSet::new(),
            refused: BTreeMap::new(),
            rests: 0,
            visit: None,
            reads: BTreeMap::new(),
            meanwhile: None,
        }))
    }

    /// The same place, as another server sees it that does not see what is put from now on.
    pub fn fork(&self, seed: u64) -> Self {
        let Self(place) = Self::new(seed);
        lock(&place).objects.clone_from(&self.inner().objects);
        Self(place)
    }

    /// What was put there meanwhile is seen by all.
    pub fn join(&self, other: &Self) {
        let theirs = other.inner().objects.clone();
        let mut inner = self.inner();
        for (name, object) in theirs {
            inner.keep(&name, object.bytes.to_vec());
        }
    }

    /// From now on it comes and goes: once it was let go another visit begins with its next use.
    pub fn comes_and_goes(&self) {
        self.inner().visit = Some((0, false));
    }

    /// The last commit of a history that anything whole there tells of.
    pub fn told_of(&self, timeline: Timeline) -> u64 {
        let segments = self.segments(timeline).into_iter().map(|segment| segment.of.last);
        segments.chain(self.bases(timeline)).max().unwrap_or(0)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }

    /// An object can no longer be read to its end.
    pub fn spoil(&self, name: &Name) {
        self.inner().spoiled.insert(name.clone());
    }

    /// An object is not given any more to who asks for it.
    pub fn refuse(&self, name: &Name, how: fn(String) -> TargetError) {
        self.inner().refused.insert(name.clone(), how);
    }

    /// It can again.
    pub fn heal(&self, name: &Name) {
        self.inner().spoiled.remove(name);
    }

    /// How often it was let go.
    pub fn rests(&self) -> u64 {
        self.inner().rests
    }

    /// How often objects were read, by their names.
    pub fn reads(&self) -> BTreeMap<Name, u64> {
        self.inner().reads.clone()
    }

    /// That happens while something is put, from now on.
    pub fn while_put(&self, happens: impl Fn() + Send + Sync + 'static) {
        self.inner().meanwhile = Some(Arc::new(happens));
    }

    /// How it fares from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.inner().weather = weather;
    }

    /// How it fares.
    pub fn weather(&self) -> Weather {
        self.inner().weather
    }

    /// What was done to it that must not be done.
    pub fn wrongs(&self) -> Vec<String> {
        self.inner().wrongs.clone()
    }

    /// The names and lengths of all, for the message of a test that fails.
    pub fn told(&self) -> String {
        let inner = self.inner();
        let line = |(name, object): (&Name, &Object)| {
            let torn = if matches!(object.what, What::Torn) { " TORN" } else { "" };
            format!("  {name}{torn}\n")
        };
        inner.objects.iter().map(line).collect()
    }

    /// The snapshots that are whole.
    pub fn snapshots(&self) -> Vec<SnapshotName> {
        let inner = self.inner();
        let snapshot = |object: &Object| match &object.what {
            What::Snapshot(of) => Some(of.clone()),
            _ => None,
        };
        inner.objects.values().filter_map(snapshot).collect()
    }

    /// The segments of a history that are whole.
    pub fn segments(&self, timeline: Timeline) -> Vec<Segment> {
        let inner = self.inner();
        let segment = |object: &Object| match &object.what {
            What::Segment(segment) if segment.of.timeline == timeline => Some(segment.clone()),
            _ => None,
        };
        inner.objects.values().filter_map(segment).collect()
    }

    /// The commits of a history with which there are snapshots.
    pub fn bases(&self, timeline: Timeline) -> BTreeSet<u64> {
        let of_it = |of: &SnapshotName| of.timeline == timeline;
        self.snapshots().into_iter().filter(of_it).map(|of| of.revision).collect()
    }

    /// Up to which commit of a history the names of what is torn tell of it.
    pub fn torn_up_to(&self, folder: &Folder, timeline: Timeline) -> Option<u64> {
        let inner = self.inner();
        let torn = inner.objects.iter().filter(|(_, object)| matches!(object.what, What::Torn));
        let kept = torn.filter_map(|(name, _)| folder.read(name));
        let told = kept.map(|kept| match kept {
            Kept::Snapshot(of) => (of.timeline, of.revision),
            Kept::Segment(of) => (of.timeline, of.last),
        });
        told.filter(|(of, _)| *of == timeline).map(|(_, last)| last).max()
    }

    /// Whether a segment holds that commit.
    pub fn holds(&self, timeline: Timeline, revision: u64) -> bool {
        let inner = self.inner();
        inner.objects.values().any(|object| match &object.what {
            What::Segment(Segment { of, .. }) => {
                of.timeline == timeline && of.first <= revision && revision <= of.last
            }
            _ => false,
        })
    }

    /// Whether that commit of a history is kept alone.
    pub fn keeps(&self, timeline: Timeline, revision: u64) -> bool {
        let in_segment = |s: &Segment| s.entries.iter().any(|(_, at, _)| *at == revision);
        self.bases(timeline).contains(&revision) || self.segments(timeline).iter().any(in_segment)
    }

    /// The history, and those before it that it comes of, each with its last commit on the way.
    pub fn lineage(&self, timeline: Timeline) -> Vec<(Timeline, u64)> {
        let mut lineage = vec![(timeline, u64::MAX)];
        let mut at = timeline;
        while let Some(origin) = self.segments(at).iter().find_map(|segment| segment.of.origin) {
            lineage.push((origin.timeline, origin.revision));
            at = origin.timeline;
        }
        lineage
    }

    /// All instants of a history, and of those that it comes of, that can be had from it, by a
    /// search that knows no plan; from the snapshots that were taken `until` then.
    pub fn reach(&self, timeline: Timeline, until: Timestamp) -> Reach {
        self.reach_from(timeline, |of| of.taken <= until, |_, _| true)
    }

    /// The same from some of the snapshots, where a way leaves a segment only at some of its commits
    /// for another one.
    pub fn reach_from(
        &self,
        timeline: Timeline,
        base: impl Fn(&SnapshotName) -> bool,
        leaves: impl Fn(&SegmentName, u64) -> bool,
    ) -> Reach {
        let lineage = self.lineage(timeline);
        let mut reach = Reach::default();
        let mut open: Vec<(usize, u64, Option<Chain>)> = Vec::new();
        for of in self.snapshots().into_iter().filter(base) {
            let on_way =
                |(timeline, upto): &(_, u64)| of.timeline == *timeline && of.revision <= *upto;
            if let Some(nth) = lineage.iter().position(on_way) {
                reach.kept.insert(of.revision);
                open.push((nth, of.revision, None));
            }
        }
        let segments: Vec<_> = lineage.iter().map(|(of, _)| self.segments(*of)).collect();
        let mut seen = BTreeSet::new();
        while let Some((nth, at, chain)) = open.pop() {
            let (_, upto) = lineage[nth];
            if at == upto && nth > 0 {
                open.push((nth - 1, at, chain.map(|chain| chain.branch(lineage[nth - 1].0, at))));
                continue;
            }
            for segment in segments[nth].iter().filter(|s| s.of.first <= at + 1 && at < s.of.last) {
                let mut before = (segment.of.first - 1, segment.before);
                for &(step, revision, after) in segment.entries.iter().filter(|e| e.1 <= upto) {
                    let fits = match chain {
                        Some(chain) => before == (at, chain),
                        // From a snapshot an entry leads on that was folded over it, too.
                        None => before.0 <= at && at < revision,
                    };
                    before = (revision, after);
                    if fits && seen.insert((nth, revision, after.0)) {
                        reach.kept.insert(revision);
                        reach.folded.extend(revision - step + 1..revision);
                        if revision == upto || leaves(&segment.of, revision) {
                            open.push((nth, revision, Some(after)));
                        }
                    }
                }
            }
        }
        reach
    }

    /// No two segments tell of one commit differently, and none is there twice but where a
    /// compaction has made one of several.
    pub fn must_agree(&self, timeline: Timeline) {
        let segments = self.segments(timeline);
        let mut chains: BTreeMap<u64, Chain> = BTreeMap::new();
        for segment in &segments {
            for &(_, revision, after) in &segment.entries {
                let other = *chains.entry(revision).or_insert(after);
                assert!(other == after, "two records of transaction {revision} of {timeline}");
            }
        }
        for (one, other) in segments.iter().flat_map(|s| segments.iter().map(move |o| (s, o))) {
            let (one, other) = (one.of, other.of);
            let apart = one.last < other.first || other.last < one.first;
            let inside = |a: SegmentName, b: SegmentName| a.first <= b.first && b.last <= a.last;
            let nested = inside(one, other) || inside(other, one);
            assert!(apart || nested, "shipped twice: {one:?} and {other:?}");
        }
    }
}

fn read(name: &Name, bytes: &[u8]) -> What {
    let kept = Folder::of("", name).and_then(|folder| folder.read(name));
    let what = match kept {
        Some(Kept::Snapshot(of)) => inspect(bytes).ok().and_then(|inspected| {
            let about = inspected.meta.about;
            let same = (about.timeline, about.revision) == (of.timeline.to_string(), of.revision);
            same.then_some(What::Snapshot(of))
        }),
        Some(Kept::Segment(of)) => read_segment(of, bytes).map(What::Segment),
        None => None,
    };
    what.unwrap_or(What::Torn)
}

fn read_segment(of: SegmentName, bytes: &[u8]) -> Option<Segment> {
    let mut reader = SegmentReader::new(bytes).ok()?;
    let header = reader.header().clone();
    let mut entries = Vec::new();
    while let Next::Entry(Entry { revision, step, after, .. }) = reader.read().ok()? {
        entries.push((step, revision, after));
    }
    let end = entries.last().map_or(header.before, |(_, _, after)| *after);
    (header.name(end) == of).then_some(Segment { of, before: header.before, entries })
}

impl Inner {
    fn harmed(&self) -> bool {
        self.weather.harm > 0 && self.dice.one_in(self.weather.harm)
    }

    fn must_be_there(&mut self) -> Result<(), TargetError> {
        let away = || TargetError::Away("it is away".into());
        match &mut self.visit {
            _ if self.weather.away => Err(away()),
            // Who wants it asks for it by that.
            Some((number, there @ false)) => {
                (*number, *there) = (*number + 1, true);
                Err(away())
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, name: &Name, bytes: Vec<u8>) {
        let what = read(name, &bytes);
        let there = self.objects.get(name).map(|object| &object.what);
        if let (Some(What::Segment(old)), What::Segment(new)) = (there, &what)
            && (old.before, old.entries.last()) != (new.before, new.entries.last())
        {
            self.wrongs.push(format!("{name} was overwritten by another history"));
        }
        self.objects.insert(name.clone(), Object { bytes: Arc::new(bytes), what });
        // It lies elsewhere on the disk.
        self.spoiled.remove(name);
    }
}

fn failed<T>(what: &str) -> Result<T, TargetError> {
    Err(TargetError::Failed(what.into()))
}

impl Target for Place {
    fn must_fit(&self, length: u64) -> Result<(), TargetError> {
        let mut inner = self.inner();
        inner.must_be_there()?;
        match inner.weather.full && length > 0 {
            true => Err(TargetError::Full("it is full".into())),
            false => Ok(()),
        }
    }

    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        let meanwhile = self.inner().meanwhile.clone();
        meanwhile.iter().for_each(|happens| happens());
        let mut inner = self.inner();
        inner.weather.away |= inner.weather.breaks;
        inner.must_be_there()?;
        let mut bytes = Vec::new();
        let mut read =
            |most: u64| content.take(most).read_to_end(&mut bytes).map_err(TargetError::Source);
        if inner.weather.full {
            read(length / 2)?;
            return Err(TargetError::Full("it is full".into()));
        }
        if !inner.harmed() {
            read(length)?;
            assert_eq!(bytes.len() as u64, length, "as long as was said");
            inner.keep(name, bytes);
            return Ok(());
        }
        let whole = inner.objects.get(name).is_some_and(|there| !matches!(there.what, What::Torn));
        match inner.dice.below(5) {
            0 => failed("it fails at the start"),
            1 => {
                read(length)?;
                inner.keep(name, bytes);
                failed("it fails at the end")
            }
            kind if kind == 2 || whole => {
                read(length / 2)?;
                failed("it fails half-way")
            }
            kind => {
                let cut = inner.dice.below(length);
                read(length)?;
                bytes.truncate(cut as usize);
                inner.keep(name, bytes);
                if kind == 3 { Ok(()) } else { failed("it fails and leaves a part") }
            }
        }
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let mut inner = self.inner();
        inner.must_be_there()?;
        *inner.reads.entry(name.clone()).or_default() += 1;
        let Some(object) = inner.objects.get(name) else {
            return Err(TargetError::Absent(format!("{name} is not there")));
        };
        let hides = inner.weather.hides && name.to_string().ends_with(".snap");
        let closed = inner.weather.closed || hides;
        let closed = closed.then_some(TargetError::Denied as fn(String) -> _);
        if let Some(how) = inner.refused.get(name).copied().or(closed) {
            return Err(how(format!("{name} is not given")));
        }
        let (bytes, harmed) = (object.bytes.clone(), inner.harmed());
        if harmed && inner.dice.one_in(2) {
            return failed("it gives nothing");
        }
        let breaks = harmed.then(|| inner.dice.below(bytes.len() as u64 + 1) as usize);
        let breaks = breaks.or(inner.spoiled.contains(name).then_some(bytes.len() / 2));
        Ok(Box::new(Reader { bytes, at: 0, breaks }))
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let mut inner = self.inner();
        inner.must_be_there()?;
        if inner.harmed() {
            return failed("it lists nothing");
        }
        let listed = |(name, object): (&Name, &Object)| {
            let (name, length) = (name.clone(), object.bytes.len() as u64);
            is_below(&name, under).then_some(Listed { name, length })
        };
        Ok(inner.objects.iter().filter_map(listed).collect())
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        let mut inner = self.inner();
        inner.must_be_there()?;
        if inner.weather.stuck {
            return failed("it cannot be deleted");
        }
        let harmed = inner.harmed();
        if !harmed || inner.dice.one_in(2) {
            inner.objects.remove(name);
        }
        if harmed { failed("it fails to delete") } else { Ok(()) }
    }

    fn visit(&self) -> Option<Visit> {
        let Some((number, there)) = self.inner().visit else { return Some(Visit::default()) };
        there.then(|| Visit::new(number.to_string()))
    }

    fn rest(&self, _: &Visit) -> Result<(), TargetError> {
        let mut inner = self.inner();
        inner.rests += 1;
        inner.visit = inner.visit.map(|(number, _)| (number, false));
        Ok(())
    }

    fn url(&self, name: &Name) -> String {
        format!("memory:{name}")
    }
}

/// Whether an object lies below the folder `under`; everything lies below `""`.
fn is_below(name: &Name, under: &str) -> bool {
    let rest = name.as_str().strip_prefix(under.trim_end_matches('/'));
    under.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Reads an object, perhaps not to its end.
struct Reader {
    bytes: Arc<Vec<u8>>,
    at: usize,
    breaks: Option<usize>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.breaks.unwrap_or(self.bytes.len());
        if self.breaks == Some(self.at) {
            return Err(io::Error::other("it breaks off"));
        }
        let read = buffer.len().min(end - self.at);
        buffer[..read].copy_from_slice(&self.bytes[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}
