//! A standby of the built program.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use edgekeep::base::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::support::dice::Dice;
use super::support::http::Client;
use super::support::hung::Hung;
use super::support::store::Store;
use super::support::world::World;
use super::support::{ROOT, Server, data, eventually};
use super::{
    Home, edgekeep, junk, later, must_have, names, option, place, restore, shipped, shipping,
    target, write,
};

const WRITERS: u64 = 16;
const KILLS: u64 = 5;

/// A standby that has all up to that transaction, and its server.
fn following(home: &Home, store: &Store, upto: u64) -> (Store, Server) {
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let server = standby.start_sealed();
    eventually("it has it", || follows(&server)["revision"].as_u64() >= Some(upto));
    (standby, server)
}

/// What a standby tells of itself.
fn follows(server: &Server) -> Value {
    let health = server.client().get("sys/health");
    assert_eq!(health.status, 472, "{}", health.json());
    health.json()["follows"].clone()
}

fn promote(store: &Store) -> String {
    let (exit, said) = edgekeep(&["promote", &option("config", &store.config())]);
    assert_eq!(exit, 0, "{said}");
    said
}

/// The histories that a target has anything of.
fn timelines(disk: &Path) -> Vec<String> {
    let names = names(&disk.join(&names(disk)[0]));
    let of = |name: &String| Some(name.split('.').nth(1)?.to_owned());
    let mut found: Vec<String> = names.iter().filter_map(of).collect();
    found.sort();
    found.dedup();
    found
}

/// The other server that a target's status tells of.
fn beside(root: &Client) -> Value {
    data(&root.get("sys/snapshots/targets/disk"))["beside"].clone()
}

/// Promotes one that runs, and unseals it.
fn takes_over(standby: &Store, server: &Server) {
    assert!(promote(standby).contains("edgekeep operator unseal"));
    eventually("it is promoted", || server.client().get("sys/health").status == 503);
    standby.unseal(server);
}

pub fn a_standby_that_is_killed_at_random_has_all_that_was_shipped() {
    let home = Home::new();
    let disk = home.at("disk");
    let (store, mut server) = home.shipping("");
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let mut following = standby.start_sealed();
    let (ended, dice) = (AtomicBool::new(false), Dice::new(5));
    let counts: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (root, ended) = (store.root(&server), &ended);
                scope.spawn(move || {
                    let mut count = 0;
                    while !ended.load(Ordering::Relaxed) {
                        count += 1;
                        let secret = json!({ "count": count });
                        assert_eq!(root.post(&format!("secret/{writer}"), secret).status, 204);
                    }
                    count
                })
            })
            .collect();
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(dice.below(1500)));
            following.kill();
            following = standby.start_sealed();
        }
        ended.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let revision = shipped(&store.root(&server), "disk");
    eventually("the standby has it", || {
        let stands = follows(&following);
        stands["revision"].as_u64() >= Some(revision) && stands["behind"] == 0
    });
    for refused in ["sys/unseal", "sys/init", "secret/1"] {
        let reply = following.client().post(refused, json!({}));
        assert_eq!(reply.status, 503, "{}", reply.json());
        let hint = "edgekeep promote -config=";
        assert!(reply.json().to_string().contains(hint), "{}", reply.json());
    }
    assert_eq!(following.client().get("sys/seal-status").json()["sealed"], true);
    server.kill();
    assert_eq!(timelines(&disk).len(), 1);

    takes_over(&standby, &following);
    assert!(promote(&standby).contains("It is promoted already."));
    let root = standby.root(&following);
    for (writer, count) in counts.iter().enumerate() {
        let secret = root.get(&format!("secret/{writer}")).json();
        assert_eq!(secret["data"]["count"], *count, "of writer {writer}");
    }
    standby.verify(&following);
    // What it ships is of another history.
    assert_eq!(root.post("secret/after", json!({ "a": "b" })).status, 204);
    eventually("it ships", || timelines(&disk).len() == 2);
    following.kill();
    let following = standby.start();
    assert_eq!(standby.root(&following).get("secret/after").status, 200);
    drop(following);
    // One that goes on beside it is told, and follows neither.
    let refused = store.moved(&home.at("data")).with(&["-follow=disk"]).refusal();
    assert!(refused.contains("is no standby's"), "{refused}");
}

pub fn a_history_of_which_nothing_verifies_is_not_followed() {
    let home = Home::new();
    let disk = home.at("disk");
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    let first = shipped(&store.root(&server), "disk");
    let (standby, following) = following(&home, &store, first);
    // Anybody may write a name of a later history, of a time that has not come.
    for kept in later(Timestamp::from_secs(3_900_000_000)) {
        junk(&disk, &kept);
    }
    write(&store, &server, "second");
    let second = shipped(&store.root(&server), "disk");
    server.kill();
    eventually("it follows on", || follows(&following)["revision"].as_u64() >= Some(second));
    let told = || following.client().get("sys/health").json().to_string();
    eventually("it is told", || told().contains("it follows what verifies"));
    assert!(told().contains("does not count") && !told().contains("whether that is right"));
    takes_over(&standby, &following);
    must_have(&standby, &following, "second");
}

