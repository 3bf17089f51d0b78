//! A board that has no clock of its own is restored before the network tells it the time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::left::had;
use crate::served::{edgekeep, get, put, target, text, world};
use crate::support::world::World;
use crate::support::{TempDir, eventually};

fn is_shipped(world: &World) -> bool {
    world.advance(Duration::from_secs(1));
    let told = target(&world.root());
    let is_there = told["last_good"]["timeline"] == told["journal"]["timeline"];
    is_there && told["journal"]["behind"] == 0
}

/// A store that was written three times, is restored to the first of them by a clock that is
/// `behind` since the power failed, and written again, then and when the clock is right. The three
/// times.
fn restored(seed: u64, folder: &TempDir, behind: Duration) -> (World, [String; 3]) {
    let mut world = world(seed, folder);
    let times = ["one", "two", "three"].map(|value| {
        let time = put(&world, value);
        world.advance(Duration::from_secs(50));
        time
    });
    eventually("the target has it", || target(&world.root())["journal"]["behind"] == 0);
    world.turn_back(behind);
    world.restart();
    world.advance(Duration::from_secs(5));
    let at = format!("-at={}", times[0]);
    let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at]);
    assert!(done.status.success(), "{}", text(&done));
    assert_eq!(get(&world), "one");
    put(&world, "four");
    world.jump(behind);
    put(&world, "five");
    eventually("the target has that", || is_shipped(&world));
    (world, times)
}

fn at(time: &str) -> Value {
    json!({ "at": time })
}

#[test]
fn by_a_clock_that_is_behind_no_time_is_taken_twice() {
    let folder = TempDir::new();
    let (mut world, [one, two, three]) = restored(71, &folder, Duration::from_secs(3600));
    for _ in 0..2 {
        must_have(&world, [(&one, "one"), (&two, "two"), (&three, "three")]);
        assert_eq!(had(&world, &at("latest")).as_deref(), Some("five"));
        world.restart();
    }
    // Who comes new to the target sees that one history took the place of the other.
    let newest = bare(&world, &folder);
    assert!(newest.contains("Would restore") && newest.contains("2-"), "{newest}");
}

#[test]
fn a_time_that_a_store_went_through_twice_is_told_with_both_histories() {
    let folder = TempDir::new();
    let (mut world, [one, two, three]) = restored(72, &folder, Duration::from_secs(100));
    for _ in 0..2 {
        must_be_both(&world, &three, [("1-", "three"), ("2-", "four")]);
        must_have(&world, [(&one, "one"), (&two, "two"), (&world.now(), "five")]);
        assert_eq!(had(&world, &at("latest")).as_deref(), Some("five"));
        world.restart();
    }
}

/// The time is refused with both histories, and each that is named has its own value then.
fn must_be_both(world: &World, time: &str, values: [(&str, &str); 2]) {
    let twice = edgekeep(world, &["snapshot", "load", &format!("disk@{time}")]);
    let told = text(&twice);
    assert!(!twice.status.success() && told.contains("several histories"), "{told}");
    for (history, value) in values {
        let name = told.split_whitespace().find(|word| word.starts_with(history)).unwrap();
        let named = json!({ "at": time, "timeline": name.trim_end_matches(':') });
        assert_eq!(had(world, &named).as_deref(), Some(value));
    }
}

/// What there was at each of these times is had.
fn must_have<'a>(world: &World, all: impl IntoIterator<Item = (&'a String, &'a str)>) {
    for (time, value) in all {
        assert_eq!(had(world, &at(time)).as_deref(), Some(value), "{time}");
    }
}

/// What a machine would begin with that has nothing.
fn bare(world: &World, folder: &TempDir) -> String {
    let from = format!("-target={}", folder.path().display());
    let into = format!("-into={}", folder.path().join("new").display());
    text(&edgekeep(world, &["restore", &from, &into, "-wait=0", "-dry-run"]))
}

/// Each commit in a file, or all in one in whose midst the clock is put right.
#[test]
fn a_clock_that_is_ahead_at_a_restore_hides_nothing_of_what_came_after() {
    for each in [true, false] {
        let folder = TempDir::new();
        let mut world = world(73, &folder);
        let is_there = || target(&world.root())["journal"]["behind"] == 0;
        let one = put(&world, "one");
        let two = put(&world, "two");
        eventually("the target has it", is_there);
        world.jump(Duration::from_secs(3600));
        put(&world, "ahead, and left");
        eventually("the target has it", is_there);
        let at_one = format!("-at={one}");
        let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at_one]);
        assert!(done.status.success(), "{}", text(&done));
        if each {
            eventually("the target has the present history", || is_shipped(&world));
        }
        put(&world, "ahead");
        if each {
            eventually("the target has that", is_there);
        }
        world.turn_back(Duration::from_secs(3600));
        let three = put(&world, "three");
        let four = put(&world, "four");
        eventually("the target has that, too", || is_shipped(&world));
        for _ in 0..2 {
            let now = world.now();
            let all = [(&one, "one"), (&two, "two"), (&three, "three"), (&four, "four")];
            must_have(&world, all.into_iter().chain([(&now, "four")]));
            assert_eq!(had(&world, &at("latest")).as_deref(), Some("four"));
            world.restart();
        }
        let newest = bare(&world, &folder);
        assert!(newest.contains("Would restore") && newest.contains("2-"), "{newest}");
    }
}

