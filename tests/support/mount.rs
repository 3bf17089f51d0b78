//! File systems that may be filled up and broken.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::statvfs;

use super::TempDir;

/// A file system of its own, unmounted when dropped.
pub struct Mount {
    folder: TempDir,
    at: PathBuf,
}

impl Mount {
    /// Mounts `device` by these options; `None`, and says why, where that is not allowed.
    pub fn new(kind: &str, device: &str, options: &str) -> Option<Self> {
        let folder = TempDir::new();
        let at = folder.path().join("mounted");
        fs::create_dir(&at).unwrap();
        let mount = Self { folder, at };
        let device = device.replace("{}", &mount.folder.path().display().to_string());
        if kind == "ext4" {
            fs::File::create(&device).unwrap().set_len(96 << 20).unwrap();
            if !run(Command::new("mkfs.ext4").args(["-q", &device])) {
                return None;
            }
        }
        let mut command = Command::new("mount");
        command.args(["-t", kind, "-o", options, &device]).arg(&mount.at);
        run(&mut command).then_some(mount)
    }

    /// What lies in a folder is seen at another path, too.
    pub fn bind(folder: &Path) -> Option<Self> {
        Self::new("none", &folder.display().to_string(), "bind")
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.at
    }

    /// A folder in it, not made yet.
    pub fn path(&self) -> PathBuf {
        self.at.join("store")
    }

    /// Fills it up but for `free` bytes.
    pub fn fill(&self, free: u64) -> PathBuf {
        let ballast = self.at.join("ballast");
        let mut file = fs::File::create(&ballast).unwrap();
        while statvfs(&self.at).map(|s| s.f_bavail * s.f_frsize).unwrap() > free {
            file.write_all(&[1; 4096]).unwrap();
        }
        ballast
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run(Command::new("umount").arg(&self.at));
    }
}

/// Whether a command did its work; says so where not.
pub fn run(command: &mut Command) -> bool {
    let output = command.output();
    let done = output.as_ref().is_ok_and(|output| output.status.success());
    if !done {
        let why = format!("{command:?} does not work here: {output:?}");
        super::skipped("a file system of its own", why);
    }
    done
}
