//! A target without a server: by its name in a configuration, or by its folder.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::context::Context;
use crate::cli::shared::configuration;
use crate::cli::stop::{Stop, meant};
use crate::snapshot::layout::Folder;
use crate::snapshot::rewind::listing::Listing;
use crate::snapshot::rewind::{real_stores, stores};
use crate::snapshot::target::folder::Folder as Directory;
use crate::snapshot::target::{Name, Target};

/// A target, and what the names of all objects there begin with.
#[derive(Clone)]
pub struct Place {
    /// The target.
    pub target: Arc<dyn Target>,
    /// The prefix.
    pub prefix: String,
}

/// A target that is meant, before anybody has looked at it: where it lies may hang.
pub enum Meant {
    /// A folder, or the one in it or around it that has stores.
    Folder(PathBuf),
    /// One that a configuration declares.
    Declared(Place),
}

impl Meant {
    /// What the names of all objects there begin with.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Folder(_) => "",
            Self::Declared(place) => &place.prefix,
        }
    }

    /// The target. A folder is looked at.
    pub fn reach(&self) -> Place {
        match self {
            Self::Folder(path) => {
                Place { target: Arc::new(Directory::new(around(path))), prefix: String::new() }
            }
            Self::Declared(place) => place.clone(),
        }
    }
}

/// Finds the target that is meant, and looks at it.
pub fn find(named: &str, config: &[String]) -> Result<Place, Stop> {
    Ok(meant_by(named, config)?.reach())
}

/// Finds the target that is meant.
pub fn meant_by(named: &str, config: &[String]) -> Result<Meant, Stop> {
    if named.contains('/') {
        return Ok(Meant::Folder(PathBuf::from(named)));
    }
    let mut all = if config.is_empty() { Vec::new() } else { configured(config)? };
    if let Some(index) = all.iter().position(|(name, _)| name == named) {
        return all.swap_remove(index).1.map(Meant::Declared).map_err(Stop::Failed);
    }
    // The name of a target goes before a folder that happens to be called so.
    let here = Path::new(".").join(named);
    if here.is_dir() {
        return Ok(Meant::Folder(here));
    }
    if config.is_empty() {
        let text =
            "a target by its name wants the -config that declares it; a folder has a / in it";
        return Err(Stop::Usage(text.into()));
    }
    let complaint = format!("the configuration declares no snapshot {named:?}");
    let mut text = meant(complaint.clone(), named, all.iter().map(|(name, _)| name.as_str()));
    if text == complaint {
        let declared: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        if !declared.is_empty() {
            text += &format!("; it has {}", declared.join(", "));
        }
        text += ". A target that was set through the API is named by its folder, with a / in it";
    }
    Err(Stop::Usage(text))
}

/// The folder that is meant by a path: where no store lies in it, the only one in it, or the one
/// around it, in which one does. On a stick they lie in `edgekeep`, and in the dark one folder is
/// as good as the next.
fn around(path: &Path) -> PathBuf {
    if holds_stores(path) {
        return path.to_owned();
    }
    let inner: Vec<PathBuf> =
        folders(path).into_iter().filter(|inner| holds_stores(inner)).collect();
    match (&inner[..], path.parent()) {
        ([one], _) => one.clone(),
        ([], Some(outer)) if is_of_store(path) => outer.to_owned(),
        _ => path.to_owned(),
    }
}

fn holds_stores(path: &Path) -> bool {
    folders(path).iter().any(|folder| is_of_store(folder))
}

/// Whether a snapshot of the store that the folder is called by lies in it.
fn is_of_store(folder: &Path) -> bool {
    let Some(id) = folder.file_name().and_then(OsStr::to_str) else { return false };
    let Some(store) = Folder::new("", id) else { return false };
    let is_kept = |name: OsString| {
        let name = Name::parse(format!("{id}/{}", name.to_str()?))?;
        store.read(&name)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| is_kept(entry.file_name()).is_some())
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// A target that a configuration declares: its name, and where it is or why it cannot be had.
pub type Declared = (String, Result<Place, String>);

/// Every target that a configuration declares.
pub fn configured(config: &[String]) -> Result<Vec<Declared>, Stop> {
    let targets = configuration(config)?.snapshots.into_iter().map(|(name, settings)| {
        let prefix = settings.place.prefix().to_owned();
        let place = settings.place.open().map(|target| Place { target, prefix });
        (name, place.map_err(|error| error.0))
    });
    Ok(targets.collect())
}

/// The folder of the store that is meant: the one with this UUID, or the only one.
pub fn store(
    cx: &mut Context,
    Place { target, prefix }: &Place,
    given: Option<&str>,
) -> Result<Folder, Stop> {
    let failed = |error: &dyn fmt::Display| Stop::Failed(error.to_string());
    let listed = target.list(prefix).map_err(|error| failed(&error))?;
    let found = stores(prefix, &listed);
    if let Some(given) = given {
        let ids: Vec<String> = ids(&found).map(str::to_owned).collect();
        let meant = found.into_iter().find(|(folder, _)| folder.store_id() == given);
        return meant.map(|(folder, _)| folder).ok_or_else(|| no_such_store(given, &ids));
    }
    let mut lost = Vec::new();
    let mut found = real_stores(&**target, found, &mut lost).map_err(|error| failed(&error))?;
    lost.iter().for_each(|lost| cx.warn(&lost.to_string()));
    match found.pop() {
        None => Err(Stop::Failed(NO_STORE.into())),
        Some((one, _)) if found.is_empty() => Ok(one),
        Some(last) => {
            found.push(last);
            let ids: Vec<&str> = ids(&found).collect();
            Err(Stop::Usage(format!(
                "The target holds several stores; name one with -store:\n  {}",
                ids.join("\n  ")
            )))
        }
    }
}

fn ids(stores: &[(Folder, Listing)]) -> impl Iterator<Item = &str> {
    stores.iter().map(|(folder, _)| folder.store_id())
}

/// A store is meant that is not there; these are.
pub fn no_such_store(meant: &str, there: &[String]) -> Stop {
    match there {
        [] => Stop::Failed(NO_STORE.into()),
        there => Stop::Usage(format!(
            "There is no snapshot of the store {meant}; name one of these with -store:\n  {}",
            there.join("\n  ")
        )),
    }
}

const NO_STORE: &str = "There is no snapshot of any store. They lie in a folder that is called by \
                        the id of their store, as 0b5ad4f8-8e4f-4c8d-9a5e-1f2d3c4b5a69: name the \
                        folder in which that one is";
