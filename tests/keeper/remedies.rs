//! Each command that a text tells to run does what it says, as it is printed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::snapshots::{target, world};
use super::support::shell::words;
use super::support::world::World;
use super::support::{ROOT, TempDir, data, eventually, program};

const JOURNAL: &str = "  interval = \"240h\"\n  keep_last = 99\n  journal = true";

/// What a command came to: its exit code, and both of its streams, into a pipe.
fn run(world: &World, line: &str) -> (i32, String) {
    let mut child = Command::new(program())
        .args(words(line).iter().skip(1))
        .env_clear()
        .env("VAULT_ADDR", format!("http://{}", world.client().address()))
        .env("VAULT_TOKEN", ROOT)
        .env("TMPDIR", std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who asks for a secret gets it.
    let _ = child.stdin.take().unwrap().write_all(b"s3cret\n");
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// The commands in what was printed, each on one line.
pub fn commands(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let parts: Vec<String> = line.split('`').map(str::to_owned).collect();
        assert!(parts.len() % 2 == 1, "a command is broken over two lines:\n{text}");
        parts.into_iter().skip(1).step_by(2).collect::<Vec<_>>()
    };
    let all: Vec<String> = text.lines().flat_map(of_line).collect();
    assert!(all.iter().all(|command| command.starts_with("edgekeep ")), "{text}");
    all
}

/// Runs a command that was told.
pub fn does(world: &World, line: &str) -> String {
    let (exit, text) = run(world, line);
    assert_eq!(exit, 0, "{line}\n{text}");
    text
}

/// What `snapshot status` and `status` tell to run.
fn told(world: &World) -> Vec<String> {
    world.advance(Duration::from_secs(70));
    eventually("health tells of it", || {
        let health = world.client().get("sys/health?snapshots=1").json();
        health["snapshots"].as_array().is_some_and(|all| !all.is_empty())
    });
    let health = world.client().get("sys/health?snapshots=1").json();
    // Everybody is told that something is amiss, and nobody where.
    let degraded = health["degraded"].as_str().unwrap();
    assert!(!degraded.contains('/'), "{degraded}");
    let store = data(&world.root().get("sys/snapshots/targets/disk/list"))["store_id"].clone();
    assert!(store.as_str().is_none_or(|store| !degraded.contains(store)), "{degraded}");
    let (exit, status) = run(world, "edgekeep status");
    assert_eq!(exit, 0, "{status}");
    let row = status.lines().find(|line| line.starts_with("Degraded")).unwrap_or_default();
    assert!(row.ends_with(degraded), "{status}");
    let json: Value = serde_json::from_str(&does(world, "edgekeep status -format=json")).unwrap();
    assert_eq!(json["degraded"], degraded);
    assert_eq!(commands(&status), ["edgekeep snapshot status disk"]);
    let one = commands(&does(world, "edgekeep snapshot status disk"));
    let all = commands(&does(world, "edgekeep snapshot status"));
    assert!(all.iter().all(|command| one.contains(command)), "{all:?} {one:?}");
    all
}

fn put(world: &World, name: &str) {
    assert_eq!(world.root().post(&format!("secret/{name}"), json!({ "a": name })).status, 204);
}

fn has(world: &World, name: &str) -> bool {
    world.root().get(&format!("secret/{name}")).status == 200
}

fn is_well(world: &World) -> bool {
    world.advance(Duration::from_secs(2));
    let target = target(&world.root());
    target["state"] == "good" && target["journal"]["behind"] == 0
}

/// A server that has shipped all, and its target's folder.
fn shipping(seed: u64, home: &TempDir) -> World {
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let world = world(seed, &folder, JOURNAL);
    put(&world, "first");
    eventually("all is shipped", || is_well(&world));
    world
}

/// Another disk is there.
fn change_disk(home: &Path, name: &str) {
    fs::rename(home.join("disk"), home.join(name)).unwrap();
    fs::create_dir(home.join("disk")).unwrap();
}

pub fn another_place_is_adopted() {
    let home = TempDir::new();
    let world = shipping(101, &home);
    change_disk(home.path(), "before");
    put(&world, "second");
    eventually("it is away", || {
        world.advance(Duration::from_secs(2));
        target(&world.root())["state"] == "away"
    });
    let told = told(&world);
    assert_eq!(told, ["edgekeep snapshot adopt disk"]);
    does(&world, &told[0]);
    eventually("it is well", || is_well(&world));
    // Nothing is to be written for it to be seen: who says that it is another one is right.
    change_disk(home.path(), "again");
    assert_eq!(target(&world.root())["state"], "good", "nobody has looked since");
    does(&world, &told[0]);
    eventually("it is well", || is_well(&world));
}

pub fn what_is_ahead_is_restored_or_gone_on_beside() {
    for way in 0..2 {
        let home = TempDir::new();
        let mut world = shipping(110 + way as u64, &home);
        world.remember();
        put(&world, "second");
        eventually("all is shipped", || is_well(&world));
        world.go_back();
        eventually("it is ahead", || target(&world.root())["state"] == "ahead");
        // It is so for long, and looked at less and less often.
        for _ in 0..4 {
            let before = target(&world.root())["errors"].clone();
            world.advance(Duration::from_secs(120));
            eventually("it was looked", || target(&world.root())["errors"] != before);
        }
        let told = told(&world);
        let timeline = target(&world.root())["journal"]["timeline"].clone();
        let restore = "edgekeep snapshot restore -target=disk -at=latest -timeline=";
        let restore = format!("{restore}{}", timeline.as_str().unwrap());
        assert_eq!(told, [&restore, "edgekeep snapshot adopt disk"]);
        // Whatever it did before somebody read that.
        put(&world, "meanwhile");
        put(&world, "since");
        does(&world, &told[way]);
        eventually("it is well at once", || {
            let target = target(&world.root());
            target["state"] == "good" && target["journal"]["behind"] == 0
        });
        assert_eq!((has(&world, "second"), has(&world, "meanwhile")), (way == 0, way == 1));
    }
}

pub fn what_was_written_before_a_disk_was_put_back_is_had_where_as_much_was_since() {
    for way in 0..2 {
        let home = TempDir::new();
        let mut world = shipping(112 + way as u64, &home);
        world.remember();
        put(&world, "lost");
        eventually("all is shipped", || is_well(&world));
        world.go_back();
        eventually("it is ahead", || target(&world.root())["state"] == "ahead");
        // Until what is there is no longer ahead by its number.
        while target(&world.root())["error"].as_str().unwrap().contains("is ahead of this server") {
            put(&world, "own");
            let before = target(&world.root())["errors"].clone();
            world.advance(Duration::from_secs(3600));
            eventually("it was looked", || target(&world.root())["errors"] != before);
        }
        let why = target(&world.root())["error"].to_string();
        assert!(why.contains("before its disk was put back to an older copy"), "{why}");
        let told = told(&world);
        let timeline = target(&world.root())["journal"]["timeline"].clone();
        let restore = "edgekeep snapshot restore -target=disk -at=latest -timeline=";
        let restore = format!("{restore}{}", timeline.as_str().unwrap());
        assert_eq!(told, [&restore, "edgekeep snapshot adopt disk"]);
        does(&world, &told[way]);
        eventually("it is well", || is_well(&world));
        assert_eq!((has(&world, "lost"), has(&world, "own")), (way == 0, way == 1));
    }
}

pub fn what_is_ahead_is_had_from_where_it_went_on() {
    // Or from another history that went back to before the one that the image is of.
    for beside in [false, true] {
        goes_on(115 + u64::from(beside), beside);
    }
}

fn goes_on(seed: u64, beside: bool) {
    let home = TempDir::new();
    let mut world = shipping(seed, &home);
    let first = target(&world.root())["journal"]["revision"].clone();
    if beside {
        put(&world, "left");
        eventually("all is shipped", || is_well(&world));
        let later = target(&world.root())["journal"]["revision"].clone();
        does(&world, &format!("edgekeep snapshot restore -target=disk -revision={later}"));
    }
    put(&world, "bad");
    eventually("all is shipped", || is_well(&world));
    world.remember();
    put(&world, "worse");
    eventually("that is shipped", || is_well(&world));
    does(&world, &format!("edgekeep snapshot restore -target=disk -revision={first}"));
    put(&world, "good");
    assert!(!has(&world, "bad") && !has(&world, "left"));
    eventually("what came since is shipped", || is_well(&world));
    let timeline = target(&world.root())["journal"]["timeline"].clone();
    let at = world.now();
    world.go_back();
    world.advance(Duration::from_secs(1));
    put(&world, "own");
    eventually("it is ahead", || target(&world.root())["state"] == "ahead");
    let told = told(&world);
    let mut all = vec![told[0].clone()];
    for at in ["latest", &at] {
        let asked = format!("edgekeep snapshot restore -target=disk -at={at}");
        let (exit, text) = run(&world, &asked);
        assert_ne!(exit, 0, "{text}");
        all.push(commands(&text)[1].clone());
    }
    for command in all {
        assert!(command.contains(timeline.as_str().unwrap()), "{command}");
    }
    does(&world, &told[0]);
    assert!(has(&world, "good") && !has(&world, "worse") && !has(&world, "own"));
}

pub fn one_of_two_servers_goes_on() {
    let home = TempDir::new();
    let one = shipping(120, &home);
    let other = one.twin();
    eventually("it has looked", || is_well(&other));
    put(&one, "one");
    eventually("it ships", || is_well(&one));
    put(&other, "other");
    eventually("it finds what is there", || target(&other.root())["state"] == "ahead");
    // What it wrote itself is in nothing that comes from there.
    let revision = target(&other.root())["journal"]["revision"].as_u64().unwrap() + 1;
    let (exit, text) = run(&other, "edgekeep snapshot restore -target=disk -dry-run -at=latest");
    assert_ne!(exit, 0, "{text}");
    let refused = commands(&text);
    let [adopt, elsewhere] = &refused[..] else { panic!("{text}") };
    let text = does(&other, &format!("{elsewhere} -dry-run"));
    assert!(text.contains(&format!("Would restore revision {revision} ")), "{text}");
    assert!(text.contains("of another history than the server's own"), "{text}");
    let told = told(&other);
    assert_eq!(told.last(), Some(adopt), "{told:?}");
    drop(one);
    does(&other, adopt);
    eventually("it goes on", || is_well(&other));
    assert!(has(&other, "other") && !has(&other, "one"));
}

pub fn what_the_other_one_left_bars_nobody_from_its_own_newest_state() {
    // What it left ends where a segment or a snapshot of the one that goes on does.
    for (take, count) in [(false, 2), (false, 3), (true, 4)] {
        let home = TempDir::new();
        let one = shipping(125, &home);
        let other = one.twin();
        eventually("it has looked", || is_well(&other));
        (0..3).for_each(|number| put(&one, &format!("one{number}")));
        eventually("it ships", || is_well(&one));
        if take {
            let taken = one.root().post("sys/snapshots/targets/disk/take", json!({}));
            assert!(taken.status < 300, "{}", taken.json());
        }
        put(&one, "one3");
        eventually("it ships", || is_well(&one));
        (0..count).for_each(|number| put(&other, &format!("other{number}")));
        eventually("it finds what is there", || target(&other.root())["state"] == "ahead");
        does(&other, told(&other).last().unwrap());
        eventually("what it had written is there, too", || is_well(&other));
        for name in ["on", "and", "again"] {
            put(&one, name);
            eventually("it ships", || is_well(&one));
            let revision = target(&one.root())["journal"]["revision"].as_u64().unwrap();
            for at in ["latest", &one.now()] {
                let line = format!("edgekeep snapshot restore -target=disk -dry-run -at={at}");
                let text = does(&one, &line);
                assert!(text.contains(&format!("Would restore revision {revision} ")), "{text}");
            }
        }
    }
}

pub fn a_server_that_writes_another_timeline_is_told_of_until_that_is_known() {
    let home = TempDir::new();
    let old = shipping(130, &home);
    let new = old.twin();
    eventually("it has looked", || is_well(&new));
    put(&old, "old");
    eventually("it ships", || is_well(&old));
    put(&new, "new");
    eventually("it finds what is there", || target(&new.root())["state"] == "ahead");
    does(&new, "edgekeep snapshot adopt disk");
    eventually("it goes on", || is_well(&new));
    for name in ["a", "b", "c"] {
        put(&old, name);
        eventually("it ships", || is_well(&old));
        put(&new, name);
        eventually("it ships", || is_well(&new));
    }
    let told = told(&new);
    assert_eq!(told, ["edgekeep snapshot adopt disk"]);
    drop(old);
    does(&new, &told[0]);
    eventually("that was known", || target(&new.root())["beside"].is_null());
}

pub fn what_was_undone_comes_back() {
    let home = TempDir::new();
    let world = shipping(140, &home);
    let text = does(&world, "edgekeep secrets disable secret/");
    let told = commands(&text);
    assert!(told[0].starts_with("edgekeep snapshot restore -target=disk -revision="), "{text}");
    does(&world, &told[0]);
    assert!(has(&world, "first"));
}

pub fn what_a_snapshot_of_other_keys_replaced_comes_back() {
    let (mut world, other) = (World::new(145), World::new(146));
    put(&world, "first");
    let strange = other.root().get("sys/storage/raft/snapshot").body;
    let replaced = |world: &World| {
        let reply = world.root().upload("sys/storage/raft/snapshot-force", &strange).unwrap();
        assert_eq!(data(&reply)["sealed"], true, "{}", reply.json());
        commands(reply.json()["warnings"][0].as_str().unwrap())
    };
    let unseal = |world: &World, key: String| {
        let reply = world.client().post("sys/unseal", json!({ "key": key }));
        assert_eq!(reply.json()["sealed"], false, "{}", reply.json());
    };
    let told = replaced(&world);
    assert_ne!(run(&world, &told[0]).0, 0, "it is sealed");
    unseal(&world, other.unseal_key());
    assert!(!has(&world, "first"));
    does(&world, &told[0]);
    unseal(&world, world.unseal_key());
    assert!(has(&world, "first"));
    // Without those keys.
    let told = replaced(&world);
    world.while_off(|_| {
        let words = words(&told[1]);
        let output = Command::new(program()).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    assert!(has(&world, "first"));
}

pub fn a_snapshot_that_is_ahead_is_not_passed_over() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let mut world = world(150, &folder, "  interval = \"24h\"\n  keep_last = 9");
    put(&world, "first");
    does(&world, "edgekeep snapshot take disk");
    world.remember();
    put(&world, "second");
    does(&world, "edgekeep snapshot take disk");
    world.go_back();
    let (exit, text) = run(&world, "edgekeep snapshot restore -target=disk -at=latest");
    assert!(exit != 0 && text.contains("the target is ahead of this server"), "{text}");
    let refused = commands(&text);
    let [_, restore] = &refused[..] else { panic!("{text}") };
    does(&world, restore);
    assert!(has(&world, "second"));
}
