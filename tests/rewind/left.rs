//! Two servers on copies of one store, and a restore on one of them: what it left is its own, and
//! the way back leads there, whatever the other one writes in that history meanwhile.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::served::{RESTORE, SETTINGS, edgekeep, get, put, target, text, world};
use super::support::world::World;
use super::support::{TempDir, data, eventually};

fn is_shipped(world: &World) -> bool {
    let told = target(&world.root());
    told["journal"]["behind"] == 0 && told["last_good"].is_object()
}

/// The same of one whose target was ahead: it is tried again only after a while.
fn is_shipped_then(world: &World) -> bool {
    world.advance(Duration::from_secs(1));
    let told = target(&world.root());
    is_shipped(world) && told["last_good"]["timeline"] == told["journal"]["timeline"]
}

/// Two servers with one past, which the target has.
fn twins(seed: u64, folder: &TempDir) -> (World, World) {
    let site = world(seed, folder);
    put(&site, "both");
    eventually("the target has it", || is_shipped(&site));
    let twin = site.twin();
    eventually("the other one serves it as well", || is_shipped(&twin));
    (site, twin)
}

/// What a restore would bring, in the end; `None` where it is refused.
pub fn had(world: &World, body: &Value) -> Option<String> {
    let loaded = world.root().post("sys/snapshots/targets/disk/load", body.clone());
    if loaded.status != 200 {
        return None;
    }
    let id = data(&loaded)["snapshot_id"].as_str().unwrap().to_owned();
    let read = data(&world.root().get(&format!("secret/a?read_snapshot_id={id}")));
    let unloaded = world.root().delete(&format!("sys/storage/raft/snapshot-load/{id}"));
    assert_eq!(unloaded.status, 204);
    Some(read["value"].as_str().unwrap_or_default().to_owned())
}

/// Whether it has shipped all, and of the first history so many files lie on the target, which
/// holds no other store.
fn is_beside(world: &World, folder: &TempDir, files: usize) -> bool {
    let inside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let journal = inside.map(|path| path.join("journal")).find(|path| path.is_dir()).unwrap();
    let is_first = |path: &PathBuf| path.file_name().unwrap().as_bytes().starts_with(b"1-");
    let mut histories = fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let first = histories.find(is_first).unwrap();
    is_shipped_then(world) && fs::read_dir(first).unwrap().count() == files
}

/// Does something while the target is not there.
pub fn while_away<T>(folder: &TempDir, job: impl FnOnce() -> T) -> T {
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    let done = job();
    fs::rename(&away, folder.path()).unwrap();
    done
}

/// The arguments of the command that an answer names.
fn command_of(told: &str) -> Vec<String> {
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = flat.split_once("`edgekeep ").unwrap_or_else(|| panic!("no command: {told}"));
    rest.split('`').next().unwrap().split(' ').map(str::to_owned).collect()
}

#[test]
fn the_way_back_leads_to_what_was_there_and_not_to_what_another_one_wrote() {
    let folder = TempDir::new();
    let (site, twin) = twins(21, &folder);
    let done = edgekeep(&twin, &["snapshot", "restore", "-target=disk", "-at=latest"]);
    let told = text(&done);
    assert!(told.contains("the journal is marked (before a restore)"), "{told}");
    for value in ["other", "other still", "other last"] {
        put(&site, value);
    }
    eventually("the target has what the other one wrote", || is_shipped(&site));
    put(&twin, "since");
    eventually("the target has what was written since", || is_shipped(&twin));
    let back = command_of(&told);
    let back: Vec<&str> = back.iter().map(String::as_str).collect();
    let done = edgekeep(&twin, &back);
    assert!(done.status.success(), "{}", text(&done));
    assert_eq!(get(&twin), "both", "{}", text(&done));
    // And forth again.
    let forth = command_of(&text(&done));
    let forth: Vec<&str> = forth.iter().map(String::as_str).collect();
    let done = edgekeep(&twin, &forth);
    assert_eq!(get(&twin), "since", "{}", text(&done));
}

