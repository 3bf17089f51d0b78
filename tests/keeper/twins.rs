//! Two servers on copies of one store's data, and one target: somebody has started the copy.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgekeep::barrier::root::Timeline;
use edgekeep::snapshot::layout::{Folder, SegmentName};
use edgekeep::snapshot::rewind::{Source, newest};
use edgekeep::snapshot::spool::Spools;
use edgekeep::snapshot::target::folder::Folder as Place;
use serde_json::{Value, json};

use super::folder::{files, held, stores};
use super::snapshots::{configured, target, world};
use super::support::world::World;
use super::support::{TempDir, data, eventually};

const HOUR: Duration = Duration::from_secs(3600);
const SNAPSHOTS: &str = "  interval = \"240h\"\n  retain = 9";
const JOURNAL: &str = "  interval = \"240h\"\n  journal = true";

fn write(world: &World, path: &str) {
    assert_eq!(world.root().post(&format!("secret/{path}"), json!({ "a": path })).status, 204);
}

fn is_shipped(world: &World) -> bool {
    let target = target(&world.root());
    target["state"] == "good" && target["journal"]["behind"] == 0
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    files(folder).into_iter().map(|(_, path)| path).collect()
}

/// What came since `before`, taken away so that nobody sees it.
fn hide(folder: &Path, before: &BTreeSet<PathBuf>) -> Vec<(PathBuf, PathBuf)> {
    let new = names(folder).difference(before).cloned().collect::<Vec<_>>();
    assert!(!new.is_empty());
    let aside = |path: PathBuf| {
        let aside = folder.parent().unwrap().join(path.file_name().unwrap());
        fs::rename(&path, &aside).unwrap();
        (path, aside)
    };
    new.into_iter().map(aside).collect()
}

/// It is there again, and in nobody's place.
fn show(hidden: Vec<(PathBuf, PathBuf)>) {
    for (path, aside) in hidden {
        assert!(!path.exists(), "{} has another's name", path.display());
        fs::rename(aside, path).unwrap();
    }
}

fn health(world: &World) -> Value {
    world.client().get("sys/health?snapshots=1").json()["snapshots"].clone()
}

/// It says that it is not alone, wherever one looks.
fn tells_of_another(world: &World) {
    eventually("it tells of the other", || target(&world.root())["state"] == "ahead");
    let target = target(&world.root());
    let error = target["error"].as_str().unwrap();
    assert!(error.contains("another server"), "{error}");
    assert!(error.contains("edgekeep snapshot adopt"), "{error}");
    assert!(health(world).to_string().contains("another server"), "{}", health(world));
}

fn adopt(world: &World) {
    assert!(world.root().post("sys/snapshots/targets/disk/adopt", json!({})).status < 300);
}

fn timeline(world: &World) -> Timeline {
    let journal = target(&world.root())["journal"].clone();
    journal["timeline"].as_str().unwrap().parse().unwrap()
}

/// The folder of the target.
fn disk(home: &Path) -> PathBuf {
    let folder = home.join("disk");
    fs::create_dir(&folder).unwrap();
    folder
}

/// One that has shipped what a copy of it has, too, and the folder of its target.
fn alone(seed: u64, home: &Path) -> (World, PathBuf) {
    let folder = disk(home);
    let one = world(seed, &folder, JOURNAL);
    write(&one, "both");
    eventually("all is shipped", || is_shipped(&one));
    (one, folder)
}

/// One that ships, and another one, which has gone on in a history of its own.
fn beside(seed: u64, home: &Path) -> [World; 2] {
    let (old, _) = alone(seed, home);
    let new = old.twin();
    write(&old, "old");
    eventually("the old one ships", || is_shipped(&old));
    write(&new, "new");
    eventually("the new one finds it", || target(&new.root())["state"] == "ahead");
    adopt(&new);
    eventually("it goes on", || is_shipped(&new));
    [old, new]
}

