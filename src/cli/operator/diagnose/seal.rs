//! Would the seal open the store after a start?

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::Subject;
use super::finding::Finding;
use crate::barrier::SEAL;
use crate::barrier::automatic::astray;
use crate::barrier::seal::auto::{AutoSeal, SealError, Settings};
use crate::barrier::seal::{SHAMIR, SealRecord};
use crate::base::credential::Credential;
use crate::base::entropy::SystemEntropy;
use crate::base::pages::Key;
use crate::base::record::Record;
use crate::base::secret::same;
use crate::config::Storage;
use crate::storage::folder;
use crate::storage::redb::{Unclear, peek, peek_beside};

/// Has each automatic seal wrap a key, and unwrap it again; and the one in use open the store, also
/// beside a server: a key that was changed since its start it would miss only at the next one.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let seal = &subject.config.seal;
    let record = record(subject);
    let mut findings = Vec::new();
    if let Ok(Some(record)) = &record {
        findings.extend(other_seal(record, seal.present.as_ref()));
    }
    for settings in seal.all() {
        let sealed = match &record {
            Ok(record) => Ok(record.as_ref().filter(|record| is_of(record, Some(settings)))),
            Err(Unclear) => Err(Unclear),
        };
        findings.extend(of_one(subject, settings, sealed));
    }
    match findings.is_empty() {
        true => vec![Finding::skipped("there is none: people unseal the server after each start")],
        false => findings,
    }
}

/// What seals the store, where it can be looked at.
fn record(subject: &Subject) -> Result<Option<SealRecord>, Unclear> {
    let Storage::Redb { folder, .. } = &subject.config.storage else { return Ok(None) };
    let file = folder::data_file(folder);
    // What is no file is not opened, for it may never begin.
    if !fs::metadata(&file).is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let Ok(file) = File::open(&file) else { return Ok(None) };
    let found = match subject.running {
        Some(_) => peek_beside(&file, SEAL)?,
        None => peek(file, SEAL),
    };
    Ok(found.and_then(|found| SealRecord::decode(&found).ok()))
}

fn is_of(record: &SealRecord, settings: Option<&Settings>) -> bool {
    record.kind().mechanism() == settings.map(Settings::mechanism)
}

/// A store that nobody opens after the next start but people who change its seal.
fn other_seal(record: &SealRecord, present: Option<&Settings>) -> Option<Finding> {
    if is_of(record, present) {
        return None;
    }
    let configured = present.map_or(SHAMIR, |settings| settings.mechanism().name());
    let (what, remedy) = astray(record.kind(), configured);
    Some(Finding::fail(what, remedy))
}

/// `sealed` is the store that is under it.
fn of_one(
    subject: &Subject,
    settings: &Settings,
    sealed: Result<Option<&SealRecord>, Unclear>,
) -> Vec<Finding> {
    let name = settings.mechanism().name();
    let credentials: Vec<Credential> = settings.credentials().into_iter().cloned().collect();
    let try_it = || tried_on(subject, settings, sealed);
    let mut findings = vec![subject.withheld(name, &credentials).unwrap_or_else(try_it)];
    for credential in credentials {
        if let Credential::File(path) = credential {
            findings.extend(of_file(subject, &path));
        }
    }
    findings
}

/// What comes of having it wrap a key, and open the store that is under it.
fn tried_on(
    subject: &Subject,
    settings: &Settings,
    sealed: Result<Option<&SealRecord>, Unclear>,
) -> Finding {
    let name = settings.mechanism().name();
    let seal = settings.clone().seal(Arc::new(SystemEntropy), &subject.config.seal.hidden);
    let wraps = "it wraps a key, and gives it back";
    let without = "without it the server stays sealed after its next start";
    let fail = |why: String| Finding::fail(format!("{name}: {why}"), without);
    match (tried(&*seal), sealed) {
        // What hangs is not asked again.
        (Err(error @ SealError::Silent(_)), _) => fail(error.to_string()),
        (Ok(()), Err(Unclear)) => Finding::warn(
            format!("{name}: {wraps}; on the store it could not be tried while the server writes"),
            "run it again",
        ),
        (Ok(()), Ok(None)) => {
            Finding::ok(format!("{name}: {wraps}; on the store it was not tried"))
        }
        (wrapped, Ok(Some(record))) => match (record.try_seal(&*seal), wrapped) {
            (Ok(()), Ok(())) => Finding::ok(format!("{name}: {wraps}, and it opens the store")),
            (Ok(()), Err(error)) => fail(error.to_string()),
            (Err(error), Ok(())) => {
                fail(format!("{wraps}, and yet it does not open the store: {error}"))
            }
            // What mends a key that does not open the store goes before what makes a new one.
            (Err(error), Err(_)) => fail(error.to_string()),
        },
        (Err(error), _) => fail(error.to_string()),
    }
}

fn tried(seal: &dyn AutoSeal) -> Result<(), SealError> {
    let key = Key::random(&SystemEntropy);
    let back = seal.unwrap(&seal.wrap(&key, &SystemEntropy)?)?;
    match same(&*back, &*key) {
        true => Ok(()),
        false => Err(SealError::Away("what it wrapped does not come back as it was".into())),
    }
}

/// A secret in a file: who may read it, and does it lie where the store lies?
fn of_file(subject: &Subject, path: &Path) -> Vec<Finding> {
    let Ok(key) = fs::metadata(path) else { return Vec::new() };
    let mut findings = Vec::new();
    let (shown, mode) = (path.display(), key.mode() & 0o777);
    if mode & 0o077 != 0 {
        findings.push(Finding::warn(
            format!("{shown} is open to other users (mode {mode:04o})"),
            format!("find out who could read it, then run chmod go= {shown}"),
        ));
    }
    if let Storage::Redb { folder, .. } = &subject.config.storage
        && disk_of(folder).is_some_and(|disk| disk == key.dev())
    {
        findings.push(Finding::warn(
            format!("{shown} lies on the same disk as the store: who takes that has both"),
            "move it to a stick, or into a credential that a TPM seals",
        ));
    }
    findings
}

/// The disk that a folder is on, or will be where it is not there yet.
fn disk_of(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    fs::metadata(there).ok().map(|folder| folder.dev())
}