#[test]
fn what_was_left_goes_before_what_another_one_wrote_of_it() {
    let folder = TempDir::new();
    let (site, twin) = twins(22, &folder);
    let dry = |wish: Value| {
        let (mut wish, dry) = (wish, json!(true));
        wish["dry_run"] = dry;
        data(&twin.root().post(RESTORE, wish))
    };
    let both = dry(json!({ "at": "latest" }));
    put(&site, "other");
    put(&site, "other still");
    eventually("the target has it", || is_shipped(&site));
    let first = put(&twin, "own");
    let at = put(&twin, "own still");
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    let left = both["timeline"].clone();
    let done = twin.root().post(RESTORE, json!({ "revision": both["revision"] }));
    assert_eq!(done.status, 200, "{}", done.json());
    assert_eq!(get(&twin), "both");
    let revision = |at: &str| dry(json!({ "at": at, "timeline": left }))["revision"].clone();
    for (wish, value) in [
        // Its new history may have come to that number, too.
        (json!({ "revision": revision(&at), "timeline": left }), "own still"),
        (json!({ "at": at }), "own still"),
        (json!({ "at": at, "timeline": left }), "own still"),
        (json!({ "revision": revision(&first), "timeline": left }), "own"),
        // How it went on is told by who went on.
        (json!({ "at": "latest", "timeline": left }), "other still"),
    ] {
        assert_eq!(had(&twin, &wish).as_deref(), Some(value), "{wish}");
    }
    // What is not its own past goes by no name but that of its history.
    put(&site, "other last");
    put(&site, "other very last");
    eventually("the target has that", || is_shipped(&site));
    let beyond = target(&site.root())["journal"]["revision"].as_u64().unwrap();
    assert_eq!(had(&twin, &json!({ "revision": beyond })), None);
    let named = json!({ "revision": beyond, "timeline": left });
    assert_eq!(had(&twin, &named).as_deref(), Some("other very last"));
    // Nor does the log of what it left tell of the other's.
    let left = left.as_str().unwrap();
    let log = twin.root().get(&format!("sys/snapshots/targets/disk/log?timeline={left}"));
    let last = data(&log)["commits"].as_array().unwrap().last().cloned().unwrap();
    assert!(last["revision"].as_u64().unwrap() < beyond, "{last}");
}

#[test]
fn an_older_state_is_not_told_by_what_another_one_wrote_later() {
    let folder = TempDir::new();
    let site = world(23, &folder);
    let twin = site.twin();
    eventually("the other one serves it as well", || target(&twin.root())["state"] == "good");
    put(&site, "own");
    let between = site.now();
    eventually("the target has it", || is_shipped(&site));
    site.advance(Duration::from_secs(5));
    // What it wrote while the target was away will lie there in one file.
    while_away(&folder, || {
        for value in ["other", "other still", "other last"] {
            put(&twin, value);
        }
    });
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    let adopted = twin.root().post("sys/snapshots/targets/disk/adopt", json!({}));
    assert_eq!(adopted.status, 200);
    eventually("what it wrote is there as well", || is_beside(&twin, &folder, 2));
    assert_eq!(had(&site, &json!({ "at": between })).as_deref(), Some("own"));
}

#[test]
fn what_is_held_back_was_there_whatever_another_one_wrote_later() {
    let folder = TempDir::new();
    let (site, twin) = twins(29, &folder);
    let both = data(&site.root().post(RESTORE, json!({ "at": "latest", "dry_run": true })));
    // Its clock is before the other's, and so the other's commit of that number is there first.
    twin.advance(Duration::from_secs(30));
    put(&twin, "other");
    eventually("the target has it", || is_shipped(&twin));
    twin.turn_back(Duration::from_secs(39));
    let own = put(&site, "own");
    eventually("the target is ahead", || target(&site.root())["state"] == "ahead");
    let done = site.root().post(RESTORE, json!({ "revision": both["revision"] }));
    assert_eq!(done.status, 200, "{}", done.json());
    put(&site, "since");
    eventually("the target has what was written since", || is_shipped_then(&site));
    assert_eq!(had(&site, &json!({ "at": own })).as_deref(), Some("own"));
}

