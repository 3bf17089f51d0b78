//! The folder of a store on disk: who may read it, who has it open, what lies in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use rustix::fs::{Access, AtFlags, CWD, accessat, major, minor, statfs};

use super::StorageError;
use super::space::Space;
use crate::base::sync::{try_read, write};

const DATA: &str = "edgekeep.redb";
const NEXT: &str = "edgekeep.redb.next";
const RESERVE: &str = "edgekeep.reserve";

/// The remedy where a file is not ours to use.
const OWN: &str = "give it to the user that runs edgekeep";

/// A store's folder, held by this process alone while it lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Open and locked: a lock on a folder needs no file and works where nothing can be written.
    held: File,
    space: Space,
    /// The folders that were made for this one, itself first.
    made: Vec<PathBuf>,
    /// The data file that is served, once there is one. Held for writing while another takes its
    /// name.
    served: RwLock<Option<Identity>>,
}

/// A file, whatever it is called: its device and its inode.
type Identity = (u64, u64);

fn identity(meta: &fs::Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// What has the name of the data file that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// That file.
    Kept,
    /// Nothing: it was removed.
    Empty,
    /// Another file.
    Taken,
}

/// A data file, opened as well as it goes.
pub struct DataFile {
    /// The file.
    pub file: File,
    /// Why it can only be read, when that is so.
    pub read_only: Option<String>,
}

