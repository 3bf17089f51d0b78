//! Keeping a snapshot as a file: checked as it arrives, complete or absent under its name.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::SnapshotError;
use super::format::archive;
use super::inspect::{Inspected, inspect};
use super::link::{folder_of, follow};
use super::take::Taken;

/// What was kept.
#[derive(Debug)]
pub struct Saved {
    /// The length of the file, in bytes.
    pub length: u64,
    /// What a snapshot of Edgekeep's holds; `None` of another program's, which is as it came.
    pub checked: Option<Inspected>,
}

/// Writes what `stream` gives to a file called `name` (0600), in place of one that is there; where
/// that is a link, in place of what it leads to. The name is taken only by a whole snapshot that
/// is on the disk; whatever happens before leaves what stood there.
pub fn save(stream: impl Read, name: &Path) -> Result<Saved, SnapshotError> {
    let mut file = Unfinished::create(&follow(name)?)?;
    let checked = Some(inspect(Tee { from: stream, to: &mut file.file })?);
    Ok(Saved { length: file.finish()?, checked })
}

/// The same of whichever server: a snapshot of another program's cannot be checked here. Only a
/// stream whose `length` nobody has told may be one: Edgekeep tells it, Vault and OpenBao do not.
pub fn save_any(
    mut stream: impl Read,
    length: Option<u64>,
    name: &Path,
) -> Result<Saved, SnapshotError> {
    let mut start = Vec::with_capacity(archive::START);
    stream.by_ref().take(archive::START as u64).read_to_end(&mut start)?;
    let foreign = length.is_none() && archive::is_foreign(&start);
    let mut stream = start.as_slice().chain(stream);
    if !foreign {
        return save(stream, name);
    }
    let mut file = Unfinished::create(&follow(name)?)?;
    io::copy(&mut stream, &mut file.file)?;
    Ok(Saved { length: file.finish()?, checked: None })
}

/// Writes a snapshot that was taken to a file called `name`, as [`save`] does with one that
/// arrives: the name is taken once the file was read back and is whole.
pub fn keep(taken: &Taken, name: &Path) -> Result<(), SnapshotError> {
    let file = Unfinished::create(&follow(name)?)?;
    let mut to = BufWriter::with_capacity(256 << 10, &file.file);
    taken.write_to(&mut to)?;
    to.flush()?;
    file.file.sync_all()?;
    inspect(BufReader::with_capacity(256 << 10, File::open(&file.temporary)?))?;
    file.finish()?;
    Ok(())
}

/// A file that has not got its name yet. Dropped, it is gone.
struct Unfinished {
    file: File,
    folder: PathBuf,
    temporary: PathBuf,
    name: PathBuf,
}

impl Unfinished {
    fn create(name: &Path) -> io::Result<Self> {
        let unusable = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let base = name.file_name().ok_or_else(|| unusable("that is no name for a file"))?;
        if name.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(unusable("something that is no file has that name"));
        }
        let folder = folder_of(name).to_owned();
        // Beside the name, for a rename moves nothing between file systems. Always the same, so
        // that what a power cut left is used up by the next save.
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(base);
        temporary.push(".partial");
        let temporary = folder.join(temporary);
        let busy = || {
            let text = "another save to that name is under way";
            io::Error::new(io::ErrorKind::ResourceBusy, text)
        };
        let file = open_own(&temporary)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever held the lock may have given the file its final name since it was opened here.
        if !is_called(&file, &temporary)? {
            return Err(busy());
        }
        file.set_len(0)?;
        Ok(Self { file, folder, temporary, name: name.to_owned() })
    }

    /// Gives the file its name; its length.
    fn finish(&self) -> io::Result<u64> {
        self.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.name)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(self.file.metadata()?.len())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename another save's file may have that name.
        if is_called(&self.file, &self.temporary).unwrap_or(false) {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Whether `file` is what has that name.
fn is_called(file: &File, name: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match name.symlink_metadata() {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens or makes a file that nobody else can have put there: in a folder of many, a link would
/// let it overwrite another file of ours.
fn open_own(name: &Path) -> io::Result<File> {
    // A pipe is not waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let refused = || {
        let text = format!("{} is a link, no file, or of another user: remove it", name.display());
        io::Error::new(io::ErrorKind::AlreadyExists, text)
    };
    if name.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(refused());
    }
    let file = options.open(name)?;
    let opened = file.metadata()?;
    let ours = opened.uid() == rustix::process::geteuid().as_raw();
    if !opened.is_file() || opened.nlink() != 1 || !ours {
        return Err(refused());
    }
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Writes down what is read.
pub(super) struct Tee<'a, R, W> {
    /// What is read.
    pub from: R,
    /// Where it is written.
    pub to: &'a mut W,
}

impl<R: Read, W: Write> Read for Tee<'_, R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.to.write_all(&buffer[..read])?;
        Ok(read)
    }
}
