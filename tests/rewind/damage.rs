//! Files that are torn, changed or missing count as absent; what cannot be reached is refused with
//! the instant that can.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use edgekeep::barrier::keyring::Keyring;
use edgekeep::base::entropy::SeededEntropy;
use edgekeep::base::record::Record as _;
use edgekeep::snapshot::format;
use edgekeep::snapshot::format::state::StateReader;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::journal::segment::{Next, SegmentReader, SegmentWriter};
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::RewindError;
use edgekeep::snapshot::rewind::listing::Instant;
use edgekeep::snapshot::rewind::plan::{At, Gap, Refusal};
use edgekeep::snapshot::target::{Name, Target};

use crate::site::{Past, Site, refusal};

/// What can befall a file.
const HARMS: [fn(&Site, &Name); 4] = [
    |site, name| site.damage(name, 200),
    |site, name| site.damage(name, usize::MAX / 2),
    |site, name| {
        let file = fs::read(site.path(name)).unwrap();
        fs::write(site.path(name), &file[..file.len() - 10]).unwrap();
    },
    |site, name| site.target.delete(name).unwrap(),
];

/// Where the bytes that tell of versions are: in a segment its own, its head's, and each record's; in
/// a snapshot its own, and those of the system's records.
fn versions(name: &Name, file: &[u8]) -> Vec<usize> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    if name.as_str().ends_with(".seg") {
        let mut reader = SegmentReader::new(file).unwrap();
        parts.push(reader.header().encode().to_vec());
        while let Next::Entry(entry) = reader.read().unwrap() {
            parts.push(entry.record);
        }
        return [16].into_iter().chain(parts.iter().map(|part| place(file, part))).collect();
    }
    format::read(file, |_, state| {
        let mut state = StateReader::new(state)?;
        while let Some((key, value)) = state.read_entry()? {
            if key[0] == 0 && !value.is_empty() {
                parts.push(value);
            }
        }
        Ok(())
    })
    .unwrap();
    let own = b"\"format\":";
    let own = place(file, own) + own.len();
    [own].into_iter().chain(parts.iter().map(|part| place(file, part))).collect()
}

/// Where a part of a file begins.
fn place(file: &[u8], part: &[u8]) -> usize {
    file.windows(part.len()).position(|there| there == part).unwrap()
}

/// Three segments of five commits each behind the first snapshot, a second apart.
fn three() -> (Site, Vec<Name>) {
    let mut site = Site::new(3);
    let segments = (0..3).map(|n| {
        for m in 0..5 {
            site.pass(Duration::from_secs(1));
            site.put("a", &[n, m]);
        }
        site.ship(u64::MAX).remove(0)
    });
    let segments = segments.collect();
    (site, segments)
}

/// The commit that is so many before the last.
fn back(site: &Site, commits: usize) -> Past {
    site.history[site.history.len() - 1 - commits].clone()
}

/// It comes back on a bare machine.
fn comes_back(site: &Site, past: &Past, at: At) {
    site.must_bring_back(past, at, None);
}

#[test]
fn a_segment_that_does_not_count_is_a_gap_and_what_is_before_it_comes_back() {
    for harm in HARMS {
        let (mut site, segments) = three();
        harm(&site, &segments[1]);
        let (first_end, second, last) = (back(&site, 10), back(&site, 7), back(&site, 0));
        let could = format!("it could go to revision {} (", first_end.revision);
        for at in [
            At::Latest,
            At::Revision(last.revision),
            At::Revision(second.revision),
            At::Time(second.time),
            At::Time(last.time.plus(Duration::from_secs(100))),
        ] {
            let text = refusal(site.prepare(at, None));
            assert!(text.contains("has a gap there") && text.contains(&could), "{at:?}: {text}");
            assert!(!text.contains(" or to "), "{text}");
        }
        let before = back(&site, 12);
        comes_back(&site, &before, At::Revision(before.revision));
        comes_back(&site, &before, At::Time(before.time.plus(Duration::from_millis(900))));
        comes_back(&site, &first_end, At::Revision(first_end.revision));
        comes_back(&site, &first_end, At::Time(first_end.time));
        // A later snapshot leads past the gap.
        site.snapshot();
        let last = back(&site, 0);
        comes_back(&site, &last, At::Latest);
        let text = refusal(site.prepare(At::Time(second.time), None));
        assert!(text.contains(&format!(" or to revision {} (", last.revision)), "{text}");
    }
}