#[test]
fn who_keeps_no_journal_is_told_nothing_by_that_of_another_one() {
    let folder = TempDir::new();
    let (site, twin) = twins(24, &folder);
    drop(twin);
    let path = folder.path().display();
    let settings = SETTINGS.replace("journal = true", "journal = false");
    let none = format!("snapshot \"disk\" {{\n  path_prefix = \"{path}\"\n{settings}}}");
    let twin = site.twin_with(&none);
    eventually("its journal has ended", || {
        let told = target(&twin.root());
        told["state"] == "good" && told["journal"].is_null()
    });
    put(&twin, "own");
    let between = twin.now();
    site.advance(Duration::from_secs(5));
    put(&site, "other");
    eventually("the target has it", || is_shipped(&site));
    let told = twin.root().post(RESTORE, json!({ "at": between, "dry_run": true }));
    let told = data(&told);
    assert!(told.is_null() || told["end"] == true, "it is not known what was there then: {told}");
    let log = data(&twin.root().get("sys/snapshots/targets/disk/log"));
    let revision = told["revision"].as_u64().unwrap_or_default();
    let of_other = |commit: &Value| commit["revision"].as_u64() > Some(revision);
    assert!(!log["commits"].as_array().unwrap().iter().any(of_other), "{log}");
}

#[test]
fn a_time_that_was_twice_in_the_own_past_is_told_with_both_histories() {
    let folder = TempDir::new();
    let mut world = world(25, &folder);
    put(&world, "both");
    eventually("the target has it", || is_shipped(&world));
    world.remember();
    let first = put(&world, "first");
    eventually("the target has that", || is_shipped(&world));
    world.go_back();
    put(&world, "second");
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    let left = target(&world.root())["journal"]["timeline"].clone();
    world.advance(Duration::from_millis(300));
    let between = world.now();
    world.advance(Duration::from_millis(300));
    let done = world.root().post(RESTORE, json!({ "at": "latest", "timeline": left }));
    assert_eq!(done.status, 200, "{}", done.json());
    assert_eq!(get(&world), "first");
    eventually("the target has the new history", || is_shipped_then(&world));
    let named = data(&done)["new_timeline"].clone();
    let before = world.data().join("before-restore.snap");
    let before = before.display().to_string();
    let undone = edgekeep(&world, &["snapshot", "restore", &before]);
    assert!(undone.status.success(), "{}", text(&undone));
    assert_eq!(get(&world), "second");
    eventually("the target has what was undone", || is_shipped_then(&world));
    // Also in the very second in which both were begun.
    for at in [&first, &between] {
        let refused = world.root().post(RESTORE, json!({ "at": at, "dry_run": true }));
        let told = refused.json().to_string();
        assert!(refused.status == 400 && told.contains(named.as_str().unwrap()), "{at}: {told}");
    }
    let wish = json!({ "at": first, "timeline": named });
    assert_eq!(had(&world, &wish).as_deref(), Some("first"));
}

/// One whose disk was put back to an older copy: when it wrote what was lost, which lies on the
/// target, each commit in a file or all in one, and when it has written something itself since.
fn put_back(seed: u64, folder: &TempDir, each: bool) -> (World, [String; 2]) {
    let mut world = world(seed, folder);
    put(&world, "both");
    eventually("the target has it", || is_shipped(&world));
    world.remember();
    let lost = put(&world, "lost");
    if each {
        eventually("the target has that", || is_shipped(&world));
    }
    put(&world, "lost, too");
    eventually("the target has that", || is_shipped(&world));
    world.go_back();
    let own = put(&world, "own");
    if each {
        world.root().post("secret/b", json!({ "value": "own, too" }));
    }
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    (world, [lost, own])
}

#[test]
fn what_it_had_before_it_took_back_what_was_lost_is_told_with_both_histories() {
    for each in [true, false] {
        let folder = TempDir::new();
        let (world, [lost, own]) = put_back(31, &folder, each);
        let left = target(&world.root())["journal"]["timeline"].clone();
        let done = world.root().post(RESTORE, json!({ "at": "latest", "timeline": left }));
        assert_eq!(done.status, 200, "{}", done.json());
        assert_eq!(get(&world), "lost, too");
        eventually("the target has the new history", || is_shipped_then(&world));
        let named = data(&done)["new_timeline"].clone();
        let refused = world.root().post(RESTORE, json!({ "at": own, "dry_run": true }));
        let told = refused.json().to_string();
        for history in [&left, &named] {
            let is_named = told.contains(history.as_str().unwrap());
            assert!(refused.status == 400 && is_named, "{each}: {told}");
        }
        for (history, value) in [(&left, "own"), (&named, "lost, too")] {
            let wish = json!({ "at": own, "timeline": history });
            assert_eq!(had(&world, &wish).as_deref(), Some(value), "{each}: {wish}");
        }
        // Before it wrote anything anew there was but one.
        for wish in [json!({ "at": lost }), json!({ "at": lost, "timeline": left })] {
            assert_eq!(had(&world, &wish).as_deref(), Some("lost"), "{each}: {wish}");
        }
    }
}

