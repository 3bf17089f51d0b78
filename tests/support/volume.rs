//! File systems in a file of their own, as they are on sticks.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::TempDir;
use super::harness::needs;
use super::mount::Mount;

/// A file system in an image behind a loop device; unmounted and detached when dropped.
pub struct Volume {
    folder: TempDir,
    image: PathBuf,
    device: PathBuf,
    kind: &'static str,
    /// What holds the image, where that may be filled up.
    below: Option<Mount>,
}

/// The kinds of file systems that a stick may have.
pub const KINDS: [&str; 3] = ["vfat", "exfat", "ext4"];

/// The label of each.
pub const LABEL: &str = "EDGEKEEP";

impl Volume {
    /// A volume of `bytes`, mounted, where it can be had.
    pub fn mounted(kind: &'static str, bytes: u64) -> Self {
        Self::over(None, kind, bytes)
    }

    /// The same on a device that can be made to fail.
    pub fn fallible(kind: &'static str) -> Self {
        Self::over(Some(Mount::new("tmpfs", "none", "size=64m")), kind, 48 << 20)
    }

    fn over(below: Option<Mount>, kind: &'static str, bytes: u64) -> Self {
        let made = Self::make(below, kind, bytes).and_then(|made| made.mount().map(|()| made));
        needs(kind, made)
    }

    fn make(below: Option<Mount>, kind: &'static str, bytes: u64) -> Result<Self, Missing> {
        let folder = TempDir::new();
        fs::create_dir(folder.path().join("mounted")).unwrap();
        let image = below.as_ref().map_or(folder.path(), |below| below.root()).join("image");
        File::create(&image).unwrap().set_len(bytes).unwrap();
        match kind {
            "vfat" => does(Command::new("mkfs.vfat").args(["-F", "32", "-n", LABEL]).arg(&image))?,
            "exfat" => does(Command::new("mkfs.exfat").args(["-L", LABEL]).arg(&image))?,
            _ => does(Command::new("mkfs.ext4").args(["-q", "-m", "0", "-L", LABEL]).arg(&image))?,
        };
        let device = does(Command::new("losetup").args(["--find", "--show"]).arg(&image))?;
        Ok(Self { folder, image, device: device.trim().into(), kind, below })
    }

    /// Mounts it at [`path`](Self::path).
    pub fn mount(&self) -> Result<(), Missing> {
        let by = |kind| {
            let mut mount = Command::new("mount");
            mount.args(["-t", kind, "-o", "nosuid,nodev,noexec"]);
            does(mount.arg(&self.device).arg(self.path())).map(drop)
        };
        // A kernel that does not know exFAT may have a program that does.
        by(self.kind).or_else(|why| if self.kind == "exfat" { by("exfat-fuse") } else { Err(why) })
    }

    /// Mounts it anew, by these options.
    pub fn remount(&self, options: &str) -> Result<(), Missing> {
        let mut mount = Command::new("mount");
        does(mount.args(["-o", &format!("remount,{options}")]).arg(self.path())).map(drop)
    }

    /// Unmounts it, at once where files are open too.
    pub fn unmount(&self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }

    /// From now on the device takes nothing new, until what is returned is removed.
    pub fn fail(&self) -> PathBuf {
        self.below.as_ref().unwrap().fill(0)
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    /// Its device.
    pub fn device(&self) -> &Path {
        &self.device
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.unmount();
        let _ = Command::new("losetup").arg("-d").arg(&self.device).output();
        // It is detached when nobody has it open any more, and only then what is below can go.
        let block = Path::new("/sys/block").join(self.device.file_name().unwrap_or_default());
        let ours = || {
            let image = fs::read_to_string(block.join("loop/backing_file")).unwrap_or_default();
            image.trim_end() == self.image.as_os_str()
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while ours() && Instant::now() < deadline {
            sleep(Duration::from_millis(5));
        }
    }
}

/// Why something cannot be had here.
#[derive(Debug)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a command printed that did its work.
pub fn does(command: &mut Command) -> Result<String, Missing> {
    match command.env("LC_ALL", "C").output() {
        Err(error) => Err(Missing(format!("{command:?}: {error}"))),
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Missing(said.lines().next().unwrap_or_default().to_owned()))
        }
    }
}
