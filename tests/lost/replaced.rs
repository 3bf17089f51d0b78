//! A machine is replaced by one that is restored from the target, and goes on there.

use std::fs;

use edgekeep::base::clock::{Clock, SystemClock};
use serde_json::json;

use super::support::http::Client;
use super::support::store::Store;
use super::{Home, Server, data, edgekeep, eventually, option, shipped};

/// When it had which value.
type Times = Vec<(String, &'static str)>;

fn now() -> String {
    SystemClock.wall().rfc3339()
}

fn put(root: &Client, value: &'static str) -> (String, &'static str) {
    assert_eq!(root.post("secret/a", json!({ "value": value })).status, 204);
    (now(), value)
}

/// What the server gives of each of these times, without a word of a history.
fn must_give(root: &Client, times: &Times) {
    for (at, value) in times {
        let loaded = root.post("sys/snapshots/targets/disk/load", json!({ "at": at }));
        assert_eq!(loaded.status, 200, "{value}: {}", loaded.json());
        let id = data(&loaded)["snapshot_id"].as_str().unwrap().to_owned();
        let read = data(&root.get(&format!("secret/a?read_snapshot_id={id}")));
        assert_eq!(read["value"], *value, "{at}");
        assert_eq!(root.delete(&format!("sys/storage/raft/snapshot-load/{id}")).status, 204);
    }
}

/// The old machine has written that, the last four in one segment, and is lost. The new one was
/// restored to one of these times.
fn replaced(home: &Home, upto: usize) -> (Store, Store, Server, Times) {
    let (store, mut server) = home.shipping("");
    let root = store.root(&server);
    shipped(&root, "disk");
    let mut times = vec![put(&root, "first")];
    shipped(&root, "disk");
    let (disk, away) = (home.at("disk"), home.at("away"));
    fs::rename(&disk, &away).unwrap();
    times.extend(["second", "third", "fourth", "fifth"].map(|value| put(&root, value)));
    fs::rename(&away, &disk).unwrap();
    shipped(&root, "disk");
    server.kill();
    let (target, into) = (option("target", &disk), option("into", &home.at("new")));
    let at = format!("-at={}", times[upto].0);
    let (exit, said) = edgekeep(&["snapshot", "restore", &target, &into, &at]);
    assert_eq!(exit, 0, "{said}");
    let new = store.moved(&home.at("new"));
    let server = new.start();
    shipped(&new.root(&server), "disk");
    (store, new, server, times)
}

pub fn of_what_the_old_one_wrote_behind_the_instant_that_it_comes_of_nothing_is_its_past() {
    let home = Home::new();
    let (_, new, server, mut times) = replaced(&home, 2);
    times.iter_mut().skip(3).for_each(|(_, value)| *value = "third");
    must_give(&new.root(&server), &times);
}

/// Names tell whole seconds.
fn a_second_passes() {
    let second = |time: String| time.split('.').next().unwrap().to_owned();
    let begun = second(now());
    eventually("a second has passed", || second(now()) > begun);
}

/// Goes back to these times, and has all of them the whole while.
fn must_go_back(root: &Client, to: &[String], times: &Times) {
    for at in to {
        let done = root.post("sys/snapshots/targets/disk/restore", json!({ "at": at }));
        assert_eq!(done.status, 200, "{}", done.json());
        shipped(root, "disk");
        must_give(root, times);
    }
}

/// Writes on after the first, each in a second of its own, and goes back to the third and the second.
fn must_go_on(root: &Client, first: (String, &'static str)) {
    let mut times = vec![first];
    for value in ["second", "third", "fourth"] {
        a_second_passes();
        times.push(put(root, value));
        shipped(root, "disk");
    }
    a_second_passes();
    must_go_back(root, &[times[2].0.clone(), times[1].0.clone()], &times);
}

/// A restore was tried on another machine, which is off again.
pub fn what_was_but_a_drill_makes_no_time_unclear() {
    let home = Home::new();
    let (store, server) = home.shipping("");
    let root = store.root(&server);
    shipped(&root, "disk");
    let first = put(&root, "first");
    shipped(&root, "disk");
    let (target, into) = (option("target", &home.at("disk")), option("into", &home.at("drill")));
    let (exit, said) = edgekeep(&["restore", &target, &into]);
    assert_eq!(exit, 0, "{said}");
    let drill = store.moved(&home.at("drill"));
    let mut tried = drill.start();
    put(&drill.root(&tried), "drill");
    shipped(&drill.root(&tried), "disk");
    tried.kill();
    must_go_on(&root, first);
}

/// The one that is lost had been put back once more after the instant that the new one comes of.
pub fn what_the_old_one_left_makes_no_time_of_the_new_one_unclear() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    let root = store.root(&server);
    shipped(&root, "disk");
    let first = put(&root, "first");
    a_second_passes();
    put(&root, "lost");
    let done = root.post("sys/snapshots/targets/disk/restore", json!({ "at": first.0 }));
    assert_eq!(done.status, 200, "{}", done.json());
    put(&root, "lost, too");
    shipped(&root, "disk");
    server.kill();
    a_second_passes();
    let (target, into) = (option("target", &home.at("disk")), option("into", &home.at("new")));
    let at = format!("-at={}", first.0);
    let (exit, said) = edgekeep(&["snapshot", "restore", &target, &into, &at]);
    assert_eq!(exit, 0, "{said}");
    let new = store.moved(&home.at("new"));
    let server = new.start();
    let root = new.root(&server);
    must_go_on(&root, first);
}

pub fn an_old_one_that_wakes_makes_no_time_of_its_past_unclear() {
    let home = Home::new();
    let (old, new, server, mut times) = replaced(&home, 4);
    let root = new.root(&server);
    times.push(put(&root, "sixth"));
    a_second_passes();
    let woken = old.start();
    put(&old.root(&woken), "other");
    shipped(&old.root(&woken), "disk");
    times.push(put(&root, "seventh"));
    times.push(put(&root, "eighth"));
    shipped(&root, "disk");
    must_give(&root, &times);
    must_go_back(&root, &[times[5].0.clone(), times[6].0.clone()], &times);
}

/// It was put back to the midst of a segment, and then to before that.
pub fn what_it_left_is_no_gap_where_another_one_goes_on() {
    let home = Home::new();
    let (_, new, server, mut times) = replaced(&home, 2);
    let root = new.root(&server);
    a_second_passes();
    let to = [times[1].0.clone()];
    times.iter_mut().skip(3).for_each(|(_, value)| *value = "third");
    times.push(put(&root, "sixth"));
    shipped(&root, "disk");
    a_second_passes();
    must_go_back(&root, &to, &times);
}
