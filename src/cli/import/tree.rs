//! The secrets of a kv mount, folder by folder: no more is held than the names on the way down.

use super::job::{Ended, Job};
use super::place::{Place, Version};
use super::report::{Fate, Kind, Told};
use super::{kv1, kv2};

/// Nobody keeps secrets deeper; a server that makes folders up goes on for ever.
const DEEPEST: usize = 100;

/// How many secrets are collected before they are brought together.
const TOGETHER: usize = 64;

/// Brings the secrets of the mount at `mount`, which ends in a slash.
pub fn bring(job: &mut Job, mount: &str, version: Version) -> Result<(), Ended> {
    let mut secrets = Vec::new();
    let mut folders = vec![(String::new(), names(job, Place { mount, key: "" }, version)?)];
    while let Some((folder, names_left)) = folders.last_mut() {
        let Some(name) = names_left.next() else {
            folders.pop();
            continue;
        };
        let key = format!("{folder}{name}");
        if !name.ends_with('/') {
            secrets.push(key);
            if secrets.len() == TOGETHER {
                several(job, mount, version, &mut secrets)?;
            }
        } else if folders.len() < DEEPEST {
            let inside = names(job, Place { mount, key: &key }, version)?;
            folders.push((key, inside));
        } else {
            let why = format!("{DEEPEST} folders in each other: what is deeper does not come");
            let told = Told::because(Fate::Failed, why);
            job.one(Kind::Folder, &format!("{mount}{key}"), |_| Ok(told))?;
        }
    }
    several(job, mount, version, &mut secrets)
}

fn several(
    job: &mut Job,
    mount: &str,
    version: Version,
    keys: &mut Vec<String>,
) -> Result<(), Ended> {
    let places: Vec<_> = keys.iter().map(|key| Place { mount, key }).collect();
    job.several(Kind::Secret, &places, |ends, place| match version {
        Version::One => kv1::bring(ends, place),
        Version::Two => kv2::bring(ends, place),
    })?;
    keys.clear();
    Ok(())
}

/// The names in a folder; one that cannot be listed is told of.
fn names(
    job: &mut Job,
    folder: Place<'_>,
    version: Version,
) -> Result<std::vec::IntoIter<String>, Ended> {
    let path = match version {
        Version::One => folder.shown(),
        Version::Two => folder.path("metadata"),
    };
    Ok(job.names(Kind::Folder, &folder.shown(), &path)?.into_iter())
}
