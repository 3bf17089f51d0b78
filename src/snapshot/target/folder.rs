//! A folder that is there: on another disk, a network's file system, a stick.
//!
//! An object is written beside its name, synced, renamed, and its folder synced. The folder that
//! was configured is never made, as it would be made on the wrong disk while the right one is not
//! mounted; those below it are. Where a disk is mounted there often is a folder without it, too:
//! one that a server writes to has a mark in it, and is away while that is not there.
//!
//! Nothing is followed out of the folder: a link below it counts as nothing. Nothing depends on a
//! file's times, which FAT keeps to two seconds and a board without a clock not at all; nor on the
//! case of names, which FAT does not tell apart. How long a call may take is up to the kernel: a
//! hard NFS mount waits without end.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Access, Advice, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::exactly::Exactly;
use super::{Listed, MOST_LISTED, Name, Target, TargetError};
use crate::base::sync::lock;

/// How FAT calls itself (statfs(2)), whatever the length of its entries.
const FAT: i128 = 0x4d44;
/// No file on it is longer.
const FAT_MOST: u64 = u32::MAX as u64;

/// A file is synced each time that it has grown by so much: while a slow disk has more than it can
/// write, Linux lets those wait who write to others.
const STEP: u64 = 8 << 20;

/// What has no name yet is called `.edgekeep-PROCESS-NUMBER.partial`: no [`Name`] begins so.
const PARTIAL: (&str, &str) = (".edgekeep-", ".partial");

/// The mark: in a folder that a server writes to, and in no [`Name`].
pub const MARK: &str = ".edgekeep-target";
/// What stands in it, for people.
const MARKED: &str = "Edgekeep keeps snapshots in this folder, and knows it by this file.\n\
                      Without it nothing is written here: the disk may not be mounted.\n\
                      To make it anew: edgekeep snapshot adopt NAME\n";

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);
/// A link is not followed, and a pipe not waited for.
const BELOW: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A folder as a [`Target`].
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Whether it is itself only with its mark in it.
    marked: Option<String>,
    /// The folders in which nothing is left of attempts that failed.
    swept: Mutex<BTreeSet<String>>,
    attempts: AtomicU64,
}