pub fn what_two_have_shipped_in_one_second_is_there_in_full_and_both_tell_of_it() {
    let home = TempDir::new();
    let (one, folder) = alone(71, home.path());
    let other = one.twin();
    eventually("the copy has looked", || is_shipped(&other));
    let old = timeline(&one);
    // The clock stands: it is the same second all along. Neither sees what the other one puts.
    let before = names(&folder);
    write(&one, "one");
    eventually("one ships", || names(&folder) != before && is_shipped(&one));
    let hidden = hide(&folder, &before);
    write(&other, "other");
    eventually("the other one ships", || names(&folder) != before && is_shipped(&other));
    show(hidden);
    assert_eq!(names(&folder).len(), before.len() + 2, "whole, all of it");
    assert!(held(&folder).segments.len() >= 3);
    // With the next thing to do each looks, and ships nothing.
    let before = names(&folder);
    for world in [&one, &other] {
        write(world, "later");
        tells_of_another(world);
    }
    assert_eq!(names(&folder), before);
    // One goes, the other one goes on, with all that it has written.
    drop(other);
    adopt(&one);
    eventually("it goes on", || is_shipped(&one));
    assert!(timeline(&one).number > old.number);
    let later =
        held(&folder).segments.into_iter().filter(|of| of.timeline == old).max_by_key(|of| of.last);
    let ours = target(&one.root())["last_good"]["revision"].as_u64().unwrap();
    // Behind it are the first commit of the new one, the notes of the other and of how long it was
    // watched, and the stamp.
    assert!(later.unwrap().last + 4 >= ours, "what it had written meanwhile is there, too");
    write(&one, "on");
    eventually("it ships", || is_shipped(&one));
    assert_eq!(health(&one), json!([]));
}

/// One that ships, and another one with a copy of its store, which has not seen the last commit
/// there: of which revision that is.
fn parted(seed: u64, home: &Path) -> (World, World, Value) {
    let (one, _) = alone(seed, home);
    let other = one.twin();
    write(&one, "one");
    eventually("one ships", || is_shipped(&one));
    let at = target(&one.root())["journal"]["revision"].clone();
    (one, other, at)
}

pub fn what_the_other_has_written_is_no_past_of_who_goes_on() {
    let home = TempDir::new();
    let (one, other, at) = parted(75, home.path());
    write(&other, "other");
    tells_of_another(&other);
    drop(one);
    adopt(&other);
    eventually("the other one goes on", || is_shipped(&other));
    write(&other, "on");
    eventually("it ships", || is_shipped(&other));
    // It has a commit of its own of that number: that one it is.
    let loaded = other.root().post("sys/snapshots/targets/disk/load", json!({ "revision": at }));
    assert_eq!(data(&loaded)["own_past"], true, "{}", loaded.json());
    let id = data(&loaded)["snapshot_id"].as_str().unwrap().to_owned();
    for (name, status) in [("other", 200), ("both", 200), ("one", 404)] {
        let path = format!("secret/{name}?read_snapshot_id={id}");
        assert_eq!(other.root().get(&path).status, status, "{name}");
    }
}

pub fn one_that_finds_the_others_segment_later_tells_of_it() {
    let home = TempDir::new();
    let (mut one, folder) = alone(72, home.path());
    let other = one.twin();
    eventually("the copy has looked", || is_shipped(&other));
    let before = names(&folder);
    for number in 0..2 {
        write(&other, &format!("other{number}"));
        eventually("the other one ships", || is_shipped(&other));
    }
    drop(other);
    let hidden = hide(&folder, &before);
    // Far enough that it has nothing more of that time, and no segment ends where theirs do.
    let many = target(&one.root())["journal"]["revision"].as_u64().unwrap();
    for _ in 0..2 {
        let away = home.path().join("away");
        fs::rename(&folder, &away).unwrap();
        (0..5).for_each(|number| write(&one, &format!("one{number}")));
        fs::rename(&away, &folder).unwrap();
        eventually("it ships", || {
            one.advance(Duration::from_secs(2));
            is_shipped(&one)
        });
    }
    assert!(target(&one.root())["journal"]["revision"].as_u64().unwrap() > many + 9);
    show(hidden);
    write(&one, "more");
    tells_of_another(&one);
    one.restart();
    write(&one, "again");
    tells_of_another(&one);
}

