//! A snapshot file, and what is in one: as it is, and in a file that is right around it, for no
//! fuzzer finds a checksum.

use edgekeep::base::clock::Timestamp;
use edgekeep::base::digest::sha256;
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::snapshot::format::archive::Writer;
use edgekeep::snapshot::format::meta::Meta;
use edgekeep::snapshot::format::state::{StateReader, StateWriter, Written};
use edgekeep::snapshot::format::{member, sha256sums};
use edgekeep::snapshot::inspect::inspect;
use edgekeep::snapshot::verify::verify;
use edgekeep::storage::Entry;

use super::frozen::store;

/// A file from anywhere; `state.bin` and `meta.json` of one that has the right checksums, sealed
/// even, as by a server whose disk is bad.
pub fn read(bytes: &[u8]) {
    check(bytes);
    let (entries, ended) = read_state(bytes);
    let (state, written) = write_state(&entries);
    if ended {
        assert_eq!(state, bytes, "one content has one encoding");
    }
    if !entries.is_empty() {
        let mut meta = store().meta.clone();
        (meta.size, meta.about.entries) = (written.length, written.counts.entries);
        meta.about.bytes = written.counts.bytes;
        check(&file(&meta, &state));
    }
    if let Ok(mut meta) = Meta::parse(bytes) {
        assert_eq!(Meta::parse(&meta.encode()).ok(), Some(meta.clone()));
        let (state, _) = write_state(&store().entries);
        meta.size = state.len() as u64;
        check(&file(&meta, &state));
    }
}

/// Whatever is found good holds what the store held, and nothing else.
fn check(file: &[u8]) {
    let inspected = inspect(file);
    if let Err(error) = &inspected {
        assert!(!error.to_string().is_empty());
    }
    let Ok(verified) = verify(file, &store().unseal_key) else { return };
    assert!(inspected.is_ok(), "what cannot be inspected cannot be verified");
    if verified.findings().is_empty() {
        let said = &verified.inspected.meta.about;
        let real = &store().meta.about;
        assert_eq!((said.revision, &said.timeline), (real.revision, &real.timeline));
        assert_eq!(verified.report.found, store().unsealed.status().tally);
        assert_eq!((said.entries, said.bytes), (real.entries, real.bytes));
    }
}

/// The entries up to the first mistake, and whether there was none.
fn read_state(bytes: &[u8]) -> (Vec<Entry>, bool) {
    let mut entries = Vec::new();
    let Ok(mut reader) = StateReader::new(bytes) else { return (entries, false) };
    loop {
        match reader.read_entry() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return (entries, true),
            Err(_) => return (entries, false),
        }
    }
}

fn write_state(entries: &[Entry]) -> (Vec<u8>, Written) {
    let mut state = Vec::new();
    let mut writer = StateWriter::new(&mut state).expect("memory takes it");
    for (key, value) in entries {
        writer.entry(key, value).expect("their keys ascend");
    }
    let written = writer.finish().expect("memory takes it");
    (state, written)
}

fn file(meta: &Meta, state: &[u8]) -> Vec<u8> {
    let meta = meta.encode();
    let sums = sha256sums(&sha256(&meta), &sha256(state));
    let keyring = store().unsealed.keyring();
    let sealed = keyring.seal_value(member::SEALED.as_bytes(), &sums, &SeededEntropy::new(0));
    let members = [
        (member::META, &meta[..]),
        (member::STATE, state),
        (member::SUMS, &sums),
        (member::SEALED, &sealed),
    ];
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file, Timestamp::EPOCH).expect("memory takes it");
    for (name, mut content) in members {
        writer.member(name, content.len() as u64, &mut content).expect("memory takes it");
    }
    writer.finish().expect("memory takes it");
    file
}