/// A disk that was put back to an older copy, and what was lost with it restored after it wrote
/// something else.
#[derive(Clone, Copy, Debug)]
struct PutBack {
    /// How many commits were lost, and how many it wrote then.
    lost: usize,
    own: usize,
    /// Whether each of the lost ones lies in a file.
    each: bool,
    /// Whether the last one that is common to both was still here when it was copied: it lies in a
    /// file, or in that of the lost ones.
    pending: bool,
    /// Behind how many commits of the lost part a snapshot was taken.
    taken: Option<usize>,
}

#[test]
fn what_a_disk_wrote_that_was_put_back_goes_by_the_name_of_the_history_it_left() {
    for (lost, own) in [(3, 1), (1, 3)] {
        for (each, pending) in [(true, false), (true, true), (false, false), (false, true)] {
            let taken = each.then_some(if pending { 1 } else { lost });
            each_is_had_by_a_name(PutBack { lost, own, each, pending, taken });
        }
    }
}

fn each_is_had_by_a_name(how: PutBack) {
    let folder = TempDir::new();
    let mut world = world(39, &folder);
    put(&world, "both");
    eventually("the target has it", || is_shipped(&world));
    let away = folder.path().with_extension("away");
    if how.pending {
        fs::rename(folder.path(), &away).unwrap();
        put(&world, "common");
        world.remember();
        if how.each {
            fs::rename(&away, folder.path()).unwrap();
            eventually("the target has that", || is_shipped(&world));
        }
    } else {
        world.remember();
    }
    let lost = (0..how.lost).map(|nth| {
        let value = format!("lost {nth}");
        let at = put(&world, &value);
        if how.each {
            eventually("the target has that", || is_shipped(&world));
        }
        if how.taken == Some(nth + 1) {
            let taken = world.root().post("sys/snapshots/targets/disk/take", json!({}));
            assert_eq!(taken.status, 200, "{}", taken.json());
        }
        (at, value)
    });
    let mut lost: Vec<(String, String)> = lost.collect();
    if away.exists() {
        fs::rename(&away, folder.path()).unwrap();
    }
    eventually("the target has all", || is_shipped(&world));
    world.advance(Duration::from_secs(2));
    // Before it wrote anything anew there was but one.
    let last = lost.last().unwrap().1.clone();
    lost.push((world.now(), last.clone()));
    world.go_back();
    world.advance(Duration::from_secs(2));
    let own: Vec<(String, String)> = (0..how.own)
        .map(|nth| format!("own {nth}"))
        .map(|value| (put(&world, &value), value))
        .collect();
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    let left = target(&world.root())["journal"]["timeline"].clone();
    world.advance(Duration::from_millis(300));
    let done = world.root().post(RESTORE, json!({ "at": "latest", "timeline": left }));
    assert_eq!(done.status, 200, "{}", done.json());
    assert_eq!(get(&world), last);
    eventually("the target has the new history", || is_shipped_then(&world));
    let present = data(&done)["new_timeline"].clone();
    let since = world.now();
    let dry = |wish: &Value| {
        let mut wish = wish.clone();
        wish["dry_run"] = true.into();
        data(&world.root().post(RESTORE, wish))
    };
    // Also once what it left is on the target.
    for shipped in [false, true] {
        let has = |wish: &Value, value: &str| {
            assert_eq!(had(&world, wish).as_deref(), Some(value), "{how:?}, {shipped}: {wish}");
        };
        let told = |wish: &Value| dry(wish)["end_reason"].as_str().unwrap_or_default().to_owned();
        for (at, value) in &own {
            // By its time alone it may be either.
            assert_eq!(had(&world, &json!({ "at": at })), None, "{how:?}, {shipped}");
            let named = json!({ "at": at, "timeline": left });
            has(&named, value);
            let why = told(&named);
            let by = format!("-timeline={}", present.as_str().unwrap());
            assert!(why.is_empty() || why.contains(&by), "{how:?}, {shipped}: {why}");
            has(&json!({ "revision": dry(&named)["revision"], "timeline": left }), value);
            // What the other one was by then is told to be that, and that there was this one.
            let named = json!({ "at": at, "timeline": present });
            has(&named, &last);
            let why = told(&named);
            let by = format!("-timeline={}", left.as_str().unwrap());
            assert!(why.contains("put back") && why.contains(&by), "{how:?}, {shipped}: {why}");
        }
        for (at, value) in &lost {
            for wish in [
                json!({ "at": at }),
                json!({ "at": at, "timeline": left }),
                json!({ "at": at, "timeline": present }),
            ] {
                has(&wish, value);
                assert!(!told(&wish).contains("put back"), "{how:?}, {shipped}: {wish}");
            }
        }
        has(&json!({ "at": since, "timeline": left }), &last);
        // What goes further than what went on there may stay here, and is not to be had without.
        if how.taken.is_some() && how.own > how.lost {
            continue;
        }
        // Nor without a server.
        let place = folder.path().display().to_string();
        for (at, history) in [(&own[0].0, &left), (&own[0].0, &present), (&lost[0].0, &present)] {
            let told = dry(&json!({ "at": at, "timeline": history }))["revision"].clone();
            let at = format!("-at={at}");
            let history = format!("-timeline={}", history.as_str().unwrap());
            let new = TempDir::new();
            let into = format!("-into={}", new.path().join("new").display());
            let from = format!("-target={place}");
            let asked = ["snapshot", "restore", &from, &at, &history, &into, "-dry-run"];
            let is_told = format!("Would restore revision {told} ");
            eventually(&format!("{how:?}: {at} {history}"), || {
                let done = edgekeep(&world, &asked);
                done.status.success() && text(&done).contains(&is_told)
            });
        }
    }
}

