//! Snapshots as they are after somebody had them who has no keys.

use edgekeep::base::clock::Timestamp;
use edgekeep::base::digest::sha256;
use edgekeep::snapshot::format::archive::Writer;
use edgekeep::snapshot::format::state::{StateReader, StateWriter};
use edgekeep::snapshot::format::{member, read, sha256sums};

/// The same without its last entry, with all counts and sums right that need no key.
pub fn without_its_last_entry(file: &[u8]) -> Vec<u8> {
    let (frame, mut entries) = read(file, |_, state| {
        let mut state = StateReader::new(state)?;
        let mut entries = Vec::new();
        while let Some(entry) = state.read_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    })
    .unwrap();
    entries.pop();
    let mut state = Vec::new();
    let mut writer = StateWriter::new(&mut state).unwrap();
    for (key, value) in &entries {
        writer.entry(key, value).unwrap();
    }
    let written = writer.finish().unwrap();
    let mut meta = frame.meta;
    (meta.size, meta.about.entries) = (written.length, written.counts.entries);
    meta.about.bytes = written.counts.bytes;
    let meta = meta.encode();
    let sums = sha256sums(&sha256(&meta), &sha256(&state));
    let members = [
        (member::META, &meta[..]),
        (member::STATE, &state),
        (member::SUMS, &sums),
        (member::SEALED, &frame.sealed),
    ];
    let mut altered = Vec::new();
    let mut writer = Writer::new(&mut altered, Timestamp::EPOCH).unwrap();
    for (name, mut content) in members {
        writer.member(name, content.len() as u64, &mut content).unwrap();
    }
    writer.finish().unwrap();
    altered
}
