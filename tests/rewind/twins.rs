//! Two machines with copies of one store shipped to one target, and neither saw the other.

use std::fs;
use std::time::Duration;

use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::rewind::plan::At;
use edgekeep::snapshot::target::Name;

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
    let mut bare = site.bare(99);
    let prepared = bare.prepare(at, Some(past.timeline)).unwrap();
    assert_eq!(prepared.found().instant.revision, past.revision);
    prepared.restore(&bare.barrier, false).unwrap();
    bare.shares = past.shares.clone();
    bare.unseal();
    bare.must_be(&past.state, "it comes back");
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