pub fn snapshots_of_two_do_not_take_each_others_place() {
    let home = TempDir::new();
    let folder = disk(home.path());
    let one = world(73, &folder, "  interval = \"1h\"\n  retain = 1");
    eventually("there is a first one", || target(&one.root())["last_good"].is_object());
    let other = one.twin();
    eventually("the copy has looked", || target(&other.root())["last_good"].is_object());
    write(&one, "one");
    write(&other, "other");
    let take = |world: &World| {
        let before = names(&folder);
        assert!(world.root().post("sys/snapshots/targets/disk/take", json!({})).status < 300);
        eventually("it is taken", || !names(&folder).is_subset(&before));
        eventually("it is well", || target(&world.root())["state"] == "good");
        before
    };
    let before = take(&one);
    let hidden = hide(&folder, &before);
    take(&other);
    show(hidden);
    assert_eq!(held(&folder).snapshots.len(), 2);
    // Nobody drops the other one's.
    for world in [&one, &other] {
        one.advance(HOUR);
        tells_of_another(world);
    }
    assert_eq!(held(&folder).snapshots.len(), 2);
}

pub fn a_clock_that_is_far_ahead_drops_nothing_of_another_server() {
    let home = TempDir::new();
    let folder = disk(home.path());
    let mut one = world(91, &folder, "  interval = \"240h\"\n  journal = true\n  keep_last = 1");
    write(&one, "both");
    eventually("all is shipped", || is_shipped(&one));
    let other = one.twin();
    write(&other, "other");
    eventually("the other one ships", || is_shipped(&other));
    drop(other);
    write(&one, "one");
    eventually("it finds that", || target(&one.root())["state"] == "ahead");
    adopt(&one);
    eventually("it goes on", || is_shipped(&one));
    let take = |world: &World| {
        let before = target(&world.root())["last_good"]["revision"].clone();
        assert!(world.root().post("sys/snapshots/targets/disk/take", json!({})).status < 300);
        eventually("it is taken", || {
            let told = target(&world.root());
            told["last_good"]["revision"] != before && told["state"] == "good"
        });
    };
    let of_other = || {
        let left = |path: &PathBuf| path.to_str().unwrap().contains("/journal/1-");
        names(&folder).into_iter().filter(left).collect::<BTreeSet<_>>()
    };
    let before = of_other();
    assert!(!before.is_empty());
    // As of a board whose battery is dead.
    one.jump(HOUR * 24 * 400);
    take(&one);
    one.restart();
    take(&one);
    assert!(before.is_subset(&of_other()), "{before:?} {:?}", names(&folder));
}

pub fn where_there_is_no_room_nothing_goes_of_who_goes_on_in_what_was_left() {
    let home = TempDir::new();
    let folder = disk(home.path());
    // Room for two.
    let one = world(92, &folder, &format!("{JOURNAL}\n  local_max_space = \"800000\""));
    let large = json!({ "a": "x".repeat(300 << 10) });
    assert_eq!(one.root().post("secret/large", large).status, 204);
    take(&one);
    eventually("all is there", || has_all(&one));
    let other = one.twin_with(&configured(&folder, JOURNAL));
    eventually("the copy has looked", || has_all(&other));
    (0..3).for_each(|_| put(&other, "other"));
    let base = take(&other);
    eventually("all is there", || has_all(&other));
    put(&one, "one");
    tells_of_another(&one);
    adopt(&one);
    eventually("it goes on", || is_shipped(&one));
    let attempts = || target(&one.root())["attempts"].as_u64();
    for _ in 0..2 {
        let before = attempts();
        one.advance(Duration::from_secs(1));
        assert!(one.root().post("sys/snapshots/targets/disk/take", json!({})).status < 300);
        eventually("it is tried", || attempts() > before);
    }
    let is_full = || target(&one.root())["error"].to_string().contains("local_max_space");
    let stays = || held(&folder).snapshots.iter().any(|of| of.revision == base);
    eventually("there is no room", || is_full() || !stays());
    assert!(stays(), "{:?}", names(&folder));
    let error = target(&one.root())["error"].to_string();
    assert!(error.contains("for another machine"), "{error}");
    assert!(error.contains("path_prefix of its own"), "{error}");
    // That helps.
    let own = home.path().join("own");
    fs::create_dir(&own).unwrap();
    let more = format!("{JOURNAL}\n  local_max_space = \"800000\"");
    let moved = one.twin_with(&configured(&own, &more));
    drop(one);
    take(&moved);
    eventually("it goes on", || has_all(&moved));
}

