//! Would the seal open the store after a start?

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::Subject;
use super::finding::Finding;
use crate::barrier::seal::auto::{AutoSeal, SealError, Settings};
use crate::base::credential::Credential;
use crate::base::entropy::SystemEntropy;
use crate::base::pages::Key;
use crate::base::secret::same;
use crate::config::Storage;

/// Has each automatic seal wrap a key, and unwrap it again.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let seal = &subject.config.seal;
    let all = [&seal.present, &seal.former].into_iter().flatten();
    let findings: Vec<Finding> = all.flat_map(|settings| of_one(subject, settings)).collect();
    match findings.is_empty() {
        true => vec![Finding::skipped("there is none: people unseal the server after each start")],
        false => findings,
    }
}

fn of_one(subject: &Subject, settings: &Settings) -> Vec<Finding> {
    let name = settings.mechanism().name();
    let mut findings = match tried(&*settings.clone().seal(Arc::new(SystemEntropy))) {
        Ok(()) => vec![Finding::ok(format!("{name}: it wraps a key, and gives it back"))],
        Err(error) => {
            let remedy = "without it the server stays sealed after its next start";
            vec![Finding::fail(format!("{name}: {error}"), remedy)]
        }
    };
    for credential in credentials(settings) {
        if let Credential::File(path) = credential {
            findings.extend(of_file(subject, path));
        }
    }
    findings
}

/// What it is opened with.
fn credentials(settings: &Settings) -> Vec<&Credential> {
    match settings {
        Settings::Static(keys) => {
            let keys = [Some(&keys.current), keys.previous.as_ref()].into_iter().flatten();
            keys.map(|named| &named.key).collect()
        }
        Settings::Transit(transit) => vec![&transit.token],
        Settings::Tpm2(_) => Vec::new(),
        Settings::Pkcs11(pkcs11) => vec![&pkcs11.pin],
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
        && fs::metadata(&**folder).is_ok_and(|store| store.dev() == key.dev())
    {
        findings.push(Finding::warn(
            format!("{shown} lies on the same disk as the store: who takes that has both"),
            "move it to a stick, or into a credential that a TPM seals",
        ));
    }
    findings
}
