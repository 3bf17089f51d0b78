//! File systems that may be filled up and broken.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::statvfs;

use super::TempDir;
use super::harness::needs;
use super::volume::{Missing, does};

/// A file system of its own, unmounted when dropped.
pub struct Mount {
    folder: TempDir,
    at: PathBuf,
}

impl Mount {
    /// Mounts `device` by these options, where that is allowed.
    pub fn new(kind: &str, device: &str, options: &str) -> Self {
        needs("a file system of its own", Self::made(kind, device, options))
    }

    /// The same, or why not.
    pub fn made(kind: &str, device: &str, options: &str) -> Result<Self, Missing> {
        let folder = TempDir::new();
        let at = folder.path().join("mounted");
        fs::create_dir(&at).unwrap();
        let device = device.replace("{}", &folder.path().display().to_string());
        if kind == "ext4" {
            fs::File::create(&device).unwrap().set_len(96 << 20).unwrap();
            does(Command::new("mkfs.ext4").args(["-q", &device]))?;
        }
        let mut command = Command::new("mount");
        does(command.args(["-t", kind, "-o", options, &device]).arg(&at))?;
        Ok(Self { folder, at })
    }

    /// What lies in a folder is seen at another path, too.
    pub fn bind(folder: &Path) -> Self {
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
        let _ = Command::new("umount").arg(&self.at).output();
    }
}