/// What the target would bring back, read without touching anything: the status of the answer, and
/// where there is something, its `secret/k`, and whether it is the server's own past.
fn loaded(world: &World, wish: &Value) -> (u16, String, Value) {
    let loaded = world.root().post("sys/snapshots/targets/disk/load", wish.clone());
    if loaded.status != 200 {
        return (loaded.status, loaded.json().to_string(), Value::Null);
    }
    let told = data(&loaded);
    let id = told["snapshot_id"].as_str().unwrap();
    let read = world.root().get(&format!("secret/k?read_snapshot_id={id}"));
    let value = data(&read)["a"].as_str().unwrap().to_owned();
    world.root().delete(&format!("sys/storage/raft/snapshot-load/{id}"));
    (200, value, told["own_past"].clone())
}

fn put(world: &World, value: &str) {
    assert_eq!(world.root().post("secret/k", json!({ "a": value })).status, 204);
}

/// Has a snapshot taken, which is there: of which revision it is.
fn take(world: &World) -> u64 {
    let taken = || target(&world.root())["last_good"]["revision"].as_u64();
    eventually("it has looked", || taken().is_some());
    let before = taken();
    // No two at one time.
    world.advance(Duration::from_secs(1));
    assert!(world.root().post("sys/snapshots/targets/disk/take", json!({})).status < 300);
    eventually("it is taken", || taken() > before);
    taken().unwrap()
}

/// Nothing is to be put there.
fn has_all(world: &World) -> bool {
    let target = target(&world.root());
    target["state"] == "good" && matches!(target["journal"]["behind"].as_u64(), None | Some(0))
}

/// Two on copies of one store, with such settings each, of which neither has seen what the other
/// put after `both`; and of which revision the last snapshot of each is.
fn unseen(seed: u64, home: &Path, one: &str, other: &str) -> ([World; 2], [u64; 2]) {
    let folder = disk(home);
    let one = world(seed, &folder, one);
    put(&one, "both");
    take(&one);
    eventually("all is there", || has_all(&one));
    let twin = one.twin_with(&configured(&folder, other));
    let before = names(&folder);
    put(&one, "one");
    let of_one = take(&one);
    eventually("all is there", || has_all(&one));
    let hidden = hide(&folder, &before);
    for _ in 0..3 {
        put(&twin, "other");
    }
    let of_other = take(&twin);
    show(hidden);
    ([one, twin], [of_one, of_other])
}

pub fn without_a_journal_each_has_what_it_took_itself() {
    for journal in ["", "\n  journal = true"] {
        let home = TempDir::new();
        let settings = format!("{SNAPSHOTS}{journal}");
        let ([one, other], revisions) = unseen(76, home.path(), &settings, SNAPSHOTS);
        for (world, own, strange) in [(&one, "one", revisions[1]), (&other, "other", revisions[0])]
        {
            let latest = json!({ "at": "latest" });
            // The newest of all, where another one went further, may have been its own.
            let is_behind = own == "one";
            if is_behind {
                let (status, text, _) = loaded(world, &latest);
                assert!(status == 400 && text.contains("ahead of this server"), "{text}");
            }
            let mine = revisions[usize::from(!is_behind)];
            let others = [json!({ "at": world.now() }), json!({ "revision": mine })];
            for wish in others.into_iter().chain((!is_behind).then_some(latest)) {
                let found = loaded(world, &wish);
                assert_eq!(found, (200, own.to_owned(), json!(true)), "{own}: {wish}");
            }
            let (status, text, _) = loaded(world, &json!({ "revision": strange }));
            assert_eq!(status, 400, "{own} {strange}: {text}");
            assert!(text.to_lowercase().contains("another server wrote"), "{text}");
            let offered = format!("it could go to revision {strange} (");
            assert!(!text.contains(&offered), "nor is it offered: {text}");
            // By its name it is had, and told to be what it is.
            let left = data(&world.root().get("sys/storage/raft/snapshot-auto/status/disk"));
            let url = left["last_snapshot_url"].as_str().unwrap();
            let timeline = url.rsplit('.').nth(3).unwrap();
            let named = json!({ "revision": strange, "timeline": timeline });
            let (status, value, own_past) = loaded(world, &named);
            assert_eq!((status, own_past), (200, json!(false)), "{value}");
            assert_ne!(value, own);
        }
        // Each hears of it when it looks.
        for world in [&one, &other] {
            put(world, "later");
            world.advance(HOUR);
            tells_of_another(world);
        }
        // On a bare machine it is not known which of the two is meant.
        let store = Folder::new("", &stores(&home.path().join("disk"))[0]).unwrap();
        let target = Place::new(home.path().join("disk"));
        let (source, spools) =
            (Source { target: &target, folder: &store }, Spools::new(home.path(), 0));
        let text = newest(source, None, &spools).err().unwrap().to_string();
        assert!(text.contains("two servers wrote"), "{text}");
    }
}