/// What was lost had been left by a restore, too, and goes further by its numbers.
#[test]
fn of_two_ways_that_were_left_the_one_is_meant_that_had_not_ended_by_then() {
    let folder = TempDir::new();
    let mut world = world(41, &folder);
    let base = put(&world, "base");
    eventually("the target has it", || is_shipped(&world));
    let first = target(&world.root())["journal"]["timeline"].clone();
    put(&world, "bad");
    eventually("the target has that", || is_shipped(&world));
    world.remember();
    let worse = ["worse", "worse still", "worst"].map(|value| {
        let at = put(&world, value);
        eventually("the target has that", || is_shipped(&world));
        (at, value)
    });
    let done = world.root().post(RESTORE, json!({ "at": base }));
    assert_eq!(done.status, 200, "{}", done.json());
    let good = put(&world, "good");
    eventually("the target has what was written since", || is_shipped_then(&world));
    let second = data(&done)["new_timeline"].clone();
    world.go_back();
    world.advance(Duration::from_secs(2));
    let own = ["own", "own still"].map(|value| (put(&world, value), value));
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    let done = world.root().post(RESTORE, json!({ "at": "latest", "timeline": second }));
    assert_eq!(done.status, 200, "{}", done.json());
    assert_eq!(get(&world), "good");
    eventually("the target has the new history", || is_shipped_then(&world));
    for (at, value) in worse.iter().chain(&own) {
        let wish = json!({ "at": at, "timeline": first });
        assert_eq!(had(&world, &wish).as_deref(), Some(*value), "{wish}");
    }
    let wish = json!({ "at": good, "timeline": second });
    assert_eq!(had(&world, &wish).as_deref(), Some("good"));
    assert_eq!(had(&world, &json!({ "at": own[1].0 })), None);
}

