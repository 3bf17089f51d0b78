//! Entries in a file: each whole, in one piece, behind all that came before it.
//!
//! The file that was opened is written to, wherever it is moved, until it is opened anew: on
//! SIGHUP, or after it failed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::OFlags;

use super::durable::Durable;
use crate::base::sync::lock;

/// A file, opened when it is first written to.
pub struct File {
    path: PathBuf,
    mode: Option<u32>,
    open: Mutex<Open>,
    /// Where each entry is to be on the disk.
    durable: Option<Durable>,
}

#[derive(Default)]
struct Open {
    file: Option<Arc<std::fs::File>>,
    /// Entries written since the start.
    written: u64,
    /// Whether the last one was cut short, and could not be taken back.
    torn: bool,
}

impl File {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf, mode: Option<u32>, sync: bool) -> Self {
        let (open, durable) = (Mutex::default(), sync.then(Durable::default));
        Self { path, mode, open, durable }
    }

    /// Opens it, if it is not.
    pub fn open(&self) -> io::Result<()> {
        self.opened(&mut lock(&self.open)).map(drop)
    }

    /// Opens it anew: the next entry goes to what has the name now. If that cannot be opened, the
    /// old one is written on.
    pub fn reopen(&self) -> io::Result<()> {
        self.begin(&mut lock(&self.open)).map(drop)
    }

    /// Writes a line, with its end.
    pub fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut open = lock(&self.open);
        let mut file = self.opened(&mut open)?;
        let written = match open.torn {
            false => append(&mut file, line),
            true => append(&mut file, &[b"\n", line].concat()),
        };
        match written {
            Ok(()) => open.torn = false,
            Err(Cut { error, torn }) => {
                open.torn |= torn;
                if !keeps_its_file(&error) {
                    self.let_go(&mut open);
                }
                return Err(error);
            }
        }
        open.written += 1;
        let number = open.written;
        drop(open);
        match &self.durable {
            Some(durable) => durable.wait(number, || self.latest()),
            None => Ok(()),
        }
    }

    /// Writes no more to the file that is open. Whoever waits for entries in it to be on the disk
    /// is answered.
    fn let_go(&self, open: &mut Open) {
        if let (Some(old), Some(durable)) = (open.file.take(), &self.durable) {
            durable.finish(&old, open.written);
        }
    }

    /// The open file, and the number of entries that are in it or in those before it.
    fn latest(&self) -> (Option<Arc<std::fs::File>>, u64) {
        let open = lock(&self.open);
        (open.file.clone(), open.written)
    }

    fn opened(&self, open: &mut Open) -> io::Result<Arc<std::fs::File>> {
        match &open.file {
            Some(file) => Ok(file.clone()),
            None => self.begin(open),
        }
    }

    fn begin(&self, open: &mut Open) -> io::Result<Arc<std::fs::File>> {
        let file = Arc::new(self.open_path()?);
        self.let_go(open);
        open.torn = is_cut_short(&self.path).unwrap_or(false);
        Ok(open.file.insert(file).clone())
    }

    fn open_path(&self) -> io::Result<std::fs::File> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // A pipe that nobody reads is an error, and never waited for.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(self.mode.unwrap_or(0o600))
            .custom_flags(flags.bits().cast_signed())
            .open(&self.path)?;
        if !file.metadata()?.is_file() {
            return Ok(file);
        }
        if let Some(mode) = self.mode {
            file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        }
        if self.durable.is_some() {
            // So that the name of a new file is there after a power cut, too.
            std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(file)
    }
}

/// Whether a file ends in the middle of a line, as after a power cut.
fn is_cut_short(path: &Path) -> io::Result<bool> {
    if !path.metadata()?.is_file() {
        return Ok(false);
    }
    let mut file = std::fs::File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// A disk that is full, or a pipe, has room again some time; after another failure the name may
/// stand for another file.
fn keeps_its_file(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull, WouldBlock};
    matches!(error.kind(), StorageFull | QuotaExceeded | WouldBlock)
}

/// A line that was not written whole.
struct Cut {
    error: io::Error,
    /// Whether a part of it stands in the file.
    torn: bool,
}

/// Writes all of `bytes`, or nothing of it.
fn append(file: &mut Arc<std::fs::File>, bytes: &[u8]) -> Result<(), Cut> {
    let mut file: &std::fs::File = file;
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => break,
            Ok(n) => rest = &rest[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let written = bytes.len() - rest.len();
                let torn = written > 0 && take_back(file, written as u64).is_err();
                return Err(Cut { error, torn });
            }
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    Err(Cut { error: io::ErrorKind::WriteZero.into(), torn: rest.len() < bytes.len() })
}

/// Cuts off what this file wrote last, unless somebody else has written behind it.
fn take_back(mut file: &std::fs::File, written: u64) -> io::Result<()> {
    // The position of a file opened for appending is the end of what was last written through it.
    let end = file.stream_position()?;
    if file.metadata()?.len() != end {
        return Err(io::ErrorKind::Other.into());
    }
    file.set_len(end.saturating_sub(written))
}