pub fn who_keeps_no_journal_hears_of_one_that_does() {
    let home = TempDir::new();
    let folder = disk(home.path());
    let one = world(78, &folder, JOURNAL);
    put(&one, "both");
    eventually("all is there", || has_all(&one));
    let other = one.twin_with(&configured(&folder, SNAPSHOTS));
    eventually("it has looked", || target(&other.root())["last_good"].is_object());
    // By their numbers it may have written all of that itself.
    for _ in 0..9 {
        put(&other, "other");
    }
    for _ in 0..5 {
        put(&one, "one");
    }
    eventually("all is there", || has_all(&one));
    // What the other one would have by its number.
    let wish =
        json!({ "revision": target(&one.root())["last_good"]["revision"].as_u64().unwrap() + 2 });
    assert_eq!(loaded(&one, &wish).1, "one");
    let (status, text, _) = loaded(&other, &wish);
    assert_eq!(status, 400, "{text}");
    other.advance(HOUR);
    tells_of_another(&other);
}

pub fn what_was_written_while_no_journal_was_kept_is_not_taken_from_the_other() {
    let home = TempDir::new();
    let folder = disk(home.path());
    let one = world(79, &folder, JOURNAL);
    put(&one, "both");
    eventually("all is there", || has_all(&one));
    let silent = one.twin_with(&configured(&folder, SNAPSHOTS));
    for _ in 0..9 {
        put(&silent, "other");
    }
    // It keeps a journal again, which begins behind all that the other one has.
    let other = silent.twin_with(&configured(&folder, JOURNAL));
    drop(silent);
    eventually("its journal has begun", || target(&other.root())["journal"].is_object());
    for _ in 0..3 {
        put(&one, "one");
    }
    eventually("all is there", || has_all(&one));
    let at = target(&one.root())["journal"]["revision"].clone();
    let wish = json!({ "revision": at });
    assert_eq!(loaded(&one, &wish), (200, "one".into(), json!(true)));
    let (status, text, _) = loaded(&other, &wish);
    assert_eq!(status, 400, "{text}");
    put(&other, "other");
    tells_of_another(&other);
}

pub fn who_goes_on_without_a_journal_drops_nothing_of_the_other() {
    let home = TempDir::new();
    let ([one, other], [of_one, _]) =
        unseen(77, home.path(), SNAPSHOTS, &SNAPSHOTS.replace('9', "1"));
    let folder = home.path().join("disk");
    eventually("what both come of has gone", || held(&folder).snapshots.len() == 2);
    let before = names(&folder);
    other.advance(HOUR);
    tells_of_another(&other);
    assert_eq!(names(&folder), before, "nothing is dropped, nothing is put");
    adopt(&other);
    for _ in 0..3 {
        put(&other, "on");
        take(&other);
    }
    let mut kept = held(&folder).snapshots.into_iter();
    assert!(kept.any(|of| of.revision == of_one), "the other one's is not its to drop");
    assert_eq!(loaded(&one, &json!({ "at": one.now() })), (200, "one".into(), json!(true)));
}

pub fn a_history_that_grows_beside_is_told_of_until_it_ends() {
    let home = TempDir::new();
    let [old, new] = beside(74, home.path());
    // The old one is not seen to write any more: all is well.
    assert_eq!((health(&new), &target(&new.root())["beside"]), (json!([]), &Value::Null));
    let told = |world: &World, of: Timeline| {
        target(&world.root())["beside"]["timeline"] == of.to_string().as_str()
    };
    let (left, begun) = (timeline(&old), timeline(&new));
    old.advance(HOUR);
    write(&new, "on");
    eventually("the new one ships", || is_shipped(&new));
    write(&old, "on");
    eventually("the old one tells of the new one", || told(&old, begun));
    eventually("the old one ships", || is_shipped(&old));
    write(&new, "more");
    eventually("the new one tells of the old one", || told(&new, left));
    for world in [&old, &new] {
        let health = health(world).to_string();
        assert!(health.contains("another server writes there"), "{health}");
    }
    // Nothing is hindered by it. Once the old one is off that is told for a while, or until
    // somebody says that it is known.
    write(&new, "still");
    eventually("it ships", || is_shipped(&new));
    drop(old);
    adopt(&new);
    eventually("that was known", || target(&new.root())["beside"].is_null());
    assert_eq!(timeline(&new), begun, "it goes on as it did");
    assert_eq!(data(&new.root().get("secret/still"))["a"], "still");
}

