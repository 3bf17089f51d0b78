//! Which folders the targets are, whatever their paths say: through links and mounts several lead
//! to one. The thread of each finds out for itself, as the file system may hang that it lies on.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::settings::{Settings, Wrong};
use crate::base::sync::lock;

/// Where a path leads.
#[derive(Clone, Debug)]
pub struct Spot {
    /// Without links, as far as it is there.
    path: PathBuf,
    /// The device and the number of what is there.
    file: Option<(u64, u64)>,
}

impl Spot {
    /// Looks. It takes as long as the file system does.
    pub fn of(path: &Path) -> Self {
        let path = real(path);
        Self { file: file(&path), path }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.path == other.path || (self.file.is_some() && self.file == other.file)
    }

    /// Whether it is that folder, or lies in it.
    pub fn is_in(&self, folder: &Path) -> bool {
        let folder = Self::of(folder);
        let is_it = |outer: &Path| folder.file.is_some() && file(outer) == folder.file;
        self.path.starts_with(&folder.path) || self.path.ancestors().any(is_it)
    }
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    })
}

fn file(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// The targets that are served, in the order in which they came: who comes to a place that another
/// one has already is not served there.
#[derive(Default)]
pub struct Places(Mutex<Vec<Seat>>);

struct Seat {
    name: String,
    settings: Settings,
    /// As it was last seen.
    spot: Option<Spot>,
}

impl Places {
    /// A target comes.
    pub fn enter(&self, name: &str, settings: &Settings) {
        self.leave(name);
        let (name, settings) = (name.to_owned(), settings.clone());
        lock(&self.0).push(Seat { name, settings, spot: None });
    }

    /// It goes.
    pub fn leave(&self, name: &str) {
        lock(&self.0).retain(|seat| seat.name != name);
    }

    /// It was seen where it is.
    pub fn is_at(&self, name: &str, spot: Spot) {
        if let Some(seat) = lock(&self.0).iter_mut().find(|seat| seat.name == name) {
            seat.spot = Some(spot);
        }
    }

    /// Refuses it where it is the place of one that came before it, as far as is known.
    pub fn must_be_its_own(&self, name: &str) -> Result<(), Wrong> {
        let seats = lock(&self.0);
        let before = seats.iter().take_while(|seat| seat.name != name);
        let Some(own) = seats.iter().find(|seat| seat.name == name) else { return Ok(()) };
        let is_same = |other: &Seat| {
            let spots = own.spot.as_ref().zip(other.spot.as_ref());
            spots.is_some_and(|(own, other)| own.is_same(other))
        };
        own.settings.must_share_nothing(
            before.filter(|other| is_same(other)).map(|seat| (&*seat.name, &seat.settings)),
        )
    }
}
