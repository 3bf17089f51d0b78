//! The store on disk: one redb file with one table, kept alive through what disks do.
//!
//! `README.md` beside this file tells the format and redb's habits that are met here.

mod beside;
mod compact;
mod device;
mod examine;
mod handle;
mod nameless;
mod next;
mod overlay;
mod view;

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use self::beside::{Unclear, peek_beside};
use self::compact::{Noted, Noting};
use self::device::Observers;
pub use self::device::{Medium, Progress, Repair, Site};
pub use self::examine::{Examined, examine, peek};
use self::handle::{Handle, InDoubt};
use self::next::Next;
use self::view::RedbView;
use super::folder::{Folder, Place};
use super::{Condition, Job, Storage, StorageError, Urgency, View};
use crate::base::clock::Clock;
use crate::base::meter::{Counter, Readings, Timer};
use crate::base::sync::{lock, read, write};

const MIB: u64 = 1 << 20;

/// How a store on disk behaves.
#[derive(Clone)]
pub struct Options {
    /// Bytes of the file that are kept in memory.
    pub cache_bytes: usize,
    /// Ordinary writes are refused while fewer bytes than this are free.
    pub floor_bytes: u64,
    /// Bytes set aside for essential writes on a full disk; less than the floor.
    pub reserve_bytes: u64,
    /// A view expires when the file has grown by more than this, and has doubled, since it began.
    pub growth_bytes: u64,
    /// Unused space is given back when the file takes more bytes than this and uses under half.
    pub compact_bytes: u64,
    /// Measures pauses.
    pub clock: Arc<dyn Clock>,
    /// Told of a repair after a crash.
    pub progress: Progress,
}

impl Options {
    /// What suits a board of 512 MB.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            cache_bytes: 4 << 20,
            floor_bytes: 16 * MIB,
            reserve_bytes: 4 * MIB,
            growth_bytes: 64 * MIB,
            compact_bytes: 16 * MIB,
            clock,
            progress: Arc::new(|_| ControlFlow::Continue(())),
        }
    }
}

/// A store in one file.
pub struct Redb {
    site: Arc<dyn Site>,
    options: Options,
    state: RwLock<State>,
    /// Held by the one who makes a file that is to take the other's place: before `writing`.
    filling: Mutex<()>,
    /// Held by the one who writes.
    writing: Mutex<()>,
    /// What is written while a compaction is under way. That begins with `writing` held.
    noted: Mutex<Option<Noted>>,
    /// What is taken back when the file is next opened.
    in_doubt: Mutex<Option<InDoubt>>,
    /// Commits until the file is looked through for unused space.
    until_look: AtomicU64,
    observers: Observers,
    meters: Meters,
}

/// What is counted and measured of it.
struct Meters {
    compactions: Timer,
    reopened: Counter,
}

enum State {
    Open(Arc<Handle>),
    /// Not to be opened, and why.
    Closed(StorageError),
}

