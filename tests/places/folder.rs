//! A folder, on a disk of its own or beside others.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::disk;
use super::place::{Place, Trouble};
use super::support::TempDir;
use super::support::volume::Volume;

/// A disk, or a folder that has none of its own.
pub enum Disk {
    Own { volume: Volume, ballast: Option<PathBuf> },
    Shared(TempDir),
}

impl Disk {
    pub fn own() -> Self {
        Self::Own { volume: Volume::fallible("ext4"), ballast: None }
    }

    pub fn shared() -> Self {
        Self::Shared(TempDir::new())
    }

    pub fn path(&self) -> PathBuf {
        match self {
            Self::Own { volume, .. } => volume.path(),
            Self::Shared(folder) => folder.path().to_owned(),
        }
    }
}

/// A folder as a target.
pub struct Local {
    disk: Disk,
}

impl Local {
    /// Where a disk is mounted: a folder that is there without the disk, too.
    pub fn mounted() -> Self {
        Self { disk: Disk::own() }
    }

    /// One that can only be moved away.
    pub fn moved() -> Self {
        let local = Self { disk: Disk::shared() };
        fs::create_dir(local.folder()).unwrap();
        local
    }

    fn folder(&self) -> PathBuf {
        match &self.disk {
            Disk::Own { volume, .. } => volume.path(),
            Disk::Shared(folder) => folder.path().join("backup"),
        }
    }
}

impl Place for Local {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let folder = self.folder().display().to_string();
        vec![("storage_type", "file".into()), ("path_prefix", folder.into())]
    }

    fn begin(&mut self, trouble: Trouble) {
        let path = self.disk.path();
        let Disk::Own { volume, ballast } = &mut self.disk else {
            return fs::rename(self.folder(), path.join("away")).unwrap();
        };
        match trouble {
            Trouble::Killed => *ballast = Some(volume.fail()),
            Trouble::Cut => volume.unmount(),
            Trouble::Full => disk::fill(&path),
            Trouble::ReadOnly => disk::remount(&path, "ro"),
            Trouble::Slow => disk::freeze(&path),
        }
    }

    fn end(&mut self, trouble: Trouble) {
        let path = self.disk.path();
        let Disk::Own { volume, ballast } = &mut self.disk else {
            return fs::rename(path.join("away"), self.folder()).unwrap();
        };
        match trouble {
            Trouble::Killed => {
                fs::remove_file(ballast.take().unwrap()).unwrap();
                volume.unmount();
                disk::wait_until_free(volume.device());
                volume.mount().unwrap();
            }
            Trouble::Cut => {
                let there = fs::read_dir(&path).unwrap().count();
                assert_eq!(there, 0, "it wrote where the disk was not mounted");
                volume.mount().unwrap();
            }
            Trouble::Full => disk::clear(&path),
            Trouble::ReadOnly => disk::remount(&path, "rw"),
            Trouble::Slow => disk::thaw(&path),
        }
    }
}