impl Folder {
    /// What lies in `path`. Nothing is looked at yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let (swept, attempts) = (Mutex::default(), AtomicU64::default());
        Self { path: path.into(), marked: None, swept, attempts }
    }

    /// The same as a target of that name, which is away while its mark is not there: see
    /// [`Target::mark`].
    pub fn marked(path: impl Into<PathBuf>, name: &str) -> Self {
        Self { marked: Some(name.to_owned()), ..Self::new(path) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for one call. It is not held longer, so that it can be unmounted.
    fn open(&self) -> Result<OwnedFd, TargetError> {
        let root = self.open_any()?;
        let Some(name) = &self.marked else { return Ok(root) };
        match rustix::fs::statat(&root, MARK, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(root),
            Err(Errno::NOENT) => Err(TargetError::Away(format!(
                "{} is not the place that it was, as {MARK} is not in it: mount the disk that it \
                 is on, or take this place with `edgekeep snapshot adopt {name}`",
                self.path.display()
            ))),
            Err(error) => Err(self.because(&root, MARK, &error.into())),
        }
    }

    /// The same, whether or not it has its mark.
    fn open_any(&self) -> Result<OwnedFd, TargetError> {
        rustix::fs::open(&self.path, FOLDER, Mode::empty()).map_err(|error| {
            let place = self.path.display();
            match error {
                Errno::NOENT => TargetError::Away(format!(
                    "{place} is not there: make it, or mount the disk that it is on"
                )),
                Errno::NOTDIR => TargetError::Failed(format!("{place} is no folder")),
                error => trouble(&place.to_string(), &error.into()),
            }
        })
    }

    /// Refuses what cannot fit, before the place is filled up with the start of it.
    fn must_have_room(&self, root: &OwnedFd, length: u64) -> Result<(), TargetError> {
        let (Ok(kind), Ok(disk)) = (rustix::fs::fstatfs(root), rustix::fs::fstatvfs(root)) else {
            return Ok(());
        };
        let place = self.path.display();
        if i128::from(kind.f_type) == FAT && length > FAT_MOST {
            return Err(TargetError::Full(format!(
                "{place} is on a FAT file system, which holds no file of 4 GiB or more, and this \
                 one has {length} bytes: format it with exFAT or ext4"
            )));
        }
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if disk.f_blocks > 0 && free < length {
            return Err(TargetError::Full(format!(
                "{place} has {free} bytes free, and {length} are needed: make room there, or keep \
                 fewer snapshots"
            )));
        }
        Ok(())
    }

    fn put_whole(&self, root: &OwnedFd, name: &Name, mut content: impl Read) -> io::Result<()> {
        let folder = descend(root, name.folder(), true)?;
        self.sweep(name.folder(), &folder)?;
        let mut file = self.partial(&folder)?;
        let mut writer = BufWriter::with_capacity(64 << 10, &file.file);
        while io::copy(&mut content.by_ref().take(STEP), &mut writer)? == STEP {
            writer.flush()?;
            file.file.sync_data()?;
            drop_cached(&file.file);
        }
        writer.flush()?;
        drop(writer);
        file.finish(name.base())
    }

    /// A new file that is being written.
    fn partial<'a>(&self, folder: &'a OwnedFd) -> io::Result<Partial<'a>> {
        let flags = BELOW | OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        loop {
            let number = self.attempts.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}{}-{number}{}", PARTIAL.0, std::process::id(), PARTIAL.1);
            let file = match rustix::fs::openat(folder, &name, flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => continue,
                outcome => File::from(outcome?),
            };
            let partial = Partial { folder: folder.as_fd(), name, file, named: false };
            // Between the two lines above another process may have taken it for what was left.
            match partial.file.try_lock() {
                Err(TryLockError::WouldBlock) => continue,
                Ok(()) if partial.file.metadata()?.nlink() == 0 => continue,
                _ => return Ok(partial),
            }
        }
    }

    /// Removes what failed attempts left in a folder, unless that was done. What is locked is
    /// being written, by this process or by another one that shares the folder.
    fn sweep(&self, below: &str, folder: &OwnedFd) -> io::Result<()> {
        if lock(&self.swept).contains(below) {
            return Ok(());
        }
        let mut clean = true;
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if !name.starts_with(PARTIAL.0.as_bytes()) || !name.ends_with(PARTIAL.1.as_bytes()) {
                continue;
            }
            let left = rustix::fs::openat(folder, name, BELOW | OFlags::WRONLY, Mode::empty());
            let unused = left.map(File::from).is_ok_and(|file| file.try_lock().is_ok());
            clean &= unused && rustix::fs::unlinkat(folder, name, AtFlags::empty()).is_ok();
        }
        if clean {
            lock(&self.swept).insert(below.to_owned());
        }
        Ok(())
    }

    /// What an error met after the folder was opened means.
    fn because(&self, root: &OwnedFd, name: &str, error: &io::Error) -> TargetError {
        let place = self.path.join(name).display().to_string();
        if self.is_gone(root) {
            return TargetError::Away(format!(
                "{place}: {error}: {} went away",
                self.path.display()
            ));
        }
        trouble(&place, error)
    }

    /// Whether what was opened is no longer what stands there, or its device was pulled.
    fn is_gone(&self, root: &OwnedFd) -> bool {
        let (Ok(opened), Ok(there)) = (rustix::fs::fstat(root), rustix::fs::stat(&self.path))
        else {
            return true;
        };
        (opened.st_dev, opened.st_ino) != (there.st_dev, there.st_ino) || was_pulled(opened.st_dev)
    }

    fn walk(&self, folder: &OwnedFd, below: &str, walked: &mut Walked) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            walked.seen += 1;
            if walked.seen > MOST_LISTED {
                return Err(io::Error::other("there is more than can be listed"));
            }
            let base = entry.file_name();
            let Ok(text) = base.to_str() else { continue };
            let path = if below.is_empty() { text.into() } else { format!("{below}/{text}") };
            // What is no name is somebody else's.
            let Some(name) = Name::parse(path) else { continue };
            let stat = match rustix::fs::statat(folder, base, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                outcome => outcome?,
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => {
                    walked.found.push(Listed { name, length: stat.st_size.cast_unsigned() });
                }
                FileType::Directory => match descend(folder, text, false) {
                    Err(error) if leads_nowhere(&error) => {}
                    inner => self.walk(&inner?, name.as_str(), walked)?,
                },
                _ => {}
            }
        }
        Ok(())
    }
}

