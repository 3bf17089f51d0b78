//! What redb takes for its disk: a file of ours, watched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Debug};
use std::io;
use std::ops::ControlFlow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::base::meter::Counter;
use crate::base::sync::lock;
use crate::storage::StorageError;
use crate::storage::folder::{DataFile, Folder, Place};

/// Where a store's file lies, and what lies around it.
pub trait Site: Debug + Send + Sync + 'static {
    /// Opens the store's file, where there is one. With `distrust`, what the system remembers of
    /// it is not believed: the device failed, and may hold something else.
    fn open(&self, distrust: bool) -> Result<Option<Medium>, StorageError>;

    /// Makes an empty file that may take the other's place.
    fn create_next(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// Puts the file of `create_next`, whose content is synced, in the place of the store's file:
    /// after a crash at any point one of the two is there.
    fn promote_next(&self) -> io::Result<()>;

    /// Removes the file of `create_next`, and what was made to hold it.
    fn discard_next(&self);

    /// Whether the store's file that was opened last, or promoted, still has its name.
    fn place(&self) -> Place;

    /// Bytes that the store's file takes on the disk.
    fn data_bytes(&self) -> u64;

    /// Bytes free on its file system, without the reserve.
    fn free_bytes(&self) -> Option<u64>;

    /// Makes the reserve where it is not there.
    fn fill_reserve(&self) -> io::Result<()>;

    /// Gives the reserve up. Whether that made room.
    fn spend_reserve(&self) -> bool;

    /// What an operator calls the store's file.
    fn name(&self) -> String;
}

/// An opened file.
#[derive(Debug)]
pub struct Medium {
    /// Its bytes.
    pub backend: Box<dyn StorageBackend>,
    /// Why it can only be read, when that is so.
    pub read_only: Option<String>,
}

impl Site for Folder {
    fn open(&self, distrust: bool) -> Result<Option<Medium>, StorageError> {
        let Some(DataFile { file, read_only }) = self.open_data()? else { return Ok(None) };
        if distrust {
            // After a failed sync Linux takes pages for clean that never reached the device.
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
                .map_err(io::Error::from)?;
        }
        Ok(Some(Medium { backend: backend(file)?, read_only }))
    }

    fn create_next(&self) -> io::Result<Box<dyn StorageBackend>> {
        backend(Folder::create_next(self)?)
    }

    fn promote_next(&self) -> io::Result<()> {
        Folder::promote_next(self)
    }

    fn discard_next(&self) {
        Folder::discard_next(self);
    }

    fn place(&self) -> Place {
        Folder::place(self)
    }

    fn data_bytes(&self) -> u64 {
        Folder::data_bytes(self)
    }

    fn free_bytes(&self) -> Option<u64> {
        self.space().free_bytes()
    }

    fn fill_reserve(&self) -> io::Result<()> {
        self.space().fill_reserve()
    }

    fn spend_reserve(&self) -> bool {
        self.space().spend_reserve()
    }

    fn name(&self) -> String {
        self.data_path().display().to_string()
    }
}

/// The bytes of a file.
pub fn backend(file: std::fs::File) -> io::Result<Box<dyn StorageBackend>> {
    let backend = FileBackend::new(file).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Box::new(backend))
}

/// How far a repair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// Bytes read so far. A repair reads the file once or twice.
    pub read: u64,
    /// Bytes of the file.
    pub size: u64,
}

/// Told of a repair at its start and every few megabytes; whether it goes on. One that is given up
/// leaves the file as it was.
pub type Progress = Arc<dyn Fn(Repair) -> ControlFlow<()> + Send + Sync>;

/// Who is told of what redb does with its disk.
#[derive(Clone)]
pub struct Observers {
    /// Of a repair.
    pub progress: Progress,
    /// Of bytes that are written.
    pub written: Arc<Counter>,
}

/// How often: every this many bytes.
const PROGRESS_STEP: u64 = 8 << 20;

/// What is seen of a file while redb works on it.
pub struct Gauge {
    /// Where the last written byte lies: the file without its empty tail.
    extent: AtomicU64,
    read: AtomicU64,
    /// Whether a full disk is met by giving up the reserve.
    reserve_allowed: AtomicBool,
    repairing: AtomicBool,
    given_up: AtomicBool,
    observers: Observers,
    /// What could not be read, by place and length; `None` while the file is being opened.
    unreadable: Mutex<Option<BTreeMap<u64, usize>>>,
    headers: Mutex<Headers>,
}

