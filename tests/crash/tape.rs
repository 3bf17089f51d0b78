//! A disk in memory that remembers everything that was asked of it, so that afterwards it can be
//! shown as a power cut at any moment would have left it.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use edgekeep::storage::StorageError;
use edgekeep::storage::folder::Place;
use edgekeep::storage::redb::{Medium, Site};
use redb::StorageBackend;

use crate::dice::Dice;

/// What happened, in order.
#[derive(Clone, Debug)]
pub enum Event {
    Write {
        file: usize,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    SetLen {
        file: usize,
        len: usize,
    },
    Sync {
        file: usize,
    },
    /// From here on this file is the store's.
    Promote {
        file: usize,
    },
    /// The tester saw something: a commit that was acknowledged.
    Note(u64),
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct Tape(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: Vec<Vec<u8>>,
    store: Option<usize>,
    events: Vec<Event>,
    /// A place that cannot be read.
    bad: Range<usize>,
    /// Reads, writes, changes of length and syncs so far.
    operations: u64,
    failing: Option<Failing>,
}

/// Operations of a disk that fail.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Which, counted from 0.
    pub numbers: Range<u64>,
    /// What they fail with.
    pub kind: io::ErrorKind,
    /// Whether reading fails too.
    pub reads: bool,
    /// Whether what fails was done all the same.
    pub done: bool,
}

impl Tape {
    /// A disk on which the store's file holds `image`.
    pub fn of(image: Vec<u8>) -> Self {
        let state = State { files: vec![image], store: Some(0), ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From now on these operations fail.
    pub fn fail(&self, failing: Option<Failing>) {
        self.lock().failing = failing;
    }

    /// From now on no read that touches this place succeeds.
    pub fn spoil(&self, place: Range<usize>) {
        self.lock().bad = place;
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Notes that a commit was acknowledged.
    pub fn note(&self, what: u64) {
        self.lock().events.push(Event::Note(what));
    }

    /// What happened up to now.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The store's file as the program sees it.
    pub fn image(&self) -> Option<Vec<u8>> {
        let state = self.lock();
        state.store.map(|file| state.files[file].clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn file(&self, file: usize) -> Box<dyn StorageBackend> {
        Box::new(TapeFile { tape: self.clone(), file })
    }
}

impl Site for Tape {
    fn open(&self, _: bool) -> Result<Option<Medium>, StorageError> {
        let store = self.lock().store;
        Ok(store.map(|file| Medium { backend: self.file(file), read_only: None }))
    }

    fn create_next(&self) -> io::Result<Box<dyn StorageBackend>> {
        let mut state = self.lock();
        state.files.push(Vec::new());
        let file = state.files.len() - 1;
        drop(state);
        Ok(self.file(file))
    }

    fn promote_next(&self) -> io::Result<()> {
        let mut state = self.lock();
        let file = state.files.len() - 1;
        state.events.push(Event::Promote { file });
        state.store = Some(file);
        Ok(())
    }

    fn discard_next(&self) {}

    fn place(&self) -> Place {
        Place::Kept
    }

    fn data_bytes(&self) -> u64 {
        self.image().map_or(0, |image| image.len() as u64)
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn fill_reserve(&self) -> io::Result<()> {
        Ok(())
    }

    fn spend_reserve(&self) -> bool {
        false
    }

    fn name(&self) -> String {
        "the tape".into()
    }
}

#[derive(Debug)]
struct TapeFile {
    tape: Tape,
    file: usize,
}

impl StorageBackend for TapeFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.tape.lock().files[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.tape.lock();
        state.operate(true)?;
        let offset = offset as usize;
        if offset < state.bad.end && state.bad.start < offset + out.len() {
            return Err(io::ErrorKind::Other.into());
        }
        match state.files[self.file].get(offset..offset + out.len()) {
            Some(bytes) => out.copy_from_slice(bytes),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.happens(Event::SetLen { file: self.file, len: len as usize })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.happens(Event::Sync { file: self.file })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.happens(Event::Write { file: self.file, offset, bytes: data.into() })
    }
}

impl TapeFile {
    fn happens(&self, event: Event) -> io::Result<()> {
        let mut state = self.tape.lock();
        let outcome = state.operate(false);
        if outcome.is_ok() || state.failing.as_ref().is_some_and(|failing| failing.done) {
            apply(&mut state.files[self.file], &event, 0..usize::MAX);
            state.events.push(event);
        }
        outcome
    }
}

impl State {
    fn operate(&mut self, read: bool) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        match &self.failing {
            Some(failing) if failing.numbers.contains(&number) && (failing.reads || !read) => {
                Err(failing.kind.into())
            }
            _ => Ok(()),
        }
    }
}

/// Does to `image` what `event` does, of a write only the bytes `within`.
fn apply(image: &mut Vec<u8>, event: &Event, within: Range<usize>) {
    match event {
        Event::Write { offset, bytes, .. } => {
            let bytes = &bytes[within.start.min(bytes.len())..within.end.min(bytes.len())];
            let start = offset + within.start;
            let end = start + bytes.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[start..end].copy_from_slice(bytes);
        }
        Event::SetLen { len, .. } => image.resize(*len, 0),
        Event::Sync { .. } | Event::Promote { .. } | Event::Note(_) => {}
    }
}

/// What becomes of the writes that were not synced when the power went.
#[derive(Clone, Copy, Debug)]
pub enum Tear {
    /// All are there.
    Kept,
    /// None is there.
    Dropped,
    /// Each by lot.
    Some,
    /// The later ones are there, the earlier ones not.
    Reordered,
    /// Of each, single sectors by lot.
    Sectors,
}

pub const TEARS: [Tear; 5] =
    [Tear::Kept, Tear::Dropped, Tear::Some, Tear::Reordered, Tear::Sectors];

const SECTOR: usize = 512;

/// Plays a recording up to each moment.
pub struct Replay {
    /// By file: what is on the disk for good, and what happened to it since.
    files: Vec<(Vec<u8>, Vec<Event>)>,
    store: Option<usize>,
}

impl Replay {
    /// Begins where a recording of [`Tape::of`] this image, or of an empty tape, begins.
    pub fn of(image: Option<Vec<u8>>) -> Self {
        let store = image.is_some().then_some(0);
        Self { files: image.into_iter().map(|image| (image, Vec::new())).collect(), store }
    }

    /// The next event happens.
    pub fn step(&mut self, event: &Event) {
        match event {
            Event::Write { file, .. } | Event::SetLen { file, .. } => {
                if self.files.len() <= *file {
                    self.files.resize(file + 1, Default::default());
                }
                self.files[*file].1.push(event.clone());
            }
            Event::Sync { file } => {
                if let Some((durable, pending)) = self.files.get_mut(*file) {
                    for event in pending.drain(..) {
                        apply(durable, &event, 0..usize::MAX);
                    }
                }
            }
            Event::Promote { file } => self.store = Some(*file),
            Event::Note(_) => {}
        }
    }

    /// The store's file as a power cut now leaves it.
    pub fn torn(&self, tear: Tear, dice: &Dice) -> Option<Vec<u8>> {
        let (durable, pending) = &self.files[self.store?];
        let mut image = durable.clone();
        let cut = dice.below(pending.len() as u64 + 1) as usize;
        for (number, event) in pending.iter().enumerate() {
            let whole = match tear {
                Tear::Kept => true,
                Tear::Dropped => false,
                Tear::Some => dice.one_in(2),
                Tear::Reordered => number >= cut,
                Tear::Sectors => {
                    if let Event::Write { offset, bytes, .. } = event {
                        for within in sectors(*offset, bytes.len()) {
                            if dice.one_in(2) {
                                apply(&mut image, event, within);
                            }
                        }
                        continue;
                    }
                    dice.one_in(2)
                }
            };
            if whole {
                apply(&mut image, event, 0..usize::MAX);
            }
        }
        Some(image)
    }
}

/// Cuts `len` bytes at `offset` where the sectors of a disk end.
fn sectors(offset: usize, len: usize) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let to = len.min((offset + from) / SECTOR * SECTOR + SECTOR - offset);
        let sector = (from < len).then_some(from..to);
        from = to;
        sector
    })
}