impl Folder {
    /// Opens the store's folder `path`, making it (0700) where it is absent, and removes what a
    /// crash in the middle of a replacement left. `reserve_bytes` of its file system are set
    /// aside by [`Space`].
    pub fn open(path: &Path, reserve_bytes: u64) -> Result<Self, StorageError> {
        let missing = |folder: &&Path| *folder != Path::new("") && !folder.exists();
        let made_folders: Vec<_> =
            path.ancestors().take_while(missing).map(Path::to_owned).collect();
        if !made_folders.is_empty() {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|error| not_made(path, &error))?;
            }
            let made = DirBuilder::new().mode(0o700).create(path);
            made.map_err(|error| not_made(path, &error))?;
            // Else a power cut may take a folder away with all that was acknowledged in it.
            for parent in made_folders.iter().filter_map(|folder| folder.parent()) {
                let parent = if parent == Path::new("") { Path::new(".") } else { parent };
                let synced = File::open(parent).and_then(|folder| folder.sync_all());
                synced.map_err(|error| cannot("sync", parent, &error))?;
            }
        }
        let held = File::open(path).map_err(|error| cannot("open", path, &error))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StorageError::Refused(format!(
                    "{} is in use by another edgekeep: stop that one first",
                    path.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(cannot("lock", path, &error)),
        }
        let space = space(path, reserve_bytes);
        let (path, served) = (path.to_owned(), RwLock::default());
        let mut folder = Self { path, held, space, made: Vec::new(), served };
        folder.discard_next();
        folder.made = made_folders;
        Ok(folder)
    }

    /// The path of the data file.
    pub fn data_path(&self) -> PathBuf {
        data_file(&self.path)
    }

    /// Room on the file system.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Opens the data file, where there is one; for reading alone where nothing can be written.
    pub fn open_data(&self) -> Result<Option<DataFile>, StorageError> {
        let path = self.data_path();
        if !is_there(&path)? {
            return Ok(None);
        }
        let (file, read_only) = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => (file, None),
            Err(why) if is_read_only(&why) => {
                let file = File::open(&path).map_err(|error| cannot("open", &path, &error))?;
                let remedy = match why.kind() {
                    io::ErrorKind::PermissionDenied => OWN,
                    _ => "look at the disk, then mount it for writing",
                };
                (file, Some(format!("{}: {why}: {remedy}", path.display())))
            }
            Err(error) => return Err(cannot("open", &path, &error)),
        };
        refuse_readable_by_others(&path, &file)?;
        let meta = file.metadata()?;
        if *write(&self.served).get_or_insert(identity(&meta)) != identity(&meta) {
            return Err(StorageError::Refused(format!(
                "another file was put in the place of {}: put the right one back, or start the \
                 server anew to serve that one",
                path.display()
            )));
        }
        refuse_empty(&path, &meta)?;
        Ok(Some(DataFile { file, read_only }))
    }

    /// Refuses a folder out of which the data file is gone: who misses a store is not helped by a
    /// new one, which would hide that.
    pub fn refuse_lost(&self) -> Result<(), StorageError> {
        refuse_lost(&self.path)
    }

    /// Makes an empty file that may take the data file's place.
    pub fn create_next(&self) -> io::Result<File> {
        let path = self.path.join(NEXT);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    /// Puts the file of `create_next`, whose content is synced, in the data file's place: after
    /// a crash at any point one of the two is there.
    pub fn promote_next(&self) -> io::Result<()> {
        let next = self.path.join(NEXT);
        let promoted = identity(&fs::metadata(&next)?);
        let mut served = write(&self.served);
        fs::rename(next, self.data_path())?;
        self.sync()?;
        *served = Some(promoted);
        Ok(())
    }

    /// Whether the data file that is served still has its name: what is written to one that has
    /// lost it is lost with the process.
    pub fn place(&self) -> Place {
        let Some(served) = try_read(&self.served).and_then(|served| *served) else {
            return Place::Kept;
        };
        match fs::metadata(self.data_path()) {
            Ok(meta) if identity(&meta) != served => Place::Taken,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Place::Empty,
            // Where nothing can be looked up the device has failed, which is met elsewhere.
            _ => Place::Kept,
        }
    }

    /// Removes the file of `create_next`, if there is one, and the folders that were made for a
    /// store that came to nothing.
    pub fn discard_next(&self) {
        // What cannot be removed is truncated when the next one is made.
        let _ = fs::remove_file(self.path.join(NEXT));
        for folder in &self.made {
            // Something lies in it: the store came to something.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Bytes that the data file takes on the disk.
    pub fn data_bytes(&self) -> u64 {
        fs::metadata(self.data_path()).map_or(0, |meta| meta.blocks() * 512)
    }

    fn sync(&self) -> io::Result<()> {
        self.held.sync_all()
    }
}

impl Drop for Folder {
    /// A child that another thread is starting has the lock, too, until it becomes its program: by
    /// that nobody is held up who opens the folder next.
    fn drop(&mut self) {
        let _ = self.held.unlock();
    }
}

/// The data file of the store in `path`.
pub fn data_file(path: &Path) -> PathBuf {
    path.join(DATA)
}

/// The room of the store in `path`, with a reserve of `reserve_bytes`.
pub fn space(path: &Path, reserve_bytes: u64) -> Space {
    Space::new(path, RESERVE, reserve_bytes)
}

/// The process that has the store in `path` open, as the kernel tells it (proc_locks(5)). Nothing
/// is locked to find that out, and a process of another container is not seen.
pub fn holder(path: &Path) -> Option<u32> {
    let meta = fs::metadata(path).ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let locks = locks.lines().filter_map(lock_of);
    let of_folder: Vec<_> = locks.filter(|lock| lock.inode == meta.ino()).collect();
    let device = (major(meta.dev()), minor(meta.dev()));
    // Some file systems go by another device here: then the program's name has to do.
    let by_device = of_folder.iter().find(|lock| lock.device == device);
    by_device.or_else(|| of_folder.iter().find(|lock| lock.is_ours())).map(|lock| lock.pid)
}

/// A lock that a process has.
struct Lock {
    pid: u32,
    device: (u32, u32),
    inode: u64,
}

impl Lock {
    fn is_ours(&self) -> bool {
        let name = fs::read_to_string(format!("/proc/{}/comm", self.pid));
        name.is_ok_and(|name| name == "edgekeep\n")
    }
}

/// Reads `1: FLOCK ADVISORY WRITE 7 fe:00:9 0 EOF`. One that is waited for has an arrow there.
fn lock_of(line: &str) -> Option<Lock> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, "FLOCK", _, _, pid, file, ..] = fields.as_slice() else { return None };
    let mut parts = file.split(':');
    let mut number = || u32::from_str_radix(parts.next()?, 16).ok();
    let device = (number()?, number()?);
    Some(Lock { pid: pid.parse().ok()?, device, inode: parts.next()?.parse().ok()? })
}

