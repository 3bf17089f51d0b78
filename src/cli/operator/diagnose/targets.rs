//! Do snapshots get off the machine?

use std::path::Path;

use super::Subject;
use super::finding::Finding;
use super::patience::{PATIENCE, within};
use crate::base::pem;
use crate::snapshot::keeper::settings::Settings;
use crate::snapshot::target::TargetError;

/// Each target that the configuration declares is looked at; what it holds is left alone.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let targets = &subject.config.snapshots;
    if targets.is_empty() {
        return vec![Finding::skipped(
            "the configuration declares none: snapshots leave this machine only if one is set \
             through the API, or a timer runs `edgekeep snapshot save`",
        )];
    }
    let of_one = |(name, settings): (&String, &Settings)| {
        let credentials: Vec<_> = settings.given.credentials().collect();
        subject.withheld(name, &credentials).unwrap_or_else(|| in_time(name, settings))
    };
    targets.iter().map(of_one).collect()
}

/// What goes over the network has a bound of its own, but not the file that it begins with.
fn in_time(name: &str, settings: &Settings) -> Finding {
    let hangs = |what: String| {
        let remedy = "see what its file system waits for, such as a server of files that is gone";
        Finding::warn(format!("{name}: {what} {} s", PATIENCE.as_secs()), remedy)
    };
    if settings.place.is_near() {
        let (named, near) = (name.to_owned(), settings.clone());
        let found = within(move || found(&named, &near));
        return found.unwrap_or_else(|| hangs("it has not answered for".into()));
    }
    if let Some(file) = settings.place.ca_cert().map(Path::to_owned) {
        let text = format!("{} could not be read in", file.display());
        // What is wrong with it is found out when it is used.
        let read = within(move || drop(pem::regular(&file).map(|()| pem::certificates(&file))));
        if read.is_none() {
            return hangs(text);
        }
    }
    found(name, settings)
}

fn found(name: &str, settings: &Settings) -> Finding {
    let target = match settings.place.open() {
        Ok(target) => target,
        Err(error) => return Finding::fail(format!("{name}: {}", error.0), ""),
    };
    match target.list(settings.place.prefix()) {
        Ok(listed) => Finding::ok(format!("{name}: it holds {} files", listed.len())),
        Err(TargetError::Away(what)) if settings.place.is_lent() => {
            Finding::ok(format!("{name}: {what}"))
        }
        Err(error) => Finding::warn(format!("{name}: {error}"), ""),
    }
}