#[test]
fn one_commit_by_a_clock_that_was_ahead_leaves_no_doubt_for_ever() {
    let folder = TempDir::new();
    let mut world = world(74, &folder);
    let is_there = || target(&world.root())["journal"]["behind"] == 0;
    let one = put(&world, "one");
    eventually("the target has it", is_there);
    world.jump(Duration::from_secs(3600));
    put(&world, "ahead");
    eventually("the target has that", is_there);
    world.turn_back(Duration::from_secs(3600));
    let mut told = vec![(one.clone(), "one")];
    for value in ["two", "three"] {
        told.push((put(&world, value), value));
    }
    eventually("the target has that, too", is_there);
    let at_one = format!("-at={one}");
    for values in [["four", "five"], ["six", "seven"]] {
        let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at_one]);
        assert!(done.status.success(), "{}", text(&done));
        for value in values {
            told.push((put(&world, value), value));
        }
        eventually("the target has the new history", || is_shipped(&world));
        let newest = bare(&world, &folder);
        assert!(newest.contains("Would restore"), "{newest}");
    }
    for _ in 0..2 {
        must_have(&world, told.iter().map(|(time, value)| (time, *value)));
        assert_eq!(had(&world, &at("latest")).as_deref(), Some("seven"));
        world.restart();
    }
}

#[test]
fn one_commit_by_a_clock_that_was_turned_back_is_told_beside_what_was_left() {
    let folder = TempDir::new();
    let mut world = world(75, &folder);
    let is_there = || target(&world.root())["journal"]["behind"] == 0;
    let mut times = Vec::new();
    for value in ["one", "two", "three", "four"] {
        times.push(put(&world, value));
        world.advance(Duration::from_secs(300));
        eventually("the target has it", is_there);
    }
    let at_one = format!("-at={}", times[0]);
    let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at_one]);
    assert!(done.status.success(), "{}", text(&done));
    eventually("the target has the new history", || is_shipped(&world));
    let mut back = Duration::ZERO;
    while world.now() >= times[2] {
        world.turn_back(Duration::from_secs(20));
        back += Duration::from_secs(20);
    }
    let five = put(&world, "five");
    eventually("the target has it", is_there);
    world.jump(back);
    put(&world, "six");
    eventually("the target has that", is_there);
    for _ in 0..2 {
        assert!(times[1] < five && five < times[2], "{five} {times:?}");
        must_be_both(&world, &times[2], [("1-", "three"), ("2-", "five")]);
        let target = format!("-target={}", folder.path().display());
        let into = format!("-into={}", folder.path().join("new").display());
        let at_three = format!("-at={}", times[2]);
        let words = ["snapshot", "restore", &target, &into, &at_three, "-dry-run"];
        let told = text(&edgekeep(&world, &words));
        assert!(told.contains("several histories"), "who has no store of it: {told}");
        must_have(&world, [(&times[0], "one"), (&times[1], "two"), (&world.now(), "six")]);
        world.restart();
    }
}

#[test]
fn a_clock_that_was_ahead_for_long_is_over_with_a_restore() {
    const LONG: Duration = Duration::from_secs(5 * 24 * 60 * 60);
    let folder = TempDir::new();
    let mut world = world(76, &folder);
    let is_there = || target(&world.root())["journal"]["behind"] == 0;
    let one = put(&world, "one");
    eventually("the target has it", is_there);
    world.jump(LONG);
    // Until it is believed.
    for _ in 0..40 {
        put(&world, "ahead");
    }
    eventually("the target has that", is_there);
    world.restart();
    world.turn_back(LONG);
    put(&world, "still ahead");
    let at_one = format!("-at={one}");
    let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at_one]);
    assert!(done.status.success(), "{}", text(&done));
    put(&world, "two");
    eventually("the target has the new history", || is_shipped(&world));
    let now = at(&world.now());
    assert_eq!(had(&world, &now).as_deref(), Some("two"), "its time is that of the clock");
}