pub fn two_that_serve_on_are_told_apart() {
    let home = Home::new();
    let disk = option("target", &home.at("disk"));
    let (store, old) = home.shipping("");
    write(&store, &old, "both");
    let revision = shipped(&store.root(&old), "disk");
    let (standby, new) = following(&home, &store, revision);
    // Nobody has stopped the old one.
    takes_over(&standby, &new);
    write(&standby, &new, "new");
    shipped(&standby.root(&new), "disk");
    let found = timelines(&home.at("disk"));
    assert_eq!(found.len(), 2, "{found:?}");
    let mut said = String::new();
    // By the names whole seconds are known: until one has passed the old one seems to have ended.
    eventually("both are told", || {
        write(&store, &old, "old");
        shipped(&store.root(&old), "disk");
        let into = option("into", &home.at("none"));
        let (exit, told) = restore(&[&disk, &into, "-dry-run"]);
        said = told;
        exit == 2
    });
    assert!(said.contains("name one with -timeline"), "{said}");
    assert!(found.iter().all(|timeline| said.contains(timeline.as_str())), "{said}");
    drop((old, new));
    for (timeline, value) in found.iter().zip(["old", "new"]) {
        let into = home.at(value);
        let named = format!("-timeline={timeline}");
        let (exit, said) = restore(&[&disk, &option("into", &into), &named]);
        assert_eq!(exit, 0, "{said}");
        assert!(said.contains("Other histories of it lie there, too (-timeline)"), "{said}");
        let store = store.moved(&into);
        must_have(&store, &store.start(), value);
    }
}

pub fn who_is_promoted_is_told_of_what_the_old_one_wrote_after_that() {
    let home = Home::new();
    let (store, old) = home.shipping("");
    write(&store, &old, "both");
    let revision = shipped(&store.root(&old), "disk");
    let (standby, new) = following(&home, &store, revision);
    promote(&standby);
    eventually("it is promoted", || new.client().get("sys/health").status == 503);
    // Nobody has stopped the old one yet, and the shares are not there yet.
    write(&store, &old, "late");
    shipped(&store.root(&old), "disk");
    drop(old);
    standby.unseal(&new);
    let root = standby.root(&new);
    eventually("it is told", || !beside(&root).is_null());
    let health = new.client().get("sys/health?snapshots=1").json();
    assert!(health["snapshots"].to_string().contains("another server writes there"), "{health}");
    assert_eq!(root.post("sys/snapshots/targets/disk/adopt", json!({})).status, 200);
    eventually("that is known", || beside(&root).is_null());
    // And stays so.
    drop(new);
    let new = standby.start();
    let root = standby.root(&new);
    write(&standby, &new, "new");
    shipped(&root, "disk");
    assert!(beside(&root).is_null());
}

pub fn what_the_old_one_could_not_ship_before_that_is_told_when_it_comes() {
    let home = Home::new();
    let (store, old) = home.shipping("");
    write(&store, &old, "both");
    let revision = shipped(&store.root(&old), "disk");
    let (standby, new) = following(&home, &store, revision);
    let (disk, away) = (home.at("disk"), home.at("away"));
    fs::rename(&disk, &away).unwrap();
    write(&store, &old, "late");
    takes_over(&standby, &new);
    fs::rename(&away, &disk).unwrap();
    shipped(&store.root(&old), "disk");
    drop(old);
    let is_told = |server: &Server| server.output().contains("another server writes this store");
    if !is_told(&new) {
        // It need not wait for its next look.
        drop(new);
        let new = standby.start();
        eventually("it is told", || is_told(&new));
    }
}

pub fn that_is_told_however_late_it_is_unsealed() {
    let home = Home::new();
    let ago = |hours: u64| {
        Timestamp::from_secs(SystemClock.wall().as_secs().saturating_sub(hours * 3600))
    };
    let targets = target("disk", &place(&home.at("disk")), "");
    let old = World::configured_at(ago(30), 160, &targets);
    let write = || {
        assert_eq!(old.root().post("secret/a", json!({ "a": "b" })).status, 204);
        eventually("it ships", || {
            old.advance(Duration::from_secs(1));
            data(&old.root().get("sys/snapshots/targets/disk"))["journal"]["behind"] == 0
        });
    };
    write();
    let standby = Store::known(&home.at("standby"), &old.unseal_key(), ROOT).having(&targets);
    let standby = standby.with(&["-follow=disk"]);
    let new = standby.start_sealed();
    eventually("it has it", || follows(&new)["revision"].as_u64() >= Some(1));
    // As `promote` did it then.
    fs::write(home.at("standby").join("promoted"), ago(29).rfc3339()).unwrap();
    eventually("it is promoted", || new.client().get("sys/health").status == 503);
    old.jump(Duration::from_secs(2 * 3600));
    write();
    drop(old);
    standby.unseal(&new);
    eventually("it is told", || !beside(&standby.root(&new)).is_null());
}

