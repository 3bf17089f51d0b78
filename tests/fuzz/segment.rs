//! A segment of the journal, and the record of a commit: as they are, and in a segment that is
//! right around them, for no fuzzer finds a hash.

use edgekeep::barrier::journal::record::{Record, RecordWriter};
use edgekeep::barrier::root::Timeline;
use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::SnapshotError;
use edgekeep::snapshot::journal::segment::{
    End, Entry, Header, Next, SegmentReader, SegmentWriter,
};

use super::frozen::store;

const TIMELINE: Timeline = Timeline { number: 1, id: 2 };

/// Bytes from a target; a record that a store was found with.
pub fn read(bytes: &[u8]) {
    if let Ok((header, end)) = check(bytes) {
        assert!(header.first <= header.last);
        assert_eq!(again(bytes), bytes, "one content has one encoding");
        let _ = end.is_proved(&store().unsealed.keyring());
    }
    let Ok(record) = Record::read(bytes) else { return };
    let Ok(writes) = record.writes().collect::<Result<Vec<_>, _>>() else { return };
    let mut writer = RecordWriter::default();
    writes.iter().for_each(|(key, value)| writer.put(key, *value));
    let Record { before, time, mark, origin, .. } = record;
    let written = writer.finish_first(before, time, mark, origin);
    let same = Record::read(&written).expect("what was written can be read");
    assert!(writes.is_empty() || same.writes().eq(record.writes()));
    if record.origin.is_some_and(|origin| origin.revision >= 5) {
        return;
    }
    let segment = around(&record, bytes);
    let (header, end) = check(&segment).expect("whatever its record");
    assert!((header.first, header.last) == (5, 5) && end.is_proved(&store().unsealed.keyring()));
}

fn check(bytes: &[u8]) -> Result<(Header, End), SnapshotError> {
    let mut reader = SegmentReader::new(bytes)?;
    loop {
        if let Next::End(end) = reader.read()? {
            return Ok((reader.header().clone(), end));
        }
    }
}

fn around(of: &Record<'_>, record: &[u8]) -> Vec<u8> {
    let Record { before, origin, .. } = *of;
    let (from, to) = (Timestamp::EPOCH, Timestamp::EPOCH);
    let (store_id, key_id) = (String::new(), String::new());
    let header = Header {
        store_id,
        key_id,
        timeline: TIMELINE,
        origin,
        first: 5,
        last: 5,
        before,
        from,
        to,
    };
    let mut writer = SegmentWriter::new(Vec::new(), &header).expect("memory");
    writer.entry(&Entry::single(TIMELINE, 5, before, record.to_vec())).expect("the next");
    writer.finish(&store().unsealed.keyring()).expect("memory")
}

/// The same segment written once more, with the hash and the MAC that stand at its end.
fn again(bytes: &[u8]) -> Vec<u8> {
    let mut reader = SegmentReader::new(bytes).expect("it was read before");
    let mut writer = SegmentWriter::new(Vec::new(), reader.header()).expect("memory");
    while let Next::Entry(entry) = reader.read().expect("it was read before") {
        writer.entry(&entry).expect("it has no gap");
    }
    let mut written = writer.finish(&store().unsealed.keyring()).expect("memory");
    let at = written.len() - 32;
    written.truncate(at);
    written.extend(&bytes[at.min(bytes.len())..]);
    written
}
