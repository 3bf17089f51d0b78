//! Do snapshots get off the machine?

use super::Subject;
use super::finding::Finding;
use super::patience::{PATIENCE, within};
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
    let found = targets.iter().map(|(name, settings)| {
        // What goes over the network has a bound of its own.
        if !settings.place.is_near() {
            return found(name, settings);
        }
        let (named, near) = (name.clone(), settings.clone());
        within(move || found(&named, &near)).unwrap_or_else(|| {
            Finding::warn(
                format!("{name}: it has not answered for {} s", PATIENCE.as_secs()),
                "see what its file system waits for, such as a server of files that is gone",
            )
        })
    });
    found.collect()
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
