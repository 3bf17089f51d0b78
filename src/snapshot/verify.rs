//! Verifying a snapshot by itself, with its unseal keys: every entry is opened and counted.

use std::fmt;
use std::io::Read;

use super::SnapshotError;
use super::contents::Entries;
use super::format;
use super::inspect::Inspected;
use crate::barrier::keyring::Keyring;
use crate::barrier::verify::{Report, SEAL_REPLACED, With, verify as verify_entries};
use crate::base::pages::Key;

/// A verified snapshot: good if nothing was [found](Self::findings).
#[derive(Debug)]
pub struct Verified {
    /// What it says of itself.
    pub inspected: Inspected,
    /// What its entries come to.
    pub report: Report,
    /// Whether `SHA256SUMS.sealed` is the seal of its checksums.
    pub sealed: bool,
}

/// Reads a snapshot from its first byte to its last and opens every entry. `unseal_key` is what
/// its shares make.
pub fn verify(stream: impl Read, unseal_key: &Key<32>) -> Result<Verified, SnapshotError> {
    let (frame, (records, report)) = format::read(stream, |meta, state| {
        let mut entries = Entries::new(state)?;
        let report = verify_entries(&mut entries, With::UnsealKey(unseal_key))?;
        Ok((entries.finish(meta)?, report))
    })?;
    let seal = records.seal()?;
    let keyring = Keyring::open(&seal.open(unseal_key)?, records.keyring()?)?;
    let sealed = frame.is_sealed_by(&keyring);
    let inspected = Inspected { seal: seal.settings(), meta: frame.meta };
    Ok(Verified { inspected, report, sealed })
}

impl Verified {
    /// What is not wrong for certain, but to be known.
    pub fn notice(&self) -> Option<&'static str> {
        self.report.seal_replaced.then_some(SEAL_REPLACED)
    }

    /// Everything that is wrong, each in a line; of bad entries the first hundred are named.
    pub fn findings(&self) -> Vec<String> {
        let Report { record, found, bad, .. } = &self.report;
        let about = &self.inspected.meta.about;
        let mut findings = Vec::new();
        if !self.sealed {
            findings.push("SHA256SUMS.sealed is not the seal of its checksums".to_owned());
        }
        differ(&mut findings, "store id", &about.store_id, &record.store_id);
        differ(&mut findings, "timeline", &about.timeline, &record.timeline.to_string());
        differ(&mut findings, "revision", &about.revision, &record.revision);
        differ(&mut findings, "number of entries", &found.entries, &record.tally.entries);
        if *found != record.tally {
            findings.push("the entries do not add up to the root record".to_owned());
        }
        findings.extend(bad.named.iter().map(|entry| format!("does not open: {entry}")));
        let unnamed = bad.count - bad.named.len() as u64;
        if unnamed > 0 {
            findings.push(format!("{unnamed} more do not open"));
        }
        findings
    }
}

fn differ<T: PartialEq + fmt::Display>(findings: &mut Vec<String>, what: &str, said: &T, is: &T) {
    if said != is {
        findings.push(format!("the {what} is {said}, but {is} by the root record"));
    }
}