/// Whether a store could be opened in `path`, or made. Nothing is made or changed, and another
/// process may have it open.
pub fn check(path: &Path) -> Result<(), StorageError> {
    let data = path.join(DATA);
    let refused = match path.metadata() {
        Ok(there) if !there.is_dir() => io::ErrorKind::NotADirectory.into(),
        Ok(_) if is_there(&data)? => {
            let file = File::open(&data).map_err(|error| cannot("open", &data, &error))?;
            refuse_readable_by_others(&data, &file)?;
            return refuse_empty(&data, &file.metadata()?);
        }
        Ok(_) => match writable(path) {
            Ok(()) => return refuse_lost(path),
            Err(error) => error,
        },
        Err(error) if error.kind() != io::ErrorKind::NotFound => error,
        Err(_) => match writable(nearest(path)) {
            Ok(()) => return Ok(()),
            Err(error) => return Err(not_made(path, &error)),
        },
    };
    Err(cannot("open", path, &refused))
}

/// File systems that hold what the kernel tells, by statfs(2) and the kernel's linux/magic.h:
/// proc, sysfs, cgroup and cgroup2, devpts, debugfs, tracefs, securityfs, bpf, pstore, configfs,
/// efivarfs. Their folders are writable, and yet nothing is made there.
const TOLD: [i128; 12] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x1cd1,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x6165_676c,
    0x6265_6570,
    0xde5e_81e4,
];

/// Whether something can be made in a folder.
fn writable(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if statfs(folder).is_ok_and(|stat| TOLD.contains(&i128::from(stat.f_type))) {
        let what = format!("{} holds what the kernel tells, and no files", folder.display());
        return Err(io::Error::new(io::ErrorKind::Unsupported, what));
    }
    Ok(accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// What there is of a path that is not there whole.
fn nearest(path: &Path) -> &Path {
    let mut above = path.ancestors().filter(|above| *above != Path::new(""));
    above.find(|above| above.exists()).unwrap_or(Path::new("."))
}

/// Whether a data file is there. Refuses what has its name and is none: a device or a pipe may
/// never end or never begin, and a link to nothing tells of a store that lies elsewhere.
fn is_there(data: &Path) -> Result<bool, StorageError> {
    let shown = data.display();
    match fs::metadata(data) {
        Ok(meta) if meta.is_file() => Ok(true),
        Ok(_) => Err(StorageError::Refused(format!(
            "{shown} is no file, and a store is one: move it away, or name another folder"
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::read_link(data) {
            Ok(target) => Err(StorageError::Refused(format!(
                "{shown} is a link to {}, which is not there: is its disk mounted? To begin with \
                 an empty store, remove the link",
                target.display()
            ))),
            Err(_) => Ok(false),
        },
        Err(error) => Err(cannot("open", data, &error)),
    }
}

/// The reserve is made when there is a store, and goes with it when that is meant.
fn refuse_lost(folder: &Path) -> Result<(), StorageError> {
    let reserve = folder.join(RESERVE);
    if !reserve.exists() || is_there(&folder.join(DATA))? {
        return Ok(());
    }
    Err(StorageError::Refused(format!(
        "there was a store in {}, and {DATA} is gone: put it back, or restore a snapshot by \
         edgekeep operator raft snapshot restore -into. To begin with an empty store, remove {}",
        folder.display(),
        reserve.display()
    )))
}

fn refuse_readable_by_others(path: &Path, file: &File) -> Result<(), StorageError> {
    let mode = file.metadata()?.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let (path, mode) = (path.display(), mode & 0o777);
    Err(StorageError::Refused(format!(
        "{path} is open to other users (mode {mode:04o}): find out who could read it, then run \
         chmod 600 {path}"
    )))
}

/// A new store's file gets its name only when it is whole: an empty one was emptied.
fn refuse_empty(path: &Path, meta: &fs::Metadata) -> Result<(), StorageError> {
    if meta.len() > 0 {
        return Ok(());
    }
    Err(StorageError::Damaged(format!(
        "{}: it is empty. Move the file away and restore the newest snapshot",
        path.display()
    )))
}

/// Whether `error` says that here nothing can be written.
fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> StorageError {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => OWN,
        io::ErrorKind::NotADirectory => "the path of the storage is a folder",
        io::ErrorKind::Unsupported => "name a folder on a disk",
        _ => "look at the disk",
    };
    StorageError::Refused(format!("cannot {what} {}: {error}: {remedy}", path.display()))
}

/// Why a folder was not made: what is above it tells who may.
fn not_made(path: &Path, error: &io::Error) -> StorageError {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return cannot("create", path, error);
    }
    StorageError::Refused(format!(
        "cannot create {}: {error}: let the user that runs edgekeep write to {}",
        path.display(),
        nearest(path).display()
    ))
}
