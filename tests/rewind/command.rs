//! `edgekeep snapshot restore -target`, as one types it on a machine where nothing runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edgekeep::base::clock::{SystemClock, Timestamp};
use edgekeep::storage::Urgency;
use edgekeep::storage::redb::{Options, Redb};
use serde_json::Value;

use crate::site::{Past, Site};
use crate::support::{TempDir, program};

/// A site with some history, all of it on the target: two snapshots, the journal between them.
fn site() -> Site {
    let mut site = Site::new(31);
    for n in 0..40u8 {
        site.pass(Duration::from_secs(30));
        site.put(&format!("secret/{}", n % 9), &[n; 500]);
        if n % 10 == 9 {
            site.ship(u64::MAX);
        }
        if n == 20 {
            site.snapshot();
        }
    }
    site
}

fn command(target: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["snapshot", "restore", &format!("-target={}", target.display())]).args(args);
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs it: whether it succeeded, and what it printed.
fn run(target: &Path, args: &[&str]) -> (bool, String) {
    let output = command(target, args).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// The store in a folder is what was there then.
fn must_be(site: &Site, folder: &Path, past: &Past) {
    let storage = Redb::open(folder, Options::new(Arc::new(SystemClock))).unwrap();
    let mut restored = site.over(Arc::new(storage));
    restored.shares = past.shares.clone();
    restored.unseal();
    restored.must_be(&past.state, "restored by the command");
}

#[test]
fn any_instant_comes_back_into_an_empty_folder() {
    let site = site();
    let home = TempDir::new();
    let history = &site.history;
    for (n, past) in [&history[3], &history[25], &history[history.len() - 1]].iter().enumerate() {
        let folder = home.path().join(format!("store-{n}"));
        let into = format!("-into={}", folder.display());
        let at = format!("-at={}", past.time.rfc3339());
        let args: &[&str] = match n {
            0 => &[&into, &at],
            1 => &[&into, &format!("-revision={}", past.revision)],
            _ => &[&into, "latest"],
        };
        let (success, text) = run(site.place(), &[&["-dry-run"], args].concat());
        let would = format!("Would restore revision {} (", past.revision);
        assert!(success && text.starts_with(&would), "{text}");
        assert!(!folder.exists(), "a dry run makes nothing");
        let (success, text) = run(site.place(), args);
        assert!(success, "{text}");
        let did = format!("Success! Restored revision {} (", past.revision);
        assert!(text.starts_with(&did), "{text}");
        must_be(&site, &folder, past);
        let (success, text) = run(site.place(), args);
        assert!(!success && text.contains("or replace it with -force"), "{text}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    let site = site();
    let segments = site.segments();
    site.damage(&segments[2].name, 400);
    site.pass(Duration::from_secs(1));
    let home = TempDir::new();
    let into = format!("-into={}", home.path().join("store").display());
    let at = format!("-at={}", site.clock_now().rfc3339());
    let (success, text) = run(site.place(), &[&into, &at]);
    assert!(!success && text.contains("has a gap there: it could go to revision"), "{text}");
    assert!(text.contains(" does not count: "), "{text}");
    for (args, why) in [
        (&[&*into][..], "Which instant?"),
        (&[&into, "-at=yesterday"], "is no instant"),
        (&[&into, "-at=latest", "-revision=3"], "not both"),
        (&[&into, "-at=latest", "-revoke-tokens"], "needs a running server"),
        (&[&into, "-revision=9999"], "nothing so late is known"),
        (&[&into, "-at=latest", "-store=none"], site.folder.store_id()),
    ] {
        let (success, text) = run(site.place(), args);
        assert!(!success && text.contains(why), "{args:?}: {text}");
    }
    assert!(!home.path().join("store").exists());
    // A second store on the same target.
    let other = site.neighbour(77);
    let (success, text) = run(site.place(), &[&into, "-revision=3"]);
    assert!(!success && text.contains("name one with -store"), "{text}");
    assert!(text.contains(other.folder.store_id()), "{text}");
    let store = format!("-store={}", site.folder.store_id());
    let (success, text) = run(site.place(), &[&into, "-revision=3", &store]);
    assert!(success, "{text}");
}

#[test]
fn what_is_of_a_history_that_was_left_is_told() {
    let mut site = site();
    let left = site.history.last().unwrap().clone();
    let begin = site.history[25].clone();
    // A restore is made while the clock is an hour ahead; then it is put right.
    site.pass(Duration::from_secs(3600));
    site.rewind(&begin);
    site.put("secret/1", b"while it was ahead");
    site.clock.set_wall(left.time.plus(Duration::from_secs(60)));
    site.put("secret/1", b"later");
    site.ship(u64::MAX);
    let own = site.store().status().timeline.to_string();
    let home = TempDir::new();
    let into = format!("-into={}", home.path().join("store").display());
    let said = format!("another history than the one that goes on there, {own}");
    let at = |time: Timestamp| format!("-at={}", time.rfc3339());
    for (at, is_left) in [
        (at(left.time.plus(Duration::from_secs(30))), true),
        (at(left.time.plus(Duration::from_secs(90))), false),
        (at(begin.time), false),
        ("-at=latest".to_owned(), false),
    ] {
        let (success, text) = run(site.place(), &[&into, "-dry-run", &at]);
        assert!(success, "{at}: {text}");
        assert_eq!(text.contains(&said), is_left, "{at}: {text}");
        let (_, told) = run(site.place(), &[&into, "-dry-run", "-format=json", &at]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["goes_on"] == own, is_left, "{at}: {told}");
        let share = STANDARD.encode(site.shares[0].expose());
        let place = site.place().display().to_string();
        let words = ["snapshot", "read", &at, &place, "secret/1", &share];
        let read = Command::new(program()).args(words).env_clear().output().unwrap();
        let text = String::from_utf8(read.stderr).unwrap();
        assert_eq!(text.contains(&said), is_left, "{at}: {text}");
    }
}

#[test]
fn what_is_damaged_is_told_with_what_helps() {
    let mut site = site();
    let view = site.storage.view().unwrap();
    let entries = view.scan(&[1], Some(&[2])).unwrap();
    let (key, mut value) = entries.map(Result::unwrap).last().unwrap();
    drop(view);
    *value.last_mut().unwrap() ^= 1;
    site.storage.write(Urgency::Ordinary, &mut |to| to.put(&key, &value).map(drop)).unwrap();
    let snapshot = site.snapshot();
    let file = site.path(&snapshot).display().to_string();
    let share = STANDARD.encode(site.shares[0].expose());
    let read = |state: &str| {
        let words = ["snapshot", "read", state, "secret/1", &share];
        let output = Command::new(program()).args(words).env_clear().output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let told = read(&file);
    assert!(told.contains("is damaged") && told.contains("`edgekeep snapshot verify`"), "{told}");
    let told = read(&format!("{}@latest", site.place().display()));
    assert!(told.contains("is damaged") && told.contains("An instant before it"), "{told}");
    assert!(!told.contains("verify"), "{told}");
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_store_or_the_new_one() {
    let site = site();
    let home = TempDir::new();
    let folder = home.path().join("store");
    let into = format!("-into={}", folder.display());
    let (old, new) = (site.history[5].clone(), site.history[35].clone());
    let (success, text) = run(site.place(), &[&into, &format!("-revision={}", old.revision)]);
    assert!(success, "{text}");
    let args = [&*into, &format!("-revision={}", new.revision), "-force"];
    let begun = std::time::Instant::now();
    let (success, text) = run(site.place(), &args);
    assert!(success, "{text}");
    let whole = begun.elapsed();
    let (success, text) =
        run(site.place(), &[&into, &format!("-revision={}", old.revision), "-force"]);
    assert!(success, "{text}");
    let mut ended = 0;
    for n in 0..12u32 {
        let mut child = command(site.place(), &args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(whole * n / 10);
        child.kill().unwrap();
        ended += u32::from(child.wait().unwrap().success());
        let storage = Redb::open(&folder, Options::new(Arc::new(SystemClock))).unwrap();
        let mut found = site.over(Arc::new(storage));
        found.shares = old.shares.clone();
        found.unseal();
        let state = if found.read() == new.state { &new.state } else { &old.state };
        found.must_be(state, "after a kill");
        drop(found);
        let (success, text) =
            run(site.place(), &[&into, &format!("-revision={}", old.revision), "-force"]);
        assert!(success, "{text}");
    }
    println!("{ended} of 12 had ended before they were killed");
}