/// The first bytes of the file, which name its newest commit. redb writes a commit's pages where
/// nothing lies that the commit before it needs, then these bytes, then syncs.
#[derive(Default)]
struct Headers {
    /// As they are on the disk for certain.
    synced: Header,
    /// As they were written since, which may be there or not.
    written: Option<Header>,
}

/// A header of redb's file.
pub type Header = Vec<u8>;

/// What became of a commit that failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the disk: redb failed only after that.
    Durable,
    /// It may be on the disk or not.
    Doubtful,
    /// Nothing of it is there.
    Undone,
}

impl Gauge {
    /// Nothing seen yet; the observers are told what is.
    pub fn new(observers: Observers) -> Self {
        Self {
            extent: AtomicU64::new(0),
            read: AtomicU64::new(0),
            reserve_allowed: AtomicBool::new(false),
            repairing: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            observers,
            unreadable: Mutex::new(None),
            headers: Mutex::default(),
        }
    }

    /// The header as it is on the disk for certain.
    pub fn header(&self) -> Header {
        lock(&self.headers).synced.clone()
    }

    /// What became of a commit that began when the header was `before`, and failed.
    pub fn fate(&self, before: &Header) -> Fate {
        let headers = lock(&self.headers);
        match headers.written {
            _ if headers.synced != *before => Fate::Durable,
            Some(_) => Fate::Doubtful,
            None => Fate::Undone,
        }
    }

    /// The file was opened: from now on a place that cannot be read is lost for itself alone.
    pub fn opened(&self) {
        self.repairing(false);
        *lock(&self.unreadable) = Some(BTreeMap::new());
    }

    /// Places that could not be read, with their lengths.
    pub fn unreadable(&self) -> Vec<(u64, usize)> {
        lock(&self.unreadable).iter().flatten().map(|(at, len)| (*at, *len)).collect()
    }

    /// Whether the failure to read this place is borne; a repair must not bear it, for it would
    /// take the newest commit for a torn one.
    fn bears(&self, offset: u64, len: usize) -> bool {
        match &mut *lock(&self.unreadable) {
            Some(places) => {
                places.insert(offset, len);
                true
            }
            None => false,
        }
    }

    /// Bytes up to the end of what was ever written.
    pub fn extent(&self) -> u64 {
        self.extent.load(Ordering::Relaxed)
    }

    /// From now on a full disk is met, or is not, by giving up the reserve.
    pub fn allow_reserve(&self, allowed: bool) {
        self.reserve_allowed.store(allowed, Ordering::Relaxed);
    }

    /// From now on what is read is for a repair, or is not.
    pub fn repairing(&self, repairing: bool) {
        if self.repairing.swap(repairing, Ordering::Relaxed) != repairing && repairing {
            self.read.store(0, Ordering::Relaxed);
            self.tell(0);
        }
    }

    fn tell(&self, read: u64) {
        if (self.observers.progress)(Repair { read, size: self.extent() }).is_break() {
            self.given_up.store(true, Ordering::Relaxed);
        }
    }

    /// Noted before it is tried: what fails may have been done all the same.
    fn writes_header(&self, header: &[u8]) {
        lock(&self.headers).written = Some(header.to_vec());
    }

    fn synced(&self) {
        let mut headers = lock(&self.headers);
        if let Some(written) = headers.written.take() {
            headers.synced = written;
        }
    }

    fn reads(&self, len: usize) -> io::Result<()> {
        if self.repairing.load(Ordering::Relaxed) {
            let before = self.read.fetch_add(len as u64, Ordering::Relaxed);
            let read = before + len as u64;
            if before / PROGRESS_STEP != read / PROGRESS_STEP {
                self.tell(read);
            }
            if self.given_up.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("extent", &self.extent).finish_non_exhaustive()
    }
}

/// What redb is given for a page that cannot be read. It is the first byte of no page of redb's, so
/// that whoever needs this one is told that it is damaged; an error would end all reading at once,
/// and a repair would fail at the same place.
const NO_PAGE: u8 = 0xff;

/// Whether `error` may concern one place of a device and not all of it. A file that ends before a
/// page of it is another matter: it was cut.
fn is_of_the_place(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::UnexpectedEof
}

/// A file as redb sees it. It takes no locks: [`Folder`] holds one for all of it.
#[derive(Debug)]
pub struct Device {
    backend: Box<dyn StorageBackend>,
    site: Arc<dyn Site>,
    gauge: Arc<Gauge>,
    /// On a file that cannot be written, all writes: redb must repair it in order to read it.
    overlay: Option<Mutex<Overlay>>,
}

impl Device {
    /// Watches `medium`, which lies at `site`, by `gauge`.
    pub fn new(medium: Medium, site: Arc<dyn Site>, gauge: Arc<Gauge>) -> io::Result<Self> {
        let len = medium.backend.len()?;
        gauge.extent.store(len, Ordering::Relaxed);
        let overlay = medium.read_only.map(|_| Mutex::new(Overlay { len, pages: BTreeMap::new() }));
        Ok(Self { backend: medium.backend, site, gauge, overlay })
    }

