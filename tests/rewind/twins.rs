//! Two machines with copies of one store shipped to one target, and neither saw the other.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::journal::compact::Policy;
use edgekeep::snapshot::layout::SegmentName;
use edgekeep::snapshot::lent::Lent;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::history::{History, Part, history};
use edgekeep::snapshot::rewind::listing::Listing;
use edgekeep::snapshot::rewind::plan::{At, Refusal};
use edgekeep::snapshot::rewind::{Prepared, RewindError, Source, newest};
use edgekeep::snapshot::target::folder::Folder as Place;
use edgekeep::snapshot::target::{Name, Target};

use crate::site::{Past, Site, refusal};

/// Some commits of each, behind what both have; each ships so many at once.
fn two(one: (u64, u64), other: (u64, u64)) -> (Site, Site, Vec<Name>) {
    two_of(40, one, other)
}

fn two_of(seed: u64, one: (u64, u64), other: (u64, u64)) -> (Site, Site, Vec<Name>) {
    let mut site = Site::new(seed);
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

/// Files of one second stand in any order.
#[test]
fn what_both_have_left_is_had_by_the_name_of_either() {
    for seed in 60..76 {
        let (mut site, mut twin, _) = two_of(seed, (2, 1), (5, 1));
        for (site, value) in [(&mut site, b"site"), (&mut twin, b"twin")] {
            site.pass(Duration::from_secs(9));
            site.store().begin_timeline().unwrap();
            site.note();
            site.put("then", value);
            site.ship(u64::MAX);
        }
        for (of, commits) in [(&site, 2), (&twin, 5)] {
            let new = of.store().status().timeline;
            for nth in 1..=commits {
                let past = behind(of, nth);
                of.must_bring_back(&past, At::Revision(past.revision), Some(new));
                // The server itself has its own, also where what both have left is named.
                for named in [new, past.timeline] {
                    let found = of.prepare(At::Revision(past.revision), Some(named)).unwrap();
                    brings_back(found, of, &past);
                }
            }
        }
        // Who has the target alone is told of both, or given what one alone went to.
        let (both, one) = (behind(&twin, 2), behind(&twin, 5));
        let bare = site.bare(97);
        let text = refusal(bare.prepare(At::Revision(both.revision), Some(both.timeline)));
        assert!(text.contains("two servers wrote"), "{seed}: {text}");
        comes_back(&site, &one, At::Revision(one.revision));
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
    let told = history(source, &all, &Lent::of(&twin.store()), &twin.spools).unwrap();
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

/// One that ships each commit, and another one that has shipped none: commits of both, in turn.
fn ahead(commits: u64) -> (Site, Site) {
    let (mut site, mut twin, _) = two((0, 1), (0, 1));
    site.pass(Duration::from_secs(1));
    for number in 1..=commits {
        for (site, value) in [(&mut site, b's'), (&mut twin, b't')] {
            site.pass(Duration::from_secs(2));
            site.put("one", &[value, number as u8]);
        }
        site.ship(u64::MAX);
    }
    (site, twin)
}

/// Its records up to a commit are no longer here.
fn forget(site: &mut Site, upto: &Past) {
    let store = site.store();
    store.drop_journal(upto.timeline, upto.revision).unwrap();
    if store.status().revision > site.history.last().unwrap().revision {
        site.note();
    }
}

/// What was prepared is that instant.
fn brings_back(prepared: Prepared, site: &Site, past: &Past) {
    assert_eq!(prepared.found().instant.revision, past.revision);
    let mut bare = site.bare(95);
    prepared.restore(&bare.barrier, false).unwrap();
    bare.shares = past.shares.clone();
    bare.unseal();
    bare.must_be(&past.state, "what it had itself");
}

/// An instant that is not named is the server's own; whether it is had: a number alone may be of
/// several histories.
fn is_its_own(site: &Site, at: At, past: &Past, what: &str) -> bool {
    match site.prepare(at, None) {
        Ok(found) => {
            assert!(found.is_own_past(), "{what}");
            brings_back(found, site, past);
            true
        }
        Err(error) => {
            let text = error.to_string();
            assert!(matches!(at, At::Revision(_)) && text.contains("name one"), "{what} {text}");
            false
        }
    }
}

/// Each instant after the fork.
fn since_fork(site: &Site) -> impl Iterator<Item = Past> {
    let wrote = |past: &&Past| past.state.contains_key("one");
    site.history.iter().filter(wrote).cloned()
}

#[test]
fn a_server_that_wrote_those_commits_itself_is_not_given_another_ones() {
    let (site, mut twin) = ahead(4);
    for past in since_fork(&twin) {
        for at in [At::Time(past.time), At::Revision(past.revision), At::Latest] {
            match twin.prepare(at, None) {
                // The other one had done nothing yet.
                Ok(own) => {
                    assert_eq!(at, At::Time(behind(&twin, 1).time));
                    assert!(own.is_own_past());
                    brings_back(own, &twin, &past);
                }
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("this server wrote revision"), "{at:?}: {text}");
                }
            }
            // Who names the history means what is there, and is told what that is.
            if let At::Revision(_) | At::Latest = at {
                let other = twin.prepare(at, Some(past.timeline)).unwrap();
                assert!(!other.is_own_past());
            }
        }
    }
    // What both come of is nobody's alone.
    let both = behind(&twin, 0);
    for at in [At::Time(both.time), At::Revision(both.revision)] {
        let found = twin.prepare(at, None).unwrap();
        assert_eq!((found.found().instant.revision, found.is_own_past()), (both.revision, true));
    }
    // Nothing is left here but where the journal stands.
    let last = twin.history.last().unwrap().clone();
    forget(&mut twin, &last);
    twin.put("one", b"more");
    let last = since_fork(&site).last().unwrap();
    let text = refusal(twin.prepare(At::Time(last.time), None));
    assert!(text.contains("this server wrote revision"), "{text}");
}

#[test]
fn before_the_first_commit_of_one_the_other_may_have_gone_on() {
    let (site, mut twin) = ahead(2);
    twin.ship(u64::MAX);
    let early = behind(&twin, 1);
    assert!(early.time < behind(&site, 1).time);
    let text = refusal(site.bare(94).prepare(At::Time(early.time), None));
    assert!(text.contains("two servers wrote"), "{text}");
    comes_back(&site, &behind(&site, 0), At::Time(behind(&site, 0).time));

    // The same where the way by names is that of who had done nothing yet.
    let (mut site, mut twin, _) = two((0, 1), (0, 1));
    twin.pass(Duration::from_secs(1));
    twin.put("one", b"twin");
    twin.ship(u64::MAX);
    site.pass(Duration::from_secs(2));
    (0..3).for_each(|number| site.put("one", &[number]));
    site.ship(u64::MAX);
    let text = refusal(site.bare(94).prepare(At::Time(behind(&twin, 1).time), None));
    assert!(text.contains("two servers wrote"), "{text}");
}

#[test]
fn a_server_goes_forward_on_what_comes_of_it_where_that_is_named() {
    let (mut site, _, _) = two((0, 1), (0, 1));
    let twin = site.twin();
    for number in 1..=3 {
        site.pass(Duration::from_secs(1));
        site.put("one", &[number]);
        site.ship(u64::MAX);
    }
    let timeline = twin.store().status().timeline;
    let found = twin.prepare(At::Latest, Some(timeline)).unwrap();
    assert_eq!(found.found().instant.revision, site.history.last().unwrap().revision);
    assert!(!found.is_own_past());
    // Where nobody names that, its own latest may be meant, or what it wrote before its disk was put
    // back.
    let (own, there) = (twin.history.last().unwrap(), site.history.last().unwrap());
    for at in [At::Latest, At::Revision(there.revision), At::Time(there.time)] {
        let text = refusal(twin.prepare(at, None));
        assert!(text.contains("the target is ahead of this server"), "{text}");
        assert!(text.contains(&format!("this server is at revision {}", own.revision)), "{text}");
    }
    for at in [At::Time(own.time), At::Revision(own.revision)] {
        let found = twin.prepare(at, None).unwrap();
        assert!(found.is_own_past() && found.found().instant.revision == own.revision);
    }
}

#[test]
fn who_goes_on_beside_has_its_own_past_or_none() {
    // Its own records are still here, or are gone with what it shipped elsewhere.
    for kept in [true, false] {
        let (site, mut twin) = ahead(4);
        let left = behind(&twin, 0).timeline;
        let last = twin.history.last().unwrap().clone();
        twin.pass(Duration::from_secs(9));
        twin.store().begin_timeline().unwrap();
        twin.note();
        twin.put("then", b"twin");
        if !kept {
            forget(&mut twin, &last);
        }
        twin.snapshot();
        twin.ship(u64::MAX);
        for past in since_fork(&twin).filter(|past| past.timeline == left) {
            let own = twin.prepare(At::Time(past.time), None);
            if kept {
                let own = own.unwrap();
                assert!(own.is_own_past());
                brings_back(own, &twin, &past);
            } else {
                let text = refusal(own);
                assert!(text.contains("is another server's"), "{text}");
                assert!(text.contains(&format!("-timeline={left}")), "{text}");
            }
        }
        // Whoever names the other's history has it, and is told what it is.
        for past in since_fork(&site) {
            let other = twin.prepare(At::Time(past.time), Some(left)).unwrap();
            assert_eq!(other.found().instant.revision, past.revision);
            assert!(!other.is_own_past());
        }
        let present = twin.history.last().unwrap();
        let found = twin.prepare(At::Revision(present.revision), None).unwrap();
        assert!(found.is_own_past() && found.found().instant.revision == present.revision);
    }
}

#[test]
fn where_only_the_first_commits_of_another_one_lie_nothing_is_told_for_what_came_behind() {
    let (mut site, mut twin, _) = two((0, 1), (0, 1));
    site.put("one", b"site");
    site.ship(u64::MAX);
    for number in 1..=3 {
        twin.put("one", &[number]);
        twin.pass(Duration::from_secs(2));
    }
    let (left, last) = (behind(&twin, 0).timeline, twin.history.last().unwrap().clone());
    twin.pass(Duration::from_secs(9));
    twin.store().begin_timeline().unwrap();
    twin.note();
    forget(&mut twin, &last);
    twin.snapshot();
    twin.ship(u64::MAX);
    for past in since_fork(&twin).filter(|past| past.timeline == left).skip(1) {
        let text = refusal(twin.prepare(At::Time(past.time), None));
        assert!(text.contains("name it: -timeline="), "{text}");
    }
}

/// The log that a server tells of its own history.
fn told(site: &Site) -> History {
    let (since, until) = (Timestamp::EPOCH, Timestamp::from_nanos(u64::MAX));
    let all = Part { timeline: site.store().status().timeline, since, until, most: 100 };
    let place = Place::new(site.place());
    let source = Source { target: &place, folder: &site.folder };
    history(source, &all, &Lent::of(&site.store()), &site.spools).unwrap()
}

/// Each commit since the fork is in the log as it was here, and nothing is missing.
fn tells_its_own(site: &Site) {
    let told = told(site);
    let commits = told.events.iter().map(|event| (event.revision, event.time));
    let commits: BTreeMap<u64, Timestamp> = commits.collect();
    for past in since_fork(site) {
        assert_eq!(commits.get(&past.revision), Some(&past.time), "{commits:?}");
    }
    let last = site.history.last().map(|past| past.revision);
    assert_eq!(commits.keys().last().copied(), last);
    assert!(told.gaps.is_empty(), "{:?}", told.gaps);
}

/// It goes on beside the other one, with its own records here.
fn leaves(site: &mut Site) {
    site.pass(Duration::from_secs(9));
    site.store().begin_timeline().unwrap();
    site.note();
    site.put("then", b"on");
}

#[test]
fn the_log_is_that_of_the_server_that_asks() {
    for further in [0, 1, 6] {
        let (mut site, mut twin) = ahead(3);
        for number in 0..further {
            site.pass(Duration::from_secs(2));
            site.put("one", &[b's', 9, number]);
            // One file goes further than what the other one has.
            if number % 3 != 1 {
                site.ship(u64::MAX);
            }
        }
        tells_its_own(&twin);
        leaves(&mut twin);
        tells_its_own(&twin);
        twin.ship(u64::MAX);
        tells_its_own(&twin);
    }
}

#[test]
fn what_is_not_shipped_yet_is_had_by_its_name() {
    let (_, mut twin) = ahead(1);
    leaves(&mut twin);
    let last = twin.history.last().unwrap().clone();
    for at in [At::Latest, At::Revision(last.revision), At::Time(last.time)] {
        let found = twin.prepare(at, Some(last.timeline)).unwrap();
        assert!(found.is_own_past());
        brings_back(found, &twin, &last);
    }
}

#[test]
fn between_its_last_commit_and_what_it_began_there_is_that_commit() {
    let (mut site, mut twin) = ahead(2);
    for number in 0..5 {
        site.put("one", &[number]);
        site.ship(u64::MAX);
        site.pass(Duration::from_secs(1));
    }
    let last = twin.history.last().unwrap().clone();
    leaves(&mut twin);
    twin.snapshot();
    twin.ship(u64::MAX);
    let found = twin.prepare(At::Revision(last.revision), None);
    brings_back(found.unwrap(), &twin, &last);
    for seconds in [0, 1, 8] {
        let at = last.time.plus(Duration::from_secs(seconds));
        match twin.prepare(At::Time(at), None) {
            Ok(found) => {
                assert!(found.is_own_past(), "{seconds}");
                brings_back(found, &twin, &last);
            }
            // By that time the other one had gone further than this one ever did.
            Err(error) => {
                let named = format!("name it: -timeline={}", last.timeline);
                assert!(error.to_string().contains(&named), "{seconds}: {error}");
            }
        }
    }
}

#[test]
fn a_file_that_was_folded_over_the_fork_counts_up_to_there() {
    let (site, mut twin) = ahead(3);
    site.pass(Duration::from_secs(2 * 3600));
    twin.pass(Duration::from_secs(2 * 3600));
    assert!(site.compact(Policy::default()) > 0);
    let first = since_fork(&site).next().unwrap().revision;
    let spans = |of: &SegmentName| of.first < first && first <= of.last;
    let listed = site.target.list(site.folder.path()).unwrap();
    let listing = Listing::read(&site.folder, &listed);
    assert!(listing.segments.iter().any(spans), "{:?}", listing.segments);
    tells_its_own(&twin);
    let both = behind(&twin, 0);
    let found = twin.prepare(At::Time(both.time.plus(Duration::from_secs(1))), None).unwrap();
    brings_back(found, &twin, &both);
    leaves(&mut twin);
    tells_its_own(&twin);
    for past in since_fork(&twin).filter(|past| past.timeline == both.timeline) {
        let found = twin.prepare(At::Time(past.time), None).unwrap();
        assert!(found.is_own_past());
        brings_back(found, &twin, &past);
    }
}

#[test]
fn a_history_whose_first_file_is_missing_has_taken_the_others_place_all_the_same() {
    let mut site = Site::new(41);
    site.put("one", b"1");
    site.ship(u64::MAX);
    leaves(&mut site);
    let first = site.ship(u64::MAX);
    site.put("one", b"2");
    site.snapshot();
    site.ship(u64::MAX);
    fs::remove_file(site.path(&first[0])).unwrap();
    let last = site.history.last().unwrap().clone();
    comes_back(&site, &last, At::Revision(last.revision));
    let found = site.bare(93).prepare(At::Latest, None).unwrap();
    assert_eq!(found.found().instant.revision, last.revision);
}

#[test]
fn a_history_goes_on_from_the_middle_of_what_another_one_folded() {
    // Nobody has the keys, and the one file of the other holds what both come of, too.
    let (site, mut twin) = ahead(3);
    site.pass(Duration::from_secs(2 * 3600));
    assert!(site.compact(Policy::default()) > 0);
    twin.ship(u64::MAX);
    leaves(&mut twin);
    twin.ship(u64::MAX);
    let last = twin.history.last().unwrap().clone();
    comes_back(&twin, &last, At::Revision(last.revision));
    let left = since_fork(&twin).last().unwrap().timeline;
    for past in since_fork(&twin).filter(|past| past.timeline == left) {
        comes_back(&twin, &past, At::Revision(past.revision));
    }
}

#[test]
fn both_have_their_own_past_where_all_of_both_lies_there() {
    for (at_once, further) in [(1, 0), (1, 3), (3, 0), (3, 3), (9, 2)] {
        let (mut site, mut twin, _) = two((0, 1), (0, 1));
        site.pass(Duration::from_secs(1));
        for number in 1..=6 + further {
            for (site, value) in [(&mut site, b's'), (&mut twin, b't')] {
                site.pass(Duration::from_secs(2));
                if number <= 6 || value == b's' {
                    site.put("one", &[value, number as u8]);
                }
                if number % at_once == 0 {
                    site.ship(u64::MAX);
                }
            }
        }
        site.ship(u64::MAX);
        twin.ship(u64::MAX);
        leaves(&mut twin);
        twin.snapshot();
        twin.ship(u64::MAX);
        leaves(&mut site);
        site.ship(u64::MAX);
        for site in [&site, &twin] {
            let left = behind(site, 0).timeline;
            for past in since_fork(site).filter(|past| past.timeline == left) {
                for at in [At::Time(past.time), At::Revision(past.revision)] {
                    let what = format!("{at_once} {further} {at:?}");
                    is_its_own(site, at, &past, &what);
                }
            }
            let last = site.history.last().unwrap();
            brings_back(site.prepare(At::Latest, None).unwrap(), site, last);
        }
    }
}

#[test]
fn who_stays_has_its_past_beside_what_the_other_one_left() {
    for (at_once, further, unshipped) in
        [(1, 0, 0), (1, 3, 0), (3, 0, 1), (1, 0, 2), (3, 3, 0), (9, 2, 0), (1, -3, 1), (4, -4, 0)]
    {
        let (mut site, mut twin, _) = two((0, 1), (0, 1));
        site.pass(Duration::from_secs(1));
        for number in 1..=9 {
            for (site, value) in [(&mut site, b's'), (&mut twin, b't')] {
                site.pass(Duration::from_secs(2));
                if number <= 6
                    || (value == b's') == (further > 0) && number <= 6 + i32::abs(further)
                {
                    site.put("one", &[value, number as u8]);
                }
                if number % at_once == 0 {
                    site.ship(u64::MAX);
                }
            }
        }
        site.ship(u64::MAX);
        twin.ship(u64::MAX);
        leaves(&mut twin);
        twin.snapshot();
        twin.ship(u64::MAX);
        for number in 0..unshipped {
            site.pass(Duration::from_secs(2));
            site.put("one", &[number, 1]);
        }
        let mut tried = 0;
        for past in since_fork(&site) {
            for at in [At::Time(past.time), At::Revision(past.revision)] {
                let what = format!("{at_once} {further} {unshipped} {at:?}");
                let named = site.prepare(at, Some(past.timeline));
                let named = named.unwrap_or_else(|error| panic!("{what} {error}"));
                assert!(named.is_own_past(), "{what}");
                brings_back(named, &site, &past);
                tried += usize::from(is_its_own(&site, at, &past, &what));
            }
        }
        assert!(tried > 5);
        let last = site.history.last().unwrap();
        brings_back(site.prepare(At::Latest, None).unwrap(), &site, last);
        // Nobody has the keys: the history's name tells who is meant.
        site.ship(u64::MAX);
        for of in [&site, &twin] {
            let last = of.history.last().unwrap();
            comes_back(of, last, At::Revision(last.revision));
        }
        since_fork(&site).for_each(|past| comes_back(&site, &past, At::Revision(past.revision)));
    }
}

#[test]
fn what_was_folded_hides_nothing_of_another_one() {
    let (site, mut twin) = ahead(6);
    for site in [&site, &twin] {
        site.pass(Duration::from_secs(9 * 24 * 3600));
    }
    assert!(site.compact(Policy::default()) > 0);
    // It is further, and what is between is folded: who is behind is told that it is another's.
    let mut further = site.twin();
    further.put("one", b"further");
    further.ship(u64::MAX);
    let found = twin.prepare(At::Latest, None);
    assert!(found.is_err() || !found.unwrap().is_own_past());
    twin.ship(u64::MAX);
    leaves(&mut twin);
    twin.ship(u64::MAX);
    for past in since_fork(&twin).filter(|past| past.timeline == behind(&twin, 0).timeline) {
        match site.prepare(At::Time(past.time), None) {
            // Its own, as far as that is kept alone, or that of before.
            Ok(found) if found.is_own_past() => {
                let revision = found.found().instant.revision;
                let own = site.history.iter().find(|own| own.revision == revision).unwrap();
                brings_back(found, &site, own);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

#[test]
fn what_came_to_no_target_before_its_journal_ended_is_not_told_by_what_another_one_wrote() {
    let mut site = Site::new(40);
    site.snapshot();
    site.ship(u64::MAX);
    let mut twin = site.twin();
    twin.pass(Duration::from_secs(2));
    twin.put("one", b"twin");
    let between = At::Time(twin.clock_now());
    site.pass(Duration::from_secs(5));
    site.put("one", b"site");
    site.ship(u64::MAX);
    let (timeline, store) = (twin.history.last().unwrap().timeline, twin.store());
    twin.pass(Duration::from_secs(9));
    // Whether a state is given, which then says that it may lack something; a gap is told else.
    let is_given = |what: &str| match twin.prepare(between, None) {
        Ok(found) => {
            assert!(found.found().end.is_some(), "it is not known what was there then: {what}");
            true
        }
        Err(RewindError::Refused(Refusal::Gap(..), _)) => false,
        Err(other) => panic!("{what}: {other}"),
    };
    for _ in 0..2 {
        store.end_journal().unwrap();
        while store.drop_journal(timeline, u64::MAX).unwrap() {}
        assert!(is_given("without a journal"));
        store.begin_journal().unwrap();
        assert!(!is_given("with another one"));
    }
    store.end_journal().unwrap();
    store.begin_timeline().unwrap();
    assert!(!is_given("in a history of its own, without a journal"));
}
