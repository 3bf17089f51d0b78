//! A stick: a volume known by its label or its UUID, which comes and goes.
//!
//! The server never mounts. A unit of root's (`systemd/README.md`) mounts the volume that is asked
//! for, and they talk by files in memory:
//!
//! | what | whose | what it says |
//! |---|---|---|
//! | `/run/edgekeep/usb/VOLUME` | ours | `want`: mount it; `done VISIT`: it may be pulled |
//! | `/run/edgekeep-usb/VOLUME` | root's | it is mounted there; its folder `edgekeep` is ours |
//! | `/run/edgekeep-usb/.VOLUME` | root's | VISIT: it grows each time the volume is mounted |
//!
//! So `want` may be said too often and `done` too late: at worst the stick is mounted for longer.
//! Who says it anew waits a moment, as one that was let go may still be plugged in. A folder at
//! that place that is not the root of a mounted volume is not the stick, and is never written to.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::folder::Folder;
use super::{Listed, Name, Target, TargetError, Visit};

/// So often it is looked, and so long between, until a stick is mounted that is asked for anew.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// The folder on a stick that is ours.
const OURS: &str = "edgekeep";

/// How often this program has said something to root's unit.
static SAID: AtomicU64 = AtomicU64::new(0);

/// The label or the UUID of a volume, such as can be a file's name: 1 to 40 of `A-Z a-z 0-9 . - _`,
/// beginning with none of `.-`. Of a volume whose label is no such, the UUID is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume(String);

impl Volume {
    /// Checks a name; `None` where it is none.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let whole = (1..=40).contains(&text.len()) && text.bytes().all(known);
        (whole && !text.starts_with(['.', '-'])).then_some(Self(text))
    }
}

/// Where the server and root's unit meet.
#[derive(Clone, Debug)]
pub struct Places {
    /// Below it the unit mounts; nobody but root writes there.
    pub mounts: PathBuf,
    /// In it the server says what it wants; in the server's runtime folder.
    pub asks: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { mounts: "/run/edgekeep-usb".into(), asks: "/run/edgekeep/usb".into() }
    }
}

/// A stick as a [`Target`]. While the one lives that asked for it first, it is asked for: who looks
/// at it beside that, for a moment, takes it from nobody.
#[derive(Debug)]
pub struct Usb {
    volume: Volume,
    places: Places,
    folder: Folder,
    /// Whether what is asked for is taken back with this one.
    ours: AtomicBool,
}

impl Usb {
    /// The volume of that name. Nothing is looked at yet.
    pub fn new(volume: Volume, places: Places) -> Self {
        let folder = Folder::new(places.mounts.join(&volume.0).join(OURS));
        Self { volume, places, folder, ours: AtomicBool::new(false) }
    }

    /// The same for who keeps it, and takes back at the end what a process before has asked for.
    pub fn kept(volume: Volume, places: Places) -> Self {
        let usb = Self::new(volume, places);
        usb.ours.store(true, Ordering::Relaxed);
        usb
    }

    fn request(&self) -> PathBuf {
        self.places.asks.join(&self.volume.0)
    }