#[test]
fn a_damaged_byte_that_tells_a_version_makes_nothing_newer() {
    let (mut site, segments) = three();
    let before = back(&site, 10);
    let bare = site.bare(1);
    let path = site.path(&segments[1]);
    let file = fs::read(&path).unwrap();
    let places = versions(&segments[1], &file);
    assert_eq!(places.len(), 7);
    for at in places {
        let mut damaged = file.clone();
        damaged[at] = b'9';
        fs::write(&path, damaged).unwrap();
        let text = refusal(bare.prepare(At::Latest, None));
        let could = format!("it could go to revision {} (", before.revision);
        assert!(text.contains("has a gap there") && text.contains(&could), "{at}: {text}");
        comes_back(&site, &before, At::Revision(before.revision));
    }
    fs::write(&path, file).unwrap();
    let snapshot = site.snapshot();
    site.put("a", b"behind it");
    site.ship(u64::MAX);
    let last = back(&site, 0);
    let path = site.path(&snapshot);
    let file = fs::read(&path).unwrap();
    let places = versions(&snapshot, &file);
    assert!(places.len() > 4, "{places:?}");
    for at in places {
        let mut damaged = file.clone();
        damaged[at] = b'9';
        fs::write(&path, damaged).unwrap();
        // The one before it does.
        comes_back(&site, &last, At::Latest);
    }
}

#[test]
fn a_commit_that_was_folded_is_between_those_that_are_told_instead() {
    let mut site = Site::new(6);
    for n in 0..12 {
        site.pass(Duration::from_secs(1200));
        site.put("a", &[n]);
    }
    site.ship(1);
    site.pass(Duration::from_secs(9 * 24 * 3600));
    site.put("b", b"1");
    site.ship(u64::MAX);
    assert!(site.compact(Policy::default()) > 0);
    let bare = site.bare(1);
    let prepared = |past: &Past| bare.prepare(At::Revision(past.revision), None);
    let (kept, folded): (Vec<&Past>, Vec<&Past>) =
        site.history.iter().partition(|past| prepared(past).is_ok());
    assert!(kept.len() > 4 && folded.len() > 4, "{} and {}", kept.len(), folded.len());
    let instant = |past: &&Past| Instant { revision: past.revision, time: past.time };
    for past in folded {
        let Err(RewindError::Refused(Refusal::Folded(_, gap), _)) = prepared(past) else {
            panic!("{} was folded", past.revision)
        };
        let before = kept.iter().rfind(|kept| kept.revision < past.revision).map(instant).unwrap();
        let after = kept.iter().find(|kept| kept.revision > past.revision).map(instant);
        assert_eq!(gap, Gap { before, after }, "{}", past.revision);
    }
}

#[test]
fn the_last_segment_is_missed_only_where_something_tells_of_it() {
    let (site, segments) = three();
    site.damage(&segments[2], 300);
    // The server itself still has what it has shipped last.
    site.prepare(At::Latest, None).unwrap();
    let text = refusal(site.bare(1).prepare(At::Latest, None));
    let end = back(&site, 5);
    assert!(text.contains(&format!("it could go to revision {} (", end.revision)), "{text}");
    assert!(text.contains(&format!("{} does not count: ", segments[2])), "{text}");
    comes_back(&site, &end, At::Revision(end.revision));
    site.target.delete(&segments[2]).unwrap();
    comes_back(&site, &end, At::Latest);
    // That it was the last one then is more than the target knows.
    comes_back(&site, &end, At::Time(back(&site, 0).time));
}

#[test]
fn an_older_snapshot_does_where_a_newer_one_does_not_verify() {
    for harm in HARMS {
        let mut site = Site::new(4);
        site.put("a", b"1");
        site.pass(Duration::from_secs(5));
        let newer = site.snapshot();
        site.put("a", b"2");
        site.ship(u64::MAX);
        harm(&site, &newer);
        let last = back(&site, 0);
        let prepared = site.prepare(At::Latest, None).unwrap();
        assert!(prepared.plan().base.revision < last.revision - 1);
        comes_back(&site, &last, At::Latest);
    }
}