pub fn each_of_several_that_grow_beside_is_told_of_since_it_was_first_seen() {
    let home = TempDir::new();
    let (one, folder) = alone(81, home.path());
    let [other, third] = [one.twin(), one.twin()];
    write(&one, "one");
    eventually("one ships", || is_shipped(&one));
    for world in [&other, &third] {
        write(world, "beside");
        eventually("it finds one", || target(&world.root())["state"] == "ahead");
        adopt(world);
        eventually("it goes on", || is_shipped(world));
    }
    let mut sinces = BTreeSet::new();
    for _ in 0..3 {
        for world in [&one, &other] {
            one.advance(Duration::from_secs(10));
            write(world, "on");
            eventually("it ships", || is_shipped(world));
        }
        write(&third, "looks");
        eventually("it ships", || is_shipped(&third));
        let beside = target(&third.root())["beside"].clone();
        assert_eq!(beside["timeline"], timeline(&other).to_string(), "what came last: {beside}");
        sinces.insert(beside["since"].as_str().unwrap().to_owned());
    }
    assert_eq!(sinces.len(), 1, "{sinces:?}");
    // That was seen, whether the target is away for a moment or not.
    let at = || target(&third.root())["journal"]["revision"].as_u64().unwrap();
    let (before, away) = (at(), home.path().join("away"));
    fs::rename(&folder, &away).unwrap();
    eventually("it is away", || target(&third.root())["state"] == "away");
    fs::rename(&away, &folder).unwrap();
    eventually("it is there again", || {
        third.advance(Duration::from_secs(2));
        is_shipped(&third)
    });
    assert_eq!(at(), before, "there is nothing to note");
}

pub fn a_snapshot_of_who_has_left_stops_nobody() {
    let home = TempDir::new();
    let (one, folder) = alone(82, home.path());
    let other = one.twin();
    eventually("the copy has looked", || is_shipped(&other));
    let before = names(&folder);
    (0..5).for_each(|number| write(&other, &format!("other{number}")));
    let good = || target(&other.root())["last_good"]["revision"].clone();
    let first = good();
    assert!(other.root().post("sys/snapshots/targets/disk/take", json!({})).status < 300);
    eventually("it has a snapshot", || good() != first && is_shipped(&other));
    let taken = good().as_u64().unwrap();
    let hidden = hide(&folder, &before);
    write(&one, "one");
    eventually("one ships", || is_shipped(&one));
    show(hidden);
    write(&other, "more");
    tells_of_another(&other);
    write(&one, "more");
    tells_of_another(&one);
    adopt(&other);
    eventually("the other one goes on", || is_shipped(&other));
    eventually("one goes on, too", || {
        one.advance(Duration::from_secs(2));
        is_shipped(&one)
    });
    let at = target(&one.root())["journal"]["revision"].as_u64().unwrap();
    assert!(at < taken, "it is not yet where the snapshot is of");
    let latest = one.root().post("sys/snapshots/targets/disk/load", json!({ "at": "latest" }));
    assert_eq!(latest.status, 200, "who has left goes nowhere there: {}", latest.json());
    assert_eq!(data(&latest)["own_past"], true);
    // What is there of the other one counts, too, whenever it is told.
    let told = || target(&one.root())["snapshots"].as_u64();
    let there = || Some(held(&folder).snapshots.len() as u64);
    eventually("it has looked", || {
        one.advance(Duration::from_secs(2));
        told() == there()
    });
    write(&one, "again");
    eventually("one ships", || is_shipped(&one));
    assert_eq!(told(), there());
}

pub fn what_who_leaves_has_written_goes_beside_and_stops_nobody() {
    // The first one may have gone further by then, or not.
    [0, 8].into_iter().for_each(leaves_beside);
}