impl Redb {
    /// Opens the store in `folder`, or makes an empty one where there never was one. After a crash
    /// the whole file is read.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StorageError> {
        let folder = Folder::open(folder, options.reserve_bytes)?;
        folder.refuse_lost()?;
        Self::open_site(Arc::new(folder), options)
    }

    /// The same; where there is no store, or none any more, one is made that holds what `first`
    /// puts. Whatever happens, it is there whole or not at all.
    pub fn open_or_fill(
        folder: &Path,
        options: Options,
        first: &mut Job<'_>,
    ) -> Result<Self, StorageError> {
        let folder = Folder::open(folder, options.reserve_bytes)?;
        Self::open_or_fill_site(Arc::new(folder), options, first)
    }

    /// [`open`](Self::open) on what is not a folder.
    pub fn open_site(site: Arc<dyn Site>, options: Options) -> Result<Self, StorageError> {
        Self::open_or_fill_site(site, options, &mut |_| Ok(()))
    }

    fn open_or_fill_site(
        site: Arc<dyn Site>,
        options: Options,
        first: &mut Job<'_>,
    ) -> Result<Self, StorageError> {
        let compactions = Timer::new(&options.clock);
        let meters = Meters { compactions, reopened: Counter::default() };
        let progress = Arc::clone(&options.progress);
        let observers = Observers { progress, written: Arc::default() };
        let unopened = StorageError::Refused("the store was not opened yet".into());
        let store = Self {
            site,
            options,
            state: RwLock::new(State::Closed(unopened)),
            filling: Mutex::default(),
            writing: Mutex::default(),
            noted: Mutex::default(),
            in_doubt: Mutex::default(),
            until_look: AtomicU64::new(0),
            observers,
            meters,
        };
        let handle = match store.open_file(false, &mut None)? {
            Some(handle) => handle,
            None => store.build(first)?,
        };
        *store.state_mut() = State::Open(handle);
        if let Err(error) = store.site.fill_reserve() {
            log::warn!("{}: no reserve for a full disk: {error}", store.site.name());
        }
        Ok(store)
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        read(&self.state)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        write(&self.state)
    }

    /// Opens the file for writing, or else for reading, and takes back what is in doubt.
    fn open_file(
        &self,
        distrust: bool,
        in_doubt: &mut Option<InDoubt>,
    ) -> Result<Option<Arc<Handle>>, StorageError> {
        let Some(medium) = self.site.open(distrust)? else { return Ok(None) };
        let writable = medium.read_only.is_none();
        let outcome = match self.open_medium(medium, in_doubt) {
            Err(error) if writable && is_of_the_device(&error) => {
                let Some(mut medium) = self.site.open(distrust)? else { return Ok(None) };
                medium.read_only = Some(error.to_string());
                self.open_medium(medium, in_doubt)
            }
            outcome => outcome,
        };
        outcome.map(Some)
    }

    fn open_medium(
        &self,
        medium: Medium,
        in_doubt: &mut Option<InDoubt>,
    ) -> Result<Arc<Handle>, StorageError> {
        let (cache_bytes, observers) = (self.options.cache_bytes, &self.observers);
        let handle = Handle::open(&self.site, medium, cache_bytes, observers, in_doubt.as_ref())?;
        // What cannot be written was taken back in memory alone.
        if handle.read_only.is_none() {
            *in_doubt = None;
        }
        Ok(Arc::new(handle))
    }

    /// The open file; opened anew when redb takes no orders any more.
    fn handle(&self) -> Result<Arc<Handle>, StorageError> {
        match &*self.state() {
            State::Open(handle) if !handle.is_suspect() => return Ok(Arc::clone(handle)),
            State::Open(_) => {}
            State::Closed(why) => return Err(again(why)),
        }
        let mut state = self.state_mut();
        match &*state {
            State::Open(handle) if !handle.is_suspect() || handle.works() => {
                return Ok(Arc::clone(handle));
            }
            State::Open(_) => {}
            State::Closed(why) => return Err(again(why)),
        }
        self.reopen(&mut state)
    }

    fn reopen(&self, state: &mut State) -> Result<Arc<Handle>, StorageError> {
        let name = self.site.name();
        log::warn!("{name}: the device failed; opening the file anew");
        self.meters.reopened.count();
        // Whoever commits has it until it is known what became of that.
        let mut in_doubt = lock(&self.in_doubt);
        // Two of redb on one file would write over each other.
        if let State::Open(handle) = state {
            handle.close();
        }
        let gone = || StorageError::Damaged(format!("{name} is gone: restore the newest snapshot"));
        match self.open_file(true, &mut in_doubt).and_then(|handle| handle.ok_or_else(gone)) {
            Ok(handle) => {
                *state = State::Open(Arc::clone(&handle));
                Ok(handle)
            }
            Err(error) => {
                log::error!("{error}");
                *state = State::Closed(again(&error));
                Err(error)
            }
        }
    }

    /// Makes a new file of what `job` puts, in place of the present one.
    fn build(&self, job: &mut Job<'_>) -> Result<Arc<Handle>, StorageError> {
        let next = Next::create(self)?;
        next.fill(job)?;
        next.promote()
    }

    /// What was put in the place of everything is the store from now on. Only for the one who
    /// writes.
    fn serve(&self, handle: Arc<Handle>) {
        *lock(&self.in_doubt) = None;
        let before = mem::replace(&mut *self.state_mut(), State::Open(handle));
        // Views of the old file keep it, though it has no name any more, until they are dropped.
        // Where there is none it is closed now, and nobody waits for that.
        drop(before);
    }

    fn can_be_written(&self) -> bool {
        matches!(self.site.open(false), Ok(Some(Medium { read_only: None, .. })))
    }

    /// Whether there were places that could not be read, and now can.
    fn can_be_read_again(&self, handle: &Handle) -> bool {
        let places = handle.gauge.unreadable();
        if places.is_empty() {
            return false;
        }
        let Ok(Some(medium)) = self.site.open(true) else { return false };
        places.into_iter().all(|(at, len)| medium.backend.read(at, &mut vec![0; len]).is_ok())
    }

    /// Why nothing may be written, when the file that is open is not the one under its name.
    fn displaced(&self) -> Option<String> {
        let name = self.site.name();
        match self.site.place() {
            Place::Kept => None,
            Place::Empty => Some(format!(
                "{name} was removed under the running server, and what it held can still be \
                 read: take a snapshot now, then restore it here, which makes the file anew"
            )),
            Place::Taken => Some(format!(
                "another file was put in the place of {name}, whose content is still served: put \
                 that one back; or take a snapshot, stop the server and restore it"
            )),
        }
    }

    fn must_be_in_place(&self) -> Result<(), StorageError> {
        self.displaced().map_or(Ok(()), |why| Err(StorageError::ReadOnly(why)))
    }

    fn want_of_space(&self) -> Option<String> {
        let (name, floor) = (self.site.name(), self.options.floor_bytes / MIB);
        let less = format!("less than {floor} MiB are free beside {name}");
        self.is_below_floor().then(|| format!("{less}: only deletes pass; free some space"))
    }

    fn is_below_floor(&self) -> bool {
        self.site.free_bytes().is_some_and(|free| free < self.options.floor_bytes)
    }
}

