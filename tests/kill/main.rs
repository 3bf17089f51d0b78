//! The built server, killed under load again and again: what it acknowledged is there, nothing is
//! there by half, and nothing that was removed comes back.
//!
//! `EDGEKEEP_KILLS=20` kills less often.

mod logins;
mod restores;
mod subject;
#[path = "../support/mod.rs"]
mod support;
mod things;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use logins::Logins;
use serde_json::json;
use subject::{Owned, Subject, Tally};
use support::dice::Dice;
use support::store::Store;
use support::{Server, TempDir};
use things::{KEPT, Keyring, Mount, Plain, Policy, Secret, Tokens};

/// Unless the environment says otherwise.
const KILLS: u64 = 200;
const WRITERS: u64 = 6;
const SEED: u64 = 3;

/// How long the load lasts at most, in milliseconds: at first, and on a machine that is so slow that
/// too few changes are acknowledged (an emulated one).
const LOAD: u64 = 200;
const LONGEST_LOAD: u64 = 4000;

/// So many changes are wanted for each kill.
const CHANGES: u64 = 4;

/// A snapshot is verified after so many kills.
const VERIFY_EVERY: u64 = 20;

#[test]
fn what_was_acknowledged_outlives_two_hundred_kills() {
    let began = Instant::now();
    let kills = std::env::var("EDGEKEEP_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut load = LOAD;
    let dice = Dice::new(SEED);
    let folder = TempDir::new();
    let data = folder.path().join("data");
    let (store, mut server) = Store::make(&data);
    mount(&store, &server);
    let mut writers = writers();
    for kill in 1..=kills {
        let moment = Duration::from_millis(dice.below(load));
        load_and_kill(&store, &mut server, &mut writers, (&dice, moment));
        if total(&writers).acknowledged < CHANGES * kill {
            load = (load + load / 4).min(LONGEST_LOAD);
        }
        if dice.one_in(6) {
            let mut starting = store.spawn();
            thread::sleep(Duration::from_millis(dice.below(80)));
            starting.kill();
        }
        server = store.start();
        check(&store, &server, &mut writers);
        assert_tidy(&data);
        if kill % VERIFY_EVERY == 0 {
            store.verify(&server);
        }
    }
    let Tally { acknowledged, landed, lost } = total(&writers);
    println!(
        "{kills} kills in {:.0?}: {acknowledged} changes were acknowledged; of those that were \
         not, {landed} had landed and {lost} had not",
        began.elapsed()
    );
    assert!(acknowledged > 3 * kills && landed > 0 && lost > 0, "the kills met no load");
}

/// One who writes, with what is its own.
struct Writer {
    subjects: Vec<Box<dyn Subject>>,
    tally: Tally,
}

impl Writer {
    fn new(subjects: Vec<Box<dyn Subject>>) -> Self {
        Self { subjects, tally: Tally::default() }
    }
}

fn total(writers: &[Writer]) -> Tally {
    let mut total = Tally::default();
    for Writer { tally, .. } in writers {
        total.acknowledged += tally.acknowledged;
        total.landed += tally.landed;
        total.lost += tally.lost;
    }
    total
}

fn mount(store: &Store, server: &Server) {
    let root = store.root(server);
    for (path, version) in [("secret", "2"), ("plain", "1")] {
        let body = json!({ "type": "kv", "options": { "version": version } });
        assert_eq!(root.post(&format!("sys/mounts/{path}"), body).status, 204);
    }
    assert_eq!(root.post("secret/config", json!({ "max_versions": KEPT })).status, 204);
    (0..2).flat_map(token_names).for_each(|name| Tokens(name).prepare(&root));
}

fn token_names(writer: u64) -> [String; 2] {
    ["a", "b"].map(|which| format!("token-{writer}-{which}"))
}

fn writers() -> Vec<Writer> {
    let of_values = (0..WRITERS).map(|writer| {
        Writer::new(vec![
            Box::new(Owned::new(Secret(format!("{writer}/first")), None)),
            // Lies below the other.
            Box::new(Owned::new(Secret(format!("{writer}/first/second")), None)),
            Box::new(Owned::new(Plain(format!("{writer}/plain")), None)),
        ])
    });
    let of_mounts = Writer::new(vec![
        Box::new(Owned::new(Mount("coming".to_owned()), None)),
        Box::new(Owned::new(Mount("going/deep".to_owned()), None)),
        Box::new(Owned::new(Keyring, 1)),
    ]);
    let of_rights = (0..2).map(|writer| {
        let [a, b] = token_names(writer).map(|name| Box::new(Owned::new(Tokens(name), None)));
        Writer::new(vec![a, b, Box::new(Owned::new(Policy(format!("policy-{writer}")), None))])
    });
    let of_logins = Writer::new(vec![
        Box::new(Owned::new(Logins(["staff", "team/staff"].map(str::to_owned)), None)),
        Box::new(Owned::new(Logins(["guests", "visitors"].map(str::to_owned)), None)),
    ]);
    of_values.chain([of_mounts, of_logins]).chain(of_rights).collect()
}

/// All write until the server is killed.
fn load_and_kill(
    store: &Store,
    server: &mut Server,
    writers: &mut [Writer],
    (dice, moment): (&Dice, Duration),
) {
    let root = store.root(server);
    thread::scope(|threads| {
        for Writer { subjects, tally } in writers {
            let root = &root;
            threads.spawn(move || {
                loop {
                    let subject = dice.below(subjects.len() as u64) as usize;
                    if subjects[subject].change(root, dice, tally).is_err() {
                        break;
                    }
                }
            });
        }
        thread::sleep(moment);
        server.kill();
    });
}

fn check(store: &Store, server: &Server, writers: &mut [Writer]) {
    let root = store.root(server);
    let health = root.get("sys/health");
    assert_eq!(health.status, 200, "{}", health.json());
    assert!(health.json()["degraded"].is_null(), "{}", health.json());
    thread::scope(|threads| {
        for Writer { subjects, tally } in writers {
            let root = &root;
            threads.spawn(move || {
                for subject in subjects {
                    subject.check(root, tally);
                }
            });
        }
    });
}

/// Whether a kill left nothing behind in the data folder.
fn assert_tidy(data: &Path) {
    let mut names: Vec<_> = fs::read_dir(data).unwrap().map(|e| e.unwrap().file_name()).collect();
    // Snapshots of before a rotation and the end of a mount; one that was cut off is written anew.
    names.retain(|name| !name.to_string_lossy().trim_start_matches('.').starts_with("before-"));
    names.sort();
    assert_eq!(names, ["edgekeep.redb", "edgekeep.reserve", "run"]);
}