impl Target for Folder {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        let root = self.open()?;
        self.must_have_room(&root, length)?;
        let mut content = Exactly::new(content, length);
        let Err(error) = self.put_whole(&root, name, &mut content) else { return Ok(()) };
        // It may not have been possible to remove what there is of it.
        lock(&self.swept).remove(name.folder());
        if let Some(failure) = content.into_failure() {
            return Err(TargetError::Source(failure));
        }
        if matches!(Errno::from_io_error(&error), Some(Errno::NOTDIR | Errno::LOOP)) {
            let place = self.url(name);
            let what = format!("{place}: a link, or a file, is in the way: move it away");
            return Err(TargetError::Failed(what));
        }
        Err(match self.because(&root, name.as_str(), &error) {
            TargetError::Absent(what) => TargetError::Failed(what),
            cause => cause,
        })
    }

    fn must_fit(&self, length: u64) -> Result<(), TargetError> {
        self.must_have_room(&self.open()?, length)
    }

    /// The pages of the file in the system's cache are dropped first. They are clean, since `put`
    /// synced them, so what is read comes from the device; a cache inside of that may still answer.
    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let root = self.open()?;
        let because = |error: io::Error| self.because(&root, name.as_str(), &error);
        let absent = || TargetError::Absent(format!("{} is not there", self.url(name)));
        let opened = descend(&root, name.folder(), false).and_then(|folder| {
            let file = rustix::fs::openat(&folder, name.base(), BELOW, Mode::empty())?;
            Ok(File::from(file))
        });
        let file = match opened {
            Err(error) if leads_nowhere(&error) => return Err(absent()),
            outcome => outcome.map_err(because)?,
        };
        let meta = file.metadata().map_err(because)?;
        if !meta.is_file() {
            return Err(absent());
        }
        drop_cached(&file);
        Ok(Box::new(Exactly::new(file, meta.len())))
    }

    fn is_closed(&self, name: &Name) -> bool {
        let Ok(root) = self.open() else { return false };
        let Ok(folder) = descend(&root, name.folder(), false) else { return false };
        let may = rustix::fs::accessat(folder, name.base(), Access::READ_OK, AtFlags::empty());
        may == Err(Errno::ACCESS)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let root = self.open()?;
        let under = under.trim_end_matches('/');
        if !under.is_empty() && Name::parse(under).is_none() {
            return Ok(Vec::new());
        }
        let mut walked = Walked::default();
        let outcome =
            descend(&root, under, false).and_then(|folder| self.walk(&folder, under, &mut walked));
        match outcome {
            Err(error) if leads_nowhere(&error) && !self.is_gone(&root) => {}
            outcome => outcome.map_err(|error| self.because(&root, under, &error))?,
        }
        walked.found.sort_unstable();
        Ok(walked.found)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        let root = self.open()?;
        let removed = descend(&root, name.folder(), false).and_then(|folder| {
            rustix::fs::unlinkat(&folder, name.base(), AtFlags::empty())?;
            sync_folder(folder.as_fd())
        });
        match removed {
            Err(error) if leads_nowhere(&error) || error.kind() == ErrorKind::IsADirectory => {
                Ok(())
            }
            outcome => outcome.map_err(|error| self.because(&root, name.as_str(), &error)),
        }
    }

    fn mark(&self) -> Result<(), TargetError> {
        let root = self.open_any()?;
        let flags = BELOW | OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        let made = match rustix::fs::openat(&root, MARK, flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::EXIST) => return Ok(()),
            made => made.map(File::from).map_err(io::Error::from),
        };
        let written = made.and_then(|mut file| {
            file.write_all(MARKED.as_bytes())?;
            file.sync_all()?;
            sync_folder(root.as_fd())
        });
        written.map_err(|error| self.because(&root, MARK, &error))
    }

    fn url(&self, name: &Name) -> String {
        self.path.join(name.as_str()).display().to_string()
    }
}