pub fn one_that_serves_follows_no_more_whatever_is_restored_into_it() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    let first = shipped(&store.root(&server), "disk");
    write(&store, &server, "second");
    let second = shipped(&store.root(&server), "disk");
    let (standby, mut new) = following(&home, &store, second);
    server.kill();
    takes_over(&standby, &new);
    new.kill();
    // It was wrong before already: back to the first, and -follow is still in its unit.
    let (disk, into) = (option("target", &home.at("disk")), option("into", &home.at("standby")));
    let revision = format!("-revision={first}");
    let (exit, said) = edgekeep(&["snapshot", "restore", &disk, &into, &revision, "-force"]);
    assert_eq!(exit, 0, "{said}");
    let new = standby.start_sealed();
    assert_eq!(new.client().get("sys/health").status, 503, "it is sealed, and no standby");
    standby.unseal(&new);
    must_have(&standby, &new, "first");
}

pub fn one_that_went_back_too_far_and_forward_again_is_followed() {
    let home = Home::new();
    let (store, server) = home.shipping("");
    let root = store.root(&server);
    let present = || {
        let told = root.get("sys/snapshots/targets/disk").json();
        told["data"]["journal"]["timeline"].clone()
    };
    let commits = ["first", "second", "third"].map(|value| {
        write(&store, &server, value);
        shipped(&root, "disk")
    });
    let begun = present();
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let following = standby.start_sealed();
    let follows = |revision: u64| follows(&following)["revision"].as_u64() >= Some(revision);
    eventually("it has all", || follows(commits[2]));
    let mut last = 0;
    for (commit, value) in [(commits[0], "too far"), (commits[1], "right")] {
        let wish = json!({ "revision": commit, "timeline": begun });
        let reply = root.post("sys/snapshots/targets/disk/restore", wish);
        assert_eq!(reply.status, 200, "{}", reply.json());
        write(&store, &server, value);
        last = shipped(&root, "disk");
    }
    // Only one server ever wrote: what it has now is what there is.
    let (disk, into) = (option("target", &home.at("disk")), option("into", &home.at("bare")));
    let (exit, said) = restore(&[&disk, &into]);
    assert_eq!(exit, 0, "{said}");
    let bare = store.moved(&home.at("bare"));
    must_have(&bare, &bare.start(), "right");
    let now = present();
    eventually("it goes along", || {
        follows(last) && following.client().get("sys/health").json()["follows"]["timeline"] == now
    });
    drop(server);
    takes_over(&standby, &following);
    must_have(&standby, &following, "right");
}

pub fn who_promotes_one_in_trouble_is_told() {
    let home = Home::new();
    let (disk, away) = (home.at("disk"), home.at("away"));
    let (store, server) = home.shipping("");
    write(&store, &server, "first");
    let revision = shipped(&store.root(&server), "disk");
    let (standby, following) = following(&home, &store, revision);
    assert_eq!(follows(&following)["target"], "disk");
    let address = format!("-address=http://{}", following.address);
    let (_, said) = edgekeep(&["status", &address]);
    let told = "disk, with all up to transaction";
    assert!(said.contains("Follows") && said.contains(told), "{said}");
    assert!(!said.contains("Degraded"), "{said}");
    drop(server);
    fs::rename(&disk, &away).unwrap();
    let health = || following.client().get("sys/health").json()["degraded"].clone();
    eventually("it is in trouble", || health().is_string());
    let trouble = health().as_str().unwrap().to_owned();
    assert!(edgekeep(&["status", &address]).1.contains(&trouble));
    let said = promote(&standby);
    assert!(said.contains("Success!") && said.contains("could not follow"), "{said}");
    assert!(said.contains(&trouble), "{said}");
    eventually("it is promoted", || following.client().get("sys/health").status == 503);
    assert!(!edgekeep(&["status", &address]).1.contains("Follows"));
    assert!(!promote(&standby).contains("could not follow"), "it serves");
}