/// One of them by an ordinary restore, before the disk was put back: its numbers go further.
#[test]
fn a_revision_that_one_of_two_ways_alone_has_is_had_by_the_name_of_both() {
    let folder = TempDir::new();
    let mut world = world(42, &folder);
    put(&world, "both");
    eventually("the target has it", || is_shipped(&world));
    let first = target(&world.root())["journal"]["timeline"].clone();
    world.remember();
    let all = ["1", "2", "3", "4", "5"].map(|value| {
        let at = put(&world, value);
        eventually("the target has that", || is_shipped(&world));
        let told = world.root().post(RESTORE, json!({ "at": at, "dry_run": true }));
        (data(&told)["revision"].clone(), at, value)
    });
    let done = world.root().post(RESTORE, json!({ "at": all[2].1 }));
    assert_eq!(done.status, 200, "{}", done.json());
    put(&world, "good");
    eventually("the target has what was written since", || is_shipped_then(&world));
    let second = data(&done)["new_timeline"].clone();
    world.go_back();
    world.advance(Duration::from_secs(2));
    let own = put(&world, "own");
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    let done = world.root().post(RESTORE, json!({ "at": "latest", "timeline": second }));
    assert_eq!(done.status, 200, "{}", done.json());
    eventually("the target has the new history", || is_shipped_then(&world));
    let wish = json!({ "at": own, "timeline": first });
    assert_eq!(had(&world, &wish).as_deref(), Some("own"));
    let ended =
        data(&world.root().post(RESTORE, json!({ "at": own, "timeline": first, "dry_run": true })));
    // Behind all that it wrote then, with what it wrote itself.
    let own_end = ended["revision"].as_u64().unwrap() + 1;
    for (revision, at, value) in all {
        let wish = json!({ "at": at, "timeline": first });
        assert_eq!(had(&world, &wish).as_deref(), Some(value), "{wish}");
        if revision.as_u64().unwrap() > own_end {
            let wish = json!({ "revision": revision, "timeline": first });
            assert_eq!(had(&world, &wish).as_deref(), Some(value), "{wish}");
        }
    }
}

/// Before it has written anything since, it is not told that there was no more.
#[test]
fn what_was_lost_with_its_disk_is_refused_by_its_time_with_the_command_that_has_it() {
    for each in [true, false] {
        let folder = TempDir::new();
        let mut world = world(40, &folder);
        put(&world, "both");
        eventually("the target has it", || is_shipped(&world));
        world.remember();
        let lost = ["lost", "lost, too", "lost last"].map(|value| {
            put(&world, value);
            if each {
                eventually("the target has that", || is_shipped(&world));
            }
            world.advance(Duration::from_secs(1));
            let at = world.now();
            world.advance(Duration::from_secs(1));
            (at, value)
        });
        eventually("the target has all", || is_shipped(&world));
        world.go_back();
        eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
        for (at, value) in &lost {
            let at = format!("-at={at}");
            let refused = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at]);
            let told = text(&refused);
            assert!(!refused.status.success(), "{each}: {told}");
            let (_, offered) = told.split_once("To have what is there:").expect(&told);
            let mut offered = command_of(offered);
            offered.push("-dry-run".into());
            let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
            assert!(edgekeep(&world, &offered).status.success(), "{each}: {told}");
            let by = offered.iter().find_map(|word| word.strip_prefix("-timeline=")).unwrap();
            let wish = json!({ "at": &at[4..], "timeline": by });
            assert_eq!(had(&world, &wish).as_deref(), Some(*value), "{each}: {wish}");
        }
    }
}

/// What was lost goes on behind the own end, in one segment.
#[test]
fn the_own_past_ends_within_what_was_lost_with_its_disk() {
    let folder = TempDir::new();
    let mut world = world(38, &folder);
    put(&world, "both");
    eventually("the target has it", || is_shipped(&world));
    let times = while_away(&folder, || {
        let own = ["first", "second"].map(|value| put(&world, value));
        world.remember();
        [own, ["lost", "lost, too"].map(|value| put(&world, value))].concat()
    });
    eventually("the target has that", || is_shipped(&world));
    world.go_back();
    eventually("the target is ahead", || target(&world.root())["state"] == "ahead");
    let adopted = world.root().post("sys/snapshots/targets/disk/adopt", json!({}));
    assert_eq!(adopted.status, 200);
    eventually("it goes on beside that", || is_shipped_then(&world));
    for (at, value) in times.iter().zip(["first", "second", "second", "second"]) {
        assert_eq!(had(&world, &json!({ "at": at })).as_deref(), Some(value), "{at}");
    }
    for (at, is_told) in times.iter().zip([false, false, true, true]) {
        let told = data(&world.root().post(RESTORE, json!({ "at": at, "dry_run": true })));
        let why = told["end_reason"].as_str().unwrap_or_default();
        assert_eq!(why.contains("put back"), is_told, "{told}");
    }
    // A restore in the own past changes none of that.
    let done = world.root().post(RESTORE, json!({ "at": times[0] }));
    assert_eq!(done.status, 200, "{}", done.json());
    eventually("it goes on", || is_shipped(&world));
    for (at, value) in times.iter().zip(["first", "second", "second", "second"]) {
        assert_eq!(had(&world, &json!({ "at": at })).as_deref(), Some(value), "{at}");
    }
}

