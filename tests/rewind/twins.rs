//! Two machines with copies of one store shipped to one target, and neither saw the other.

use std::fs;
use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::rewind::history::{Part, history};
use edgekeep::snapshot::rewind::plan::At;
use edgekeep::snapshot::rewind::{Source, newest};
use edgekeep::snapshot::target::Name;
use edgekeep::snapshot::target::folder::Folder as Place;

use crate::site::{Past, Site, refusal};

/// Some commits of each, behind what both have; each ships so many at once.
fn two(one: (u64, u64), other: (u64, u64)) -> (Site, Site, Vec<Name>) {
    let mut site = Site::new(40);
    site.pass(Duration::from_secs(1));
    site.put("both", b"both");
    site.ship(u64::MAX);
    let mut twin = site.twin();
    let mut names = Vec::new();
    for (site, (commits, at_once)) in [(&mut site, one), (&mut twin, other)] {
        for number in 1..=commits {
            site.put("one", &[number as u8; 9]);
            if number % at_once == 0 {
                names.extend(site.ship(u64::MAX));
            }
        }
    }
    (site, twin, names)
}

/// The commit that is so many behind what both have.
fn behind(site: &Site, commits: usize) -> Past {
    let first = site.history.iter().position(|past| past.state.contains_key("one")).unwrap();
    site.history[first - 1 + commits].clone()
}

/// It comes back on a bare machine, as the one or the other left it.
fn comes_back(site: &Site, past: &Past, at: At) {
    site.must_bring_back(past, at, Some(past.timeline));
}

#[test]
fn what_one_alone_went_to_is_followed_and_nothing_of_the_other() {
    for (at_once, of_other) in [(1, 2), (3, 1), (3, 2)] {
        let (site, twin, names) = two((3, at_once), (2, of_other));
        comes_back(&site, &behind(&site, 3), At::Revision(behind(&site, 3).revision));
        comes_back(&site, &behind(&site, 0), At::Revision(behind(&site, 0).revision));
        // What both did is told with both files.
        for past in [behind(&site, 1), behind(&twin, 2)] {
            let text = refusal(site.bare(98).prepare(At::Revision(past.revision), None));
            assert!(text.contains("two servers wrote"), "{at_once} {of_other}: {text}");
            let told = names.iter().filter(|name| text.contains(name.as_str())).count();
            assert_eq!(told, 2, "{text}");
        }
        // Without those of one the other's are had.
        for name in &names[3 / at_once as usize..] {
            fs::rename(site.path(name), site.path(name).with_extension("aside")).unwrap();
        }
        comes_back(&site, &behind(&site, 3), At::Latest);
        comes_back(&site, &behind(&site, 1), At::Revision(behind(&site, 1).revision));
    }
}

#[test]
fn the_latest_of_two_is_neither() {
    for (one, other) in [((3, 1), (2, 2)), ((3, 3), (2, 1)), ((2, 1), (2, 1)), ((2, 1), (2, 2))] {
        let (site, _, names) = two(one, other);
        let text = refusal(site.bare(97).prepare(At::Latest, None));
        assert!(text.contains("two servers wrote"), "{one:?} {other:?}: {text}");
        assert_eq!(names.iter().filter(|name| text.contains(name.as_str())).count(), 2, "{text}");
    }
}

#[test]
fn a_history_that_left_one_of_them_goes_through_that_one() {
    for (one, other) in [((3, 1), (3, 3)), ((3, 3), (3, 1)), ((2, 1), (4, 2))] {
        let (mut site, mut twin, _) = two(one, other);
        for (site, value) in [(&mut site, b"site"), (&mut twin, b"twin")] {
            site.store().begin_timeline().unwrap();
            site.note();
            site.put("then", value);
            site.ship(u64::MAX);
        }
        for site in [&site, &twin] {
            let last = site.history.last().unwrap();
            comes_back(site, last, At::Revision(last.revision));
        }
    }
}

#[test]
fn a_compaction_deletes_nothing_of_the_other() {
    let (site, _, names) = two((3, 3), (1, 1));
    site.pass(Duration::from_secs(4000));
    site.compact(Policy::default());
    let of_twin = names.last().unwrap();
    assert!(site.path(of_twin).exists(), "{of_twin} is gone");
}

#[test]
fn what_another_server_wrote_is_no_past_of_a_history_that_left_it() {
    let (site, mut twin, names) = two((1, 1), (1, 2));
    // It went on beside the other, with what it had not shipped.
    twin.pass(Duration::from_secs(9));
    twin.store().begin_timeline().unwrap();
    twin.note();
    twin.put("then", b"twin");
    let (ours, other) = (behind(&twin, 1), behind(&site, 1));
    let (left, new) = (ours.timeline, twin.store().status().timeline);
    // The other's commit is not told as its own, and its own is not lost behind that one.
    let found = twin.prepare(At::Revision(other.revision), Some(left)).unwrap();
    assert!(!found.is_own_past());
    for (at, of) in [(At::Revision(ours.revision), Some(new)), (At::Time(ours.time), None)] {
        let found = twin.prepare(at, of).unwrap();
        assert!(found.is_own_past());
        assert_eq!(found.found().instant.revision, ours.revision);
        assert_eq!(found.told()["unusable"][0]["name"], names[0].as_str());
    }
    let (since, until) = (Timestamp::EPOCH, Timestamp::from_nanos(u64::MAX));
    let all = Part { timeline: new, since, until, most: 100 };
    let (place, folder) = (Place::new(twin.place()), twin.folder.clone());
    let source = Source { target: &place, folder: &folder };
    let told = history(source, &all, &twin.store(), &twin.spools).unwrap();
    assert!(told.lost.iter().any(|lost| lost.name == names[0].as_str()), "{:?}", told.lost);
    let told = told.events.iter().find(|of| of.revision == ours.revision).map(|of| of.time);
    assert_eq!(told, Some(ours.time));

    // Who has the target alone is told of both: they went on from one state.
    twin.snapshot();
    twin.ship(u64::MAX);
    let bare = twin.bare(96);
    let text = refusal(bare.prepare(At::Latest, None));
    assert!(text.contains(&left.to_string()) && text.contains(&new.to_string()), "{text}");
    let text = refusal(newest(source, None, &bare.spools));
    assert!(text.contains("name one with -timeline"), "{text}");
    let text = refusal(bare.prepare(At::Revision(ours.revision), Some(new)));
    assert!(text.contains("before the first snapshot"), "{text}");
}
