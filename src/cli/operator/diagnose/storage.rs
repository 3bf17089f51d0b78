//! Is the store where it should be, closed to others, and whole as far as can be seen?

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::{Finding, size};
use super::running::Running;
use super::{Subject, device};
use crate::config::Storage;
use crate::storage::folder;
use crate::storage::redb::{Examined, examine};

/// Looks at the folder and at the file in it; neither is written, and no lock is taken.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let Storage::Redb { folder, .. } = &subject.config.storage else {
        return vec![Finding::warn(
            "the store lies in memory: all is lost when the server ends",
            "name a folder: storage \"redb\" { path = \"/var/lib/edgekeep\" }",
        )];
    };
    let meta = match fs::metadata(&**folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return vec![unseen(folder)];
        }
        Err(_) => return vec![unmade(folder)],
        Ok(meta) => meta,
    };
    let mut findings = Vec::new();
    findings.extend(open_folder(folder, &meta));
    if device::is_memory(folder) {
        findings.push(Finding::warn(
            format!("{} lies in memory: all is lost with the power", folder.display()),
            "name a folder on a disk",
        ));
    }
    findings.extend(file(folder, &meta, subject.running.as_ref()));
    findings
}

/// What the user that runs this may not look at.
pub fn unseen(path: &Path) -> Finding {
    Finding::warn(
        format!("{} cannot be looked at by this user", path.display()),
        "run this as root, or as the server's user",
    )
}

/// A store that is not there yet.
fn unmade(folder: &Path) -> Finding {
    match folder::check(folder) {
        Ok(()) => Finding::ok(format!("{} is made at the first start", folder.display())),
        Err(error) => Finding::fail(error.to_string(), ""),
    }
}

fn open_folder(folder: &Path, meta: &Metadata) -> Option<Finding> {
    let (mode, shown) = (meta.mode() & 0o777, folder.display());
    (mode & 0o077 != 0).then(|| {
        let what = format!("{shown} is open to other users (mode {mode:04o})");
        Finding::warn(what, format!("chmod 700 {shown}"))
    })
}

fn file(folder: &Path, of_folder: &Metadata, running: Option<&Running>) -> Vec<Finding> {
    let path = folder::data_file(folder);
    let shown = path.display();
    // What is no file is not opened, for it may never begin.
    let opened = match (fs::metadata(&path), running) {
        (Ok(meta), _) if !meta.is_file() => return vec![unmade(folder)],
        (Ok(meta), _) => File::open(&path).map(|file| (meta, file)),
        (Err(error), Some(Running { pid })) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::fail(
                format!("{shown} was removed under the running server (process {pid})"),
                "take a snapshot now, then restore it here, which makes the file anew",
            )];
        }
        (Err(error), _) => Err(error),
    };
    let (meta, file) = match opened {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return vec![unseen(&path)];
        }
        Err(_) => return vec![unmade(folder)],
    };
    if let Err(error) = folder::check(folder) {
        return vec![Finding::fail(error.to_string(), "")];
    }
    let mut findings = Vec::new();
    if meta.uid() != of_folder.uid() {
        let what = format!(
            "{shown} belongs to user {}, its folder to user {}",
            meta.uid(),
            of_folder.uid()
        );
        let remedy = format!("chown -R both to the server's user: {}", folder.display());
        findings.push(Finding::fail(what, remedy));
    }
    let length = size(meta.len());
    findings.push(match running {
        Some(Running { pid }) => {
            Finding::ok(format!("{shown} ({length}) is served by process {pid}, and left alone"))
        }
        None => match examine(file, &shown.to_string()) {
            Ok(Examined::Whole { entries: 0 }) => {
                Finding::ok(format!("{shown} ({length}) opens, and is not initialized yet"))
            }
            Ok(Examined::Whole { entries }) => {
                Finding::ok(format!("{shown} ({length}) opens, with {entries} entries"))
            }
            Ok(Examined::Unclosed { entries: Some(entries) }) => Finding::warn(
                format!(
                    "{shown} ({length}) was not closed, by a crash or a power cut; it opens, with \
                     {entries} entries"
                ),
                "start the server: it reads the whole file first, and goes on",
            ),
            Ok(Examined::Unclosed { entries: None }) => Finding::warn(
                format!("{shown} ({length}) was not closed: a crash, or a power cut"),
                "start the server: it reads the whole file, and goes on or says what is damaged",
            ),
            Err(error) => Finding::fail(error.to_string(), ""),
        },
    });
    findings
}