#[test]
fn what_was_lost_with_its_disk_is_told_where_an_older_state_is_given() {
    let folder = TempDir::new();
    let (world, [lost, own]) = put_back(33, &folder, true);
    let adopted = world.root().post("sys/snapshots/targets/disk/adopt", json!({}));
    assert_eq!(adopted.status, 200);
    eventually("what it wrote is there as well", || is_shipped_then(&world));
    let told = data(&world.root().post(RESTORE, json!({ "at": lost, "dry_run": true })));
    let why = told["end_reason"].as_str().unwrap_or_default();
    assert!(why.contains("put back"), "{told}");
    // The command is whole, but for what nobody but the user knows.
    let home = TempDir::new();
    let config = home.path().join("edgekeep.hcl");
    let (data, place) = (world.data(), folder.path().display());
    let declared = format!(
        "storage \"redb\" {{\n  path = \"{}\"\n}}\nlistener \"tcp\" {{\n  address = \
         \"127.0.0.1:0\"\n}}\nsnapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \
         \"{place}\"\n  interval = \"24h\"\n}}\n",
        data.display()
    );
    fs::write(&config, declared).unwrap();
    let filled = |word: String| {
        word.replace("=FOLDER", &format!("={}", home.path().join("new").display()))
            .replace("=CONFIGURATION", &format!("={}", config.display()))
    };
    let offered: Vec<String> = command_of(why).into_iter().map(filled).collect();
    let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    let done = edgekeep(&world, &offered);
    assert_ne!(done.status.code(), Some(1), "{offered:?}: {}", text(&done));
    assert!(!text(&done).contains("asks no server"), "{}", text(&done));
    assert_eq!(had(&world, &json!({ "at": own })).as_deref(), Some("own"));
}

#[test]
fn what_another_one_wrote_is_had_by_the_command_that_is_offered() {
    let folder = TempDir::new();
    let (site, twin) = twins(26, &folder);
    put(&site, "other");
    put(&site, "other still");
    eventually("the target has it", || is_shipped(&site));
    for value in ["own", "own still", "own last"] {
        put(&twin, value);
    }
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    let refused = edgekeep(&twin, &["snapshot", "restore", "-target=disk", "-at=latest"]);
    let told = text(&refused);
    let (_, offered) = told.split_once("To have what is there:").unwrap();
    let offered = command_of(offered);
    let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
    let done = edgekeep(&twin, &offered);
    assert!(done.status.success(), "{told}\n{}", text(&done));
    assert_eq!(get(&twin), "other still", "{}", text(&done));
    // What it comes of now is told, and not what was left.
    let log = data(&twin.root().get("sys/snapshots/targets/disk/log"));
    let wrote = |commit: &&Value| commit["changes"].to_string().contains("secret/a");
    let wrote = log["commits"].as_array().unwrap().iter().filter(wrote).count();
    assert_eq!(wrote, 3, "both, other and other still: {log}");
}

