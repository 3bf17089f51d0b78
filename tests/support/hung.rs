//! A folder whose file system hangs, as that of a network does while its server is away.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::harness::needs;
use super::volume::does;

/// So long may take what is not to wait for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file system of which nobody answers anything.
pub struct Hung {
    at: PathBuf,
    /// What is asked comes here, and stays: all fails when this is closed.
    asked: Mutex<Option<File>>,
}

impl Hung {
    /// Mounts it over a folder, where that is allowed.
    pub fn over(folder: &Path) -> Self {
        let mounted = || {
            let asked = OpenOptions::new().read(true).write(true).open("/dev/fuse");
            let asked = asked.map_err(|error| format!("/dev/fuse: {error}"))?;
            let mut mount = Command::new("mount");
            let options = "fd=0,rootmode=40000,user_id=0,group_id=0,allow_other";
            mount.args(["-i", "-t", "fuse", "-o", options, "hung"]).arg(folder);
            mount.stdin(asked.try_clone().map_err(|error| error.to_string())?);
            does(&mut mount).map_err(|why| why.to_string())?;
            Ok::<_, String>(Self { at: folder.to_owned(), asked: Mutex::new(Some(asked)) })
        };
        needs("a folder that hangs", mounted())
    }

    /// What is done while it hangs must come to its end all the same.
    pub fn holds_up_not<T: Send>(&self, what: &str, act: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let (tell, told) = channel();
            scope.spawn(move || tell.send(act()));
            told.recv_timeout(PATIENCE).unwrap_or_else(|error| {
                // Else the test would never end.
                self.end();
                assert_ne!(error, RecvTimeoutError::Timeout, "{what}: it waits for the folder");
                panic!("{what}: it failed");
            })
        })
    }

    /// All that waits for it fails, and it is gone.
    pub fn end(&self) {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if asked.is_some() {
            drop(asked);
            let _ = Command::new("umount").arg("-l").arg(&self.at).output();
        }
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        self.end();
    }
}