impl Storage for Redb {
    fn view(&self) -> Result<Box<dyn View>, StorageError> {
        let handle = self.handle()?;
        let view = match RedbView::new(Arc::clone(&handle)) {
            // The device failed: what there is was opened anew, or says why it was not.
            Err(_) if handle.is_suspect() => RedbView::new(self.handle()?)?,
            outcome => outcome?,
        };
        Ok(Box::new(view))
    }

    fn close(&self) {
        let ended = State::Closed(StorageError::Refused("the server has ended".to_owned()));
        if let State::Open(handle) = mem::replace(&mut *self.state_mut(), ended) {
            handle.close();
        }
    }

    fn written(&self) -> u64 {
        self.observers.written.get()
    }

    fn write(&self, urgency: Urgency, job: &mut Job<'_>) -> Result<(), StorageError> {
        let _writing = lock(&self.writing);
        if urgency == Urgency::Ordinary && self.is_below_floor() {
            return Err(StorageError::Full);
        }
        let handle = self.handle()?;
        if let Some(why) = &handle.read_only {
            return Err(StorageError::ReadOnly(why.clone()));
        }
        self.must_be_in_place()?;
        handle.gauge.allow_reserve(urgency == Urgency::Essential);
        let mut keys = lock(&self.noted).is_some().then(BTreeSet::new);
        let outcome = handle.transact(&self.in_doubt, &mut |to| match &mut keys {
            Some(keys) => job(&mut Noting { to, keys }),
            None => job(to),
        });
        match &outcome {
            Ok(()) => {
                handle.pins.expire(&handle, self.options.growth_bytes);
                let less_one = |left: u64| left.checked_sub(1);
                let _ =
                    self.until_look.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less_one);
            }
            // Whatever comes of it is the next one's to see; this one is told what happened.
            Err(_) => drop(self.handle()),
        }
        if let (Some(keys), Some(noted)) = (keys, &mut *lock(&self.noted)) {
            noted.add(keys);
        }
        outcome
    }

    fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        let _filling = lock(&self.filling);
        let _writing = lock(&self.writing);
        self.serve(self.build(job)?);
        Ok(())
    }

    fn condition(&self) -> Condition {
        let trouble = match self.state.try_read().as_deref() {
            Ok(State::Open(handle)) => handle.read_only.clone().or_else(|| handle.unreadable()),
            Ok(State::Closed(why)) => Some(why.to_string()),
            Err(_) => Some(format!("{} is being opened anew", self.site.name())),
        };
        Condition {
            file_bytes: self.site.data_bytes(),
            free_bytes: self.site.free_bytes(),
            trouble: trouble.or_else(|| self.displaced()).or_else(|| self.want_of_space()),
        }
    }

    fn tell(&self, to: &mut Readings) {
        self.condition().tell(to);
        let help = "Seconds that writes waited for a compaction.";
        to.summary("edgekeep.storage.compaction_seconds", help, self.meters.compactions.seconds());
        let help = "Bytes that were written to the store's file, compactions included.";
        to.counter("edgekeep.storage.written_bytes_total", help, self.observers.written.get());
        let help = "Times that the file was opened anew after its device had failed.";
        to.counter("edgekeep.storage.reopened_total", help, self.meters.reopened.get());
    }

    fn maintain(&self) -> Result<(), StorageError> {
        {
            let _writing = lock(&self.writing);
            let mut state = self.state_mut();
            let better = match &*state {
                State::Closed(_) => true,
                State::Open(handle) if handle.read_only.is_some() => self.can_be_written(),
                State::Open(handle) => self.can_be_read_again(handle),
            };
            if better {
                self.reopen(&mut state)?;
            }
        }
        if self.handle()?.read_only.is_some() {
            return Ok(());
        }
        self.must_be_in_place()?;
        let Options { floor_bytes, reserve_bytes, .. } = self.options;
        if self.site.free_bytes().is_some_and(|free| free >= floor_bytes + reserve_bytes) {
            self.site.fill_reserve()?;
        }
        self.compact_when_due()
    }
}

/// Whether reading may still go where `error` ended the opening.
fn is_of_the_device(error: &StorageError) -> bool {
    matches!(error, StorageError::Io(_) | StorageError::Full | StorageError::ReadOnly(_))
}

/// An error told once more.
fn again(error: &StorageError) -> StorageError {
    match error {
        StorageError::Full => StorageError::Full,
        StorageError::Expired => StorageError::Expired,
        StorageError::ReadOnly(what) => StorageError::ReadOnly(what.clone()),
        StorageError::Damaged(what) => StorageError::Damaged(what.clone()),
        StorageError::Refused(what) => StorageError::Refused(what.clone()),
        StorageError::Io(error) => io::Error::new(error.kind(), error.to_string()).into(),
        StorageError::Aborted(why) => StorageError::Aborted(why.to_string().into()),
    }
}