#[test]
fn without_a_journal_a_snapshot_leads_to_itself() {
    let mut site = Site::new(5);
    let begin = back(&site, 0);
    site.pass(Duration::from_secs(10));
    site.put("a", b"1");
    site.put("a", b"2");
    site.pass(Duration::from_secs(10));
    site.snapshot();
    let last = back(&site, 0);
    comes_back(&site, &begin, At::Time(begin.time));
    comes_back(&site, &last, At::Latest);
    let text =
        refusal(site.bare(1).prepare(At::Time(begin.time.plus(Duration::from_secs(15))), None));
    assert!(text.contains("has a gap there"), "{text}");
    let text =
        refusal(site.bare(1).prepare(At::Time(begin.time.minus(Duration::from_secs(1))), None));
    assert!(text.contains("that was before the first snapshot"), "{text}");
    let text = refusal(site.bare(1).prepare(At::Revision(1000), None));
    assert!(text.contains("nothing so late is known"), "{text}");
}

#[test]
fn what_no_keys_of_the_store_have_made_is_found_out_by_them() {
    let (mut site, segments) = three();
    let last = back(&site, 0);
    // With this commit the server lets go of what it has shipped.
    site.put("later", b"1");
    let bytes = fs::read(site.path(&segments[2])).unwrap();
    let mut reader = SegmentReader::new(&bytes[..]).unwrap();
    let others = Keyring::generate(&SeededEntropy::new(1), site.clock_now());
    let mut writer = SegmentWriter::new(Vec::new(), reader.header()).unwrap();
    while let Next::Entry(entry) = reader.read().unwrap() {
        writer.entry(&entry).unwrap();
    }
    fs::write(site.path(&segments[2]), writer.finish(&others).unwrap()).unwrap();
    let text = refusal(site.prepare(At::Latest, None));
    assert!(text.contains("the keys do not vouch for it"), "{text}");
    // Nobody can tell on a machine without keys; the store is recounted when it is unsealed.
    comes_back(&site, &last, At::Latest);
}

#[test]
fn a_time_of_two_histories_must_name_one() {
    let (mut site, _) = three();
    let (first, fork) = (back(&site, 0), back(&site, 8));
    // A clone goes on beside the original.
    let mut clone = site.cloned(&fork, At::Revision(fork.revision));
    for site in [&mut site, &mut clone] {
        site.pass(Duration::from_secs(10));
        site.put("b", b"both");
        site.ship(u64::MAX);
    }
    let (one, two) = (back(&site, 0), back(&clone, 0));
    let bare = site.bare(51);
    for at in [At::Latest, At::Time(one.time)] {
        let text = refusal(bare.prepare(at, None));
        assert!(
            text.contains("name one with -timeline=TIMELINE (where the instant is one word"),
            "{text}"
        );
        for past in [&one, &two] {
            assert!(text.contains(&format!("{}: revision", past.timeline)), "{text}");
            let prepared = bare.prepare(at, Some(past.timeline)).unwrap();
            assert_eq!(prepared.found().instant.revision, past.revision);
        }
    }
    let text = refusal(site.prepare(At::Revision(first.revision), Some(two.timeline)));
    assert!(text.contains("nothing so late is known"), "{text}");
    // Before the clone there was only one.
    comes_back(&site, &fork, At::Time(fork.time));
}

#[test]
fn an_interrupted_restore_replaces_nothing() {
    let (site, _) = three();
    let (now, then) = (back(&site, 0), back(&site, 9));
    let mut prepared = site.prepare(At::Revision(then.revision), None).unwrap();
    prepared.set_interrupted(Arc::new(AtomicBool::new(true)));
    let text = prepared.restore(&site.barrier, false).unwrap_err().to_string();
    assert_eq!(text, "interrupted: nothing was replaced");
    site.must_be(&now.state, "as it was");
}

#[test]
fn a_store_of_other_keys_is_replaced_by_force_alone() {
    let (site, _) = three();
    let mut other = Site::new(8);
    other.folder = site.folder.clone();
    let source = edgekeep::snapshot::rewind::Source { target: &site.target, folder: &site.folder };
    let wish = edgekeep::snapshot::rewind::plan::Wish { at: At::Latest, timeline: None };
    let keys = other.barrier.unsealed().as_ref().map(Lent::of);
    let prepared = edgekeep::snapshot::rewind::prepare(source, &wish, keys, &other.spools).unwrap();
    let text = prepared.restore(&other.barrier, false).unwrap_err().to_string();
    assert!(text.contains("snapshot of other keys"), "{text}");
    prepared.restore(&other.barrier, true).unwrap();
    assert!(other.barrier.unsealed().is_none(), "it is sealed");
    other.shares = site.shares.clone();
    other.unseal();
    other.must_be(&site.state, "by force");
}