pub fn one_that_has_taken_nothing_is_not_promoted() {
    let home = Home::new();
    let (disk, away) = (home.at("disk"), home.at("away"));
    let (store, server) = home.shipping("");
    write(&store, &server, "first");
    let revision = shipped(&store.root(&server), "disk");
    drop(server);
    fs::rename(&disk, &away).unwrap();
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let config = option("config", &standby.config());
    let mut following = standby.start_sealed();
    let health = |server: &Server| server.client().get("sys/health").json();
    eventually("it is in trouble", || health(&following)["degraded"].is_string());
    let trouble = health(&following)["degraded"].as_str().unwrap().to_owned();
    let refused = following.client().post("sys/unseal", json!({})).json().to_string();
    assert!(
        refused.contains("nothing from there yet") && !refused.contains("promote"),
        "{refused}"
    );
    let is_refused = || {
        let (exit, said) = edgekeep(&["promote", &config]);
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains("has taken nothing") && !said.contains("Success"), "{said}");
        assert!(said.contains(&trouble), "{said}");
        said
    };
    is_refused();
    // And while it does not run.
    following.kill();
    let said = is_refused();
    fs::rename(&away, &disk).unwrap();

    // What is said to help does: once it can follow it is promoted,
    let mut following = standby.start_sealed();
    eventually("it has all", || follows(&following)["revision"].as_u64() >= Some(revision));
    takes_over(&standby, &following);
    must_have(&standby, &following, "first");
    following.kill();
    // and so does the other way.
    fs::rename(&disk, &away).unwrap();
    let other = store.moved(&home.at("other")).with(&["-follow=disk"]);
    let mut following = other.start_sealed();
    eventually("it is in trouble", || health(&following)["degraded"].is_string());
    following.kill();
    fs::rename(&away, &disk).unwrap();
    let line = said.lines().find_map(|line| line.trim().strip_prefix("edgekeep restore ")).unwrap();
    let line = line.replace(standby.config().to_str().unwrap(), other.config().to_str().unwrap());
    let (exit, said) = restore(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(exit, 0, "{said}");
    let other = other.with(&[]);
    must_have(&other, &other.start(), "first");
    assert!(promote(&other).contains("Success!"), "it has something, and may be promoted");
}

pub fn only_a_standby_is_promoted() {
    let home = Home::new();
    let (store, server) = home.shipping("");
    let config = option("config", &store.config());
    for running in [Some(server), None] {
        let (exit, said) = edgekeep(&["promote", &config]);
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains("is no standby's: one is started by"), "{said}");
        drop(running);
    }
}

pub fn a_standby_tells_in_its_metrics_how_far_it_is() {
    let home = Home::new();
    let disk = home.at("disk");
    let (store, server) = home.shipping("");
    write(&store, &server, "first");
    let revision = shipped(&store.root(&server), "disk");
    let told = "telemetry { unauthenticated_metrics_access = true }";
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let standby = standby.having(&target("disk", &place(&disk), "")).listening(told);
    let following = standby.start_sealed();
    let metric = |name: &str| {
        let reply = following.client().get("sys/metrics?format=prometheus");
        assert_eq!(reply.status, 200, "{}", reply.json());
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    let is = |name: &str, value: f64| metric(&format!("edgekeep_standby_{name}")) == Some(value);
    eventually("it has all", || {
        is("revision", revision as f64) && is("behind", 0.0) && is("good", 1.0)
    });
    assert!(is("following", 1.0));
    // The place goes away, and is there again.
    fs::rename(&disk, home.at("away")).unwrap();
    let silent = || metric("edgekeep_standby_silent_seconds").unwrap();
    eventually("it hears nothing", || silent() > 3.0 && is("good", 0.0));
    assert!(metric("edgekeep_standby_unsure_seconds").unwrap() >= 3.0);
    assert!(metric("edgekeep_standby_errors_total").unwrap() >= 1.0);
    fs::rename(home.at("away"), &disk).unwrap();
    eventually("it hears again", || silent() < 3.0 && is("good", 1.0));
}

pub fn one_whose_folder_hangs_at_its_start_says_so_and_follows_once_it_answers() {
    let home = Home::new();
    // The stores lie in a folder of it: that is found out only when it answers.
    let (around, disk) = (home.at("stick"), home.at("stick/edgekeep"));
    let (store, mut server) = shipping(&home.at("data"), &target("disk", &place(&disk), ""));
    write(&store, &server, "first");
    let first = shipped(&store.root(&server), "disk");
    server.kill();
    let hung = Hung::over(&around);
    let follow = format!("-follow={}", around.display());
    let standby = store.moved(&home.at("standby")).having("").with(&[&follow]);
    let following = hung.holds_up_not("the start of a standby", || standby.start_sealed());
    assert_eq!(follows(&following)["target"], around.display().to_string());
    let told = || following.client().get("sys/health").json().to_string();
    eventually("it is told", || told().contains("the target does not answer"));
    hung.end();
    eventually("it has it", || follows(&following)["revision"].as_u64() >= Some(first));
    eventually("it is well", || !told().contains("does not answer"));
}