    /// Tells root's unit something, unless it was told; whether it was not.
    fn say(&self, what: &str) -> io::Result<bool> {
        let (path, line) = (self.request(), format!("{what}\n"));
        match fs::read(&path) {
            Ok(said) if said == line.as_bytes() => return Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.ours.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        // On a bare machine no server has made its folder yet, and root restores.
        fs::create_dir_all(&self.places.asks)?;
        // Never seen half written; and who says something at the same time, in another thread or
        // program, has a file of his own.
        let number = SAID.fetch_add(1, Ordering::Relaxed);
        let new = format!(".{}.{}-{number}", self.volume.0, std::process::id());
        let new = self.places.asks.join(new);
        fs::write(&new, line)?;
        fs::rename(new, path).map(|()| true)
    }

    /// Whether a volume is mounted at its place. An empty folder there lies on the system's disk.
    fn is_mounted(&self) -> bool {
        let device = |path| fs::symlink_metadata(path).map(|meta| meta.dev());
        let volume = device(self.places.mounts.join(&self.volume.0));
        let around = device(self.places.mounts.clone());
        matches!((volume, around), (Ok(volume), Ok(around)) if volume != around)
    }

    /// Its folder, asked for and there. One that is plugged in is mounted only for who asks.
    fn folder(&self) -> Result<&Folder, TargetError> {
        let asked = self.say("want");
        let looks = if let Ok(true) = asked { LOOKS } else { 0 };
        for _ in 0..looks {
            if self.is_mounted() {
                break;
            }
            sleep(PAUSE);
        }
        if self.is_mounted() {
            return Ok(&self.folder);
        }
        let volume = &self.volume.0;
        Err(TargetError::Away(match asked {
            Ok(_) => format!("the stick {volume} is not there: plug it in"),
            Err(error) => format!(
                "the stick {volume} is not there, and {} cannot be written, which would ask for \
                 it: {error}",
                self.request().display()
            ),
        }))
    }

    /// What an error of the folder means here.
    fn because(&self, error: TargetError) -> TargetError {
        let TargetError::Away(what) = error else { return error };
        let volume = &self.volume.0;
        if !self.is_mounted() {
            return TargetError::Away(format!(
                "the stick {volume} was pulled: plug it in ({what})"
            ));
        }
        let disk = statvfs(self.places.mounts.join(volume));
        if disk.is_ok_and(|disk| disk.f_flag.contains(StatVfsMountFlags::RDONLY)) {
            return TargetError::ReadOnly(format!(
                "the stick {volume} can only be read: look for a switch on it, or take another one"
            ));
        }
        TargetError::Away(what)
    }
}

impl Target for Usb {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        self.folder()?.put(name, length, content).map_err(|error| self.because(error))
    }

    fn must_fit(&self, length: u64) -> Result<(), TargetError> {
        self.folder()?.must_fit(length).map_err(|error| self.because(error))
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        self.folder()?.get(name).map_err(|error| self.because(error))
    }

    fn is_closed(&self, name: &Name) -> bool {
        self.is_mounted() && self.folder.is_closed(name)
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        self.folder()?.list(under).map_err(|error| self.because(error))
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        self.folder()?.delete(name).map_err(|error| self.because(error))
    }

    fn url(&self, name: &Name) -> String {
        format!("usb://{}/{OURS}/{name}", self.volume.0)
    }

    fn visit(&self) -> Option<Visit> {
        if !self.request().exists() {
            // Where nothing can be said somebody else may mount it, which is seen all the same.
            let _ = self.say("want");
        }
        if !self.is_mounted() {
            return None;
        }
        let number = fs::read_to_string(self.places.mounts.join(format!(".{}", self.volume.0)));
        Some(Visit::new(number.unwrap_or_default().trim()))
    }

    fn rest(&self, visit: &Visit) -> Result<(), TargetError> {
        let told = self.say(&format!("done {}", visit.0)).map(drop);
        told.map_err(|error| TargetError::of_file(&self.request().display().to_string(), &error))
    }
}

impl Drop for Usb {
    fn drop(&mut self) {
        if self.ours.load(Ordering::Relaxed) {
            let _ = fs::remove_file(self.request());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_files_name_is_a_volume() {
        for good in ["EDGEKEEP", "1234-ABCD", "0b5ad4f8-8e4f-4c8d-9a5e-1f2d3c4b5a69", "a.b_c"] {
            assert_eq!(Volume::parse(good), Some(Volume(good.into())));
        }
        let long = "x".repeat(41);
        for bad in ["", ".", "..", ".a", "-a", "a/b", "MY STICK", "stück", "a\n", &long] {
            assert_eq!(Volume::parse(bad), None, "{bad}");
        }
    }
}