/// A listing on its way.
#[derive(Default)]
struct Walked {
    found: Vec<Listed>,
    /// All that was seen, also what is somebody else's.
    seen: usize,
}

/// A file that has not got its name yet. Dropped before that, it is gone.
struct Partial<'a> {
    folder: BorrowedFd<'a>,
    name: String,
    file: File,
    named: bool,
}

impl Partial<'_> {
    fn finish(&mut self, base: &str) -> io::Result<()> {
        self.file.sync_all()?;
        drop_cached(&self.file);
        rustix::fs::renameat(self.folder, &self.name, self.folder, base)?;
        self.named = true;
        sync_folder(self.folder)
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.named {
            let _ = rustix::fs::unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// Opens what lies below `folder` step by step, no step through a link.
fn descend(folder: &OwnedFd, below: &str, make: bool) -> io::Result<OwnedFd> {
    let mut at = folder.try_clone()?;
    for part in below.split('/').filter(|part| !part.is_empty()) {
        let inner = match rustix::fs::openat(&at, part, FOLDER | BELOW, Mode::empty()) {
            Err(Errno::NOENT) if make => {
                match rustix::fs::mkdirat(&at, part, Mode::RWXU) {
                    // Another put made it.
                    Ok(()) | Err(Errno::EXIST) => sync_folder(at.as_fd())?,
                    Err(error) => return Err(error.into()),
                }
                rustix::fs::openat(&at, part, FOLDER | BELOW, Mode::empty())?
            }
            outcome => outcome?,
        };
        at = inner;
    }
    Ok(at)
}

/// Whether a path ends before its end: something is absent, a link, or a file on the way.
fn leads_nowhere(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    matches!(error, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}

/// Makes names durable. Some file systems cannot be asked to, and do it by themselves.
fn sync_folder(folder: BorrowedFd<'_>) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL) => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// A hint: where it is not taken, reading proves less.
fn drop_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
}

/// Whether a disk is no longer there, though it is still mounted.
fn was_pulled(device: u64) -> bool {
    let disks = Path::new("/sys/dev/block");
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    // What has no disk has none to lose: a network's file system, one in memory.
    major != 0 && disks.is_dir() && !disks.join(format!("{major}:{minor}")).exists()
}

/// An error of the file system, with what to do.
fn trouble(place: &str, error: &io::Error) -> TargetError {
    let away = [Errno::NODEV, Errno::NXIO, Errno::NOTCONN, Errno::STALE, Errno::HOSTDOWN];
    if Errno::from_io_error(error).is_some_and(|error| away.contains(&error)) {
        return TargetError::Away(format!("{place}: {error}: look whether it is still connected"));
    }
    match TargetError::of_file(place, error) {
        TargetError::Full(what) => TargetError::Full(format!("{what}: make room there")),
        TargetError::ReadOnly(what) => {
            TargetError::ReadOnly(format!("{what}: mount it for writing; a failing disk is not"))
        }
        TargetError::Denied(what) => {
            TargetError::Denied(format!("{what}: give it to the user that runs edgekeep"))
        }
        TargetError::Failed(what) => TargetError::Failed(format!("{what}: look at the disk")),
        other => other,
    }
}