#[test]
fn a_history_that_is_named_is_had_with_what_it_comes_of() {
    let folder = TempDir::new();
    let (site, twin) = twins(27, &folder);
    let at = put(&site, "other");
    let other = data(&site.root().post(RESTORE, json!({ "at": at, "dry_run": true })));
    let revision = other["revision"].clone();
    put(&site, "other still");
    eventually("the target has it", || is_shipped(&site));
    for value in ["own", "own still", "own last"] {
        put(&twin, value);
    }
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    assert_eq!(twin.root().post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    eventually("what it wrote is there as well", || {
        is_shipped_then(&twin) && target(&twin.root())["held_back"] == ""
    });
    let done = site.root().post(RESTORE, json!({ "revision": revision }));
    assert_eq!(done.status, 200, "{}", done.json());
    let named = data(&done)["new_timeline"].clone();
    put(&site, "other since");
    eventually("the target has the new history", || is_shipped_then(&site));
    for wish in
        [json!({ "revision": revision, "timeline": named }), json!({ "at": at, "timeline": named })]
    {
        assert_eq!(had(&twin, &wish).as_deref(), Some("other"), "{wish}");
    }
}

#[test]
fn what_both_have_left_is_had_by_its_name_where_the_other_one_was_later() {
    let folder = TempDir::new();
    let (site, twin) = twins(30, &folder);
    let first = target(&site.root())["journal"]["timeline"].clone();
    put(&site, "other");
    eventually("the target has it", || is_shipped(&site));
    // Its own of those numbers will lie there in one file.
    while_away(&folder, || ["own", "own still"].iter().for_each(|value| drop(put(&twin, value))));
    let between = twin.now();
    twin.advance(Duration::from_secs(10));
    let mut instants = vec![(between, "other")];
    for value in ["other still", "other last", "other very last"] {
        instants.push((put(&site, value), value));
        eventually("the target has that, too", || is_shipped(&site));
    }
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    assert_eq!(twin.root().post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    eventually("what it wrote is there as well", || is_beside(&twin, &folder, 6));
    let must_be_had = |timeline: &Value| {
        for (at, value) in &instants {
            let wish = json!({ "at": at, "timeline": timeline });
            assert_eq!(had(&twin, &wish).as_deref(), Some(*value), "{wish}");
        }
    };
    must_be_had(&first);
    let done = site.root().post(RESTORE, json!({ "at": "latest" }));
    assert_eq!(done.status, 200, "{}", done.json());
    put(&site, "other since");
    eventually("the target has the new history", || is_shipped_then(&site));
    must_be_had(&first);
    must_be_had(&data(&done)["new_timeline"]);
}

#[test]
fn what_another_one_did_since_the_copy_is_no_past_of_that() {
    let folder = TempDir::new();
    let (site, twin) = twins(31, &folder);
    let at = put(&site, "other");
    eventually("the target has it", || is_shipped(&site));
    let done = site.root().post(RESTORE, json!({ "at": "latest" }));
    assert_eq!(done.status, 200, "{}", done.json());
    put(&site, "other since");
    eventually("the target has the new history", || is_shipped_then(&site));
    let named = data(&done)["new_timeline"].clone();
    let wish = json!({ "at": at, "timeline": named, "dry_run": true });
    let told = data(&twin.root().post(RESTORE, wish));
    assert_eq!(told["own_past"], false, "{told}");
}

#[test]
fn a_bare_machine_is_told_of_who_goes_on_beside_who_has_adopted() {
    let folder = TempDir::new();
    let (site, twin) = twins(28, &folder);
    // What it wrote while the target was away lies there in one file.
    while_away(&folder, || (1..9).for_each(|number| drop(put(&site, &format!("other {number}")))));
    eventually("the target has it", || is_shipped(&site));
    put(&twin, "own");
    eventually("the target is ahead", || target(&twin.root())["state"] == "ahead");
    assert_eq!(twin.root().post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    eventually("what it wrote is there as well", || is_beside(&twin, &folder, 3));
    let home = TempDir::new();
    let into = format!("-into={}/data", home.path().display());
    let from = format!("-target={}", folder.path().display());
    let refused = edgekeep(&twin, &["restore", &from, &into, "-wait=0"]);
    let told = text(&refused);
    assert!(!refused.status.success(), "{told}");
    for world in [&site, &twin] {
        let named = target(&world.root())["journal"]["timeline"].clone();
        let named = named.as_str().unwrap().to_owned();
        assert!(told.contains(&named), "{named}: {told}");
        let line = format!("-timeline={named}");
        let done = edgekeep(world, &["restore", &from, &into, "-wait=0", &line, "-dry-run"]);
        assert!(done.status.success(), "{named}: {}", text(&done));
    }
}