    /// Makes the commit of which `header` was the header the newest one again.
    pub fn go_back(&self, header: &Header) -> io::Result<()> {
        self.write(0, header)?;
        self.sync_data()
    }

    fn with_reserve<T>(&self, action: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match action() {
            Err(error)
                if error.kind() == io::ErrorKind::StorageFull
                    && self.gauge.reserve_allowed.load(Ordering::Relaxed)
                    && self.site.spend_reserve() =>
            {
                action()
            }
            outcome => outcome,
        }
    }
}

impl StorageBackend for Device {
    fn len(&self) -> io::Result<u64> {
        match &self.overlay {
            Some(overlay) => Ok(lock(overlay).len),
            None => self.backend.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.gauge.reads(out.len())?;
        let outcome = match &self.overlay {
            Some(overlay) => lock(overlay).read(&*self.backend, offset, out),
            None => self.backend.read(offset, out),
        };
        match outcome {
            Err(error) if is_of_the_place(&error) && self.gauge.bears(offset, out.len()) => {
                out.fill(NO_PAGE);
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.gauge.extent.fetch_min(len, Ordering::Relaxed);
        match &self.overlay {
            Some(overlay) => {
                lock(overlay).len = len;
                Ok(())
            }
            None => self.with_reserve(|| self.backend.set_len(len)),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.overlay.is_none() {
            self.backend.sync_data()?;
        }
        self.gauge.synced();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.gauge.extent.fetch_max(offset + data.len() as u64, Ordering::Relaxed);
        if offset == 0 {
            self.gauge.writes_header(data);
        }
        if let Some(overlay) = &self.overlay {
            return lock(overlay).write(&*self.backend, offset, data);
        }
        self.with_reserve(|| self.backend.write(offset, data))?;
        self.gauge.observers.written.add(data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }
}

/// The bytes of a page.
const PAGE: usize = 4096;

/// A repair of a file that cannot be written stays in memory: it touches the header and little
/// else. Beyond this many pages it fails.
const MOST_PAGES: usize = 4096;

/// Pages that lie over those of a file.
#[derive(Debug)]
struct Overlay {
    len: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    fn read(&self, below: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset + out.len() as u64 > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (page, start, piece) in pieces(offset, out.len()) {
            let out = &mut out[piece];
            match self.pages.get(&page) {
                Some(bytes) => out.copy_from_slice(&bytes[start..start + out.len()]),
                None => below_or_zero(below, page * PAGE as u64 + start as u64, out)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, below: &dyn StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        self.len = self.len.max(offset + data.len() as u64);
        for (page, start, piece) in pieces(offset, data.len()) {
            if self.pages.len() == MOST_PAGES && !self.pages.contains_key(&page) {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            let bytes = match self.pages.entry(page) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let mut bytes = vec![0; PAGE];
                    below_or_zero(below, page * PAGE as u64, &mut bytes)?;
                    entry.insert(bytes.into())
                }
            };
            let data = &data[piece];
            bytes[start..start + data.len()].copy_from_slice(data);
        }
        Ok(())
    }
}

/// Cuts `len` bytes at `offset` into pages: the page, where in it, and where in the bytes.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let page = offset / PAGE as u64;
    let first = (offset % PAGE as u64) as usize;
    let count = (first + len).div_ceil(PAGE);
    (0..count).map(move |n| {
        let from = (n * PAGE).saturating_sub(first);
        let to = len.min((n + 1) * PAGE - first);
        (page + n as u64, if n == 0 { first } else { 0 }, from..to)
    })
}

/// Reads from a file as if zeros followed it.
fn below_or_zero(below: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
    let there = below.len()?.saturating_sub(offset).min(out.len() as u64) as usize;
    let (head, tail) = out.split_at_mut(there);
    tail.fill(0);
    if head.is_empty() { Ok(()) } else { below.read(offset, head) }
}
