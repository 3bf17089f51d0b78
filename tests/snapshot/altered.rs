//! Snapshots as they are after somebody had them who has no keys.

use edgekeep::snapshot::format::read;
use edgekeep::snapshot::format::state::{StateReader, StateWriter};

use crate::support::archive::archive;

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
    archive(&meta, &state, &frame.sealed)
}