fn leaves_beside(further: usize) {
    let home = TempDir::new();
    let (mut one, folder) = alone(76, home.path());
    let mut other = one.twin();
    write(&one, "one");
    eventually("one ships", || is_shipped(&one));
    (0..5).for_each(|number| write(&other, &format!("other{number}")));
    for number in 0..further {
        write(&one, &format!("further{number}"));
        eventually("one ships", || is_shipped(&one));
    }
    tells_of_another(&other);
    let old = timeline(&other);
    adopt(&other);
    eventually("it goes on", || is_shipped(&other));
    let new = timeline(&other);
    let of = |timeline: Timeline| {
        held(&folder).segments.into_iter().filter(move |of| of.timeline == timeline)
    };
    let begins = || of(new).find_map(|of| of.origin).map(|origin| origin.revision);
    eventually("what it had written is there", || {
        let holds = |of: &SegmentName| begins().is_some_and(|at| of.first <= at && at <= of.last);
        of(old).filter(holds).count() == 1 + usize::from(further > 0)
    });
    // And comes back from there.
    let wish = json!({ "revision": begins() });
    let loaded = other.root().post("sys/snapshots/targets/disk/load", wish);
    assert_eq!(data(&loaded)["own_past"], true, "{}", loaded.json());
    let id = data(&loaded)["snapshot_id"].as_str().unwrap().to_owned();
    for (name, status) in [("other4", 200), ("other0", 200), ("both", 200), ("one", 404)] {
        let path = format!("secret/{name}?read_snapshot_id={id}");
        assert_eq!(other.root().get(&path).status, status, "{name}");
    }
    // The first one goes on as before, at once and after it was off; with fewer commits and with
    // more.
    for number in 0..12 {
        write(&one, &format!("on{number}"));
        eventually("one ships on", || is_shipped(&one));
        if number == 5 {
            one.restart();
            eventually("it looks anew", || is_shipped(&one));
        }
    }
    one.advance(Duration::from_secs(2));
    write(&other, "on");
    eventually("the other one ships on", || is_shipped(&other));
    other.restart();
    write(&other, "again");
    eventually("the other one ships again", || is_shipped(&other));
    // With the next thing to do it looks.
    write(&one, "last");
    eventually("it is told of, for a while", || {
        let text = health(&one).to_string();
        text.contains("another server") && !target(&one.root())["beside"].is_null()
    });
}

pub fn what_would_stop_the_other_is_kept_here_and_told() {
    let home = TempDir::new();
    let (one, other, at) = parted(77, home.path());
    let old = timeline(&one);
    (0..3).for_each(|number| write(&other, &format!("other{number}")));
    tells_of_another(&other);
    // It takes what the first one has, instead of going on beside it.
    let wish = json!({ "revision": at, "timeline": old.to_string() });
    let restored = other.root().post("sys/snapshots/targets/disk/restore", wish);
    assert_eq!(restored.status, 200, "{}", restored.json());
    let kept = || target(&other.root())["held_back"].as_str().unwrap_or_default().to_owned();
    eventually("it ships", || {
        other.advance(Duration::from_secs(2));
        is_shipped(&other)
    });
    eventually("that is told", || kept().contains(&old.to_string()));
    write(&one, "on");
    eventually("one ships on", || is_shipped(&one));
}

pub fn what_came_while_it_was_off_is_told_too() {
    let home = TempDir::new();
    let [old, mut new] = beside(78, home.path());
    old.advance(Duration::from_secs(2));
    let told = |new: &World| target(&new.root())["beside"]["timeline"].clone();
    let of_old = timeline(&old).to_string();
    write(&old, "seen");
    eventually("it is seen at work", || told(&new) == of_old.as_str());
    // Who has said that it is known is not told again.
    let is_known = |new: &mut World| {
        eventually("the old one rests", || is_shipped(&old));
        adopt(new);
        eventually("that was known", || told(new).is_null());
        new.restart();
        eventually("it has looked", || is_shipped(new));
        assert_eq!(told(new), Value::Null);
    };
    is_known(&mut new);
    new.while_off(|_| {
        write(&old, "quiet");
        eventually("the old one ships", || is_shipped(&old));
    });
    eventually("it is told", || told(&new) == of_old.as_str());
    is_known(&mut new);
}
