//! `snapshot save`: the server's whole store, into a file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::client::Call;

/// Save a snapshot of the server's store into a file.
///
/// The server goes on serving meanwhile. The file is complete or absent under its name. All in it
/// is sealed: to read it takes the unseal keys.
#[derive(FromArgs, ArgsInfo)]
pub struct Save {
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Save {
    const OPERANDS: &'static str = "FILE";
    const SHARED: Shared = Shared::Http;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [file] = self.operands.as_slice() else {
            return Err(operands::wrong("Incorrect", "1", self.operands.len()));
        };
        let call = Call::get("sys/storage/raft/snapshot");
        if cx.is_dry() {
            let shown = cx.send(call);
            return shown.map(|_| Exit::Done);
        }
        let client = cx.client()?;
        let reply =
            client.download(&call).map_err(|e| Stop::from(e).about("Error taking the snapshot"))?;
        let length = reply.length;
        let mut body = Progress::new("Saving", length).reading(reply.body);
        let unwritten = |e| Stop::Failed(format!("The snapshot cannot be saved in {file}: {e}"));
        let partial = Partial::beside(Path::new(file)).map_err(unwritten)?;
        let saved = io::copy(&mut body, &mut &partial.file).map_err(unwritten)?;
        drop(body);
        if length.is_some_and(|length| length != saved) {
            return Err(Stop::Failed("The snapshot broke off: nothing was saved".into()));
        }
        partial.finish(Path::new(file)).map_err(unwritten)?;
        cx.say(&format!("Success! Saved the snapshot in {file}: {saved} bytes"))?;
        Ok(Exit::Done)
    }
}

/// A file that is not complete yet; removed when dropped.
struct Partial {
    file: File,
    path: PathBuf,
}

impl Partial {
    fn beside(target: &Path) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let path = target.with_file_name(name);
        let options =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        Ok(Self { file: options, path })
    }

    /// Gives it its name once all of it is on the disk.
    fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}
