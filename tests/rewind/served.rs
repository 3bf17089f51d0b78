//! Real servers: back to an instant while they serve, and what they tell of it.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use edgekeep::base::clock::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::left::while_away;
use crate::support::http::Client;
use crate::support::world::World;
use crate::support::{ROOT, TempDir, data, eventually, program};

pub const SETTINGS: &str =
    "  type = \"file\"\n  interval = \"24h\"\n  journal = true\n  keep_last = 99\n";
pub const RESTORE: &str = "sys/snapshots/targets/disk/restore";

/// A world whose journal goes to `folder`.
pub fn world(seed: u64, folder: &TempDir) -> World {
    world_at(Timestamp::from_secs(1_800_000_000), seed, folder)
}

/// The same, which begins at that time.
fn world_at(begin: Timestamp, seed: u64, folder: &TempDir) -> World {
    let path = folder.path().display();
    let block = format!("snapshot \"disk\" {{\n  path_prefix = \"{path}\"\n{SETTINGS}}}");
    let world = World::configured_at(begin, seed, &block);
    eventually("there is a base", || target(&world.root())["last_good"].is_object());
    world
}

pub fn target(client: &Client) -> Value {
    data(&client.get("sys/snapshots/targets/disk"))
}

pub fn edgekeep(world: &World, args: &[&str]) -> Output {
    let address = format!("http://{}", world.client().address());
    let mut command = Command::new(program());
    command.env_clear().env("VAULT_ADDR", address).env("VAULT_TOKEN", ROOT);
    command.args(args).output().unwrap()
}

pub fn text(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

pub fn put(world: &World, value: &str) -> String {
    let body = json!({ "value": value });
    assert_eq!(world.root().post("secret/a", body).status, 204);
    let time = world.now();
    world.advance(Duration::from_secs(10));
    time
}

pub fn get(world: &World) -> Value {
    data(&world.root().get("secret/a"))["value"].clone()
}

#[test]
fn in_the_second_of_a_restore_what_was_there_before_it_is_had() {
    let home = TempDir::new();
    let folder = home.path().join("disk");
    let path = folder.display();
    let world = World::configured(
        31,
        &format!("snapshot \"disk\" {{\n  path_prefix = \"{path}\"\n{SETTINGS}}}"),
    );
    put(&world, "first");
    // A file that is older than all that the target has.
    let file = home.path().join("first.snap").display().to_string();
    assert!(edgekeep(&world, &["snapshot", "save", &file]).status.success());
    put(&world, "second");
    fs::create_dir(&folder).unwrap();
    eventually("there is a base", || {
        world.advance(Duration::from_secs(1));
        target(&world.root())["last_good"].is_object()
    });
    put(&world, "third");
    eventually("the target has it", || target(&world.root())["journal"]["behind"] == 0);
    world.advance(Duration::from_millis(300));
    let before = world.now();
    world.advance(Duration::from_millis(300));
    assert!(edgekeep(&world, &["snapshot", "restore", &file]).status.success());
    assert_eq!(get(&world), "first");
    // Before the target has anything of the new history, and after.
    let had = || {
        let wish = json!({ "at": before });
        let loaded = world.root().post("sys/snapshots/targets/disk/load", wish);
        assert_eq!(loaded.status, 200, "{}", loaded.json());
        let loaded = data(&loaded);
        let id = loaded["snapshot_id"].as_str().unwrap();
        let read = data(&world.root().get(&format!("secret/a?read_snapshot_id={id}")));
        let had = (&read["value"], &loaded["own_past"]);
        assert_eq!(had, (&json!("third"), &json!(false)), "{loaded}");
    };
    had();
    eventually("the target has the new history", || {
        let told = target(&world.root());
        let present = told["journal"]["timeline"].as_str().unwrap_or_default();
        present.starts_with("2-") && told["last_good"]["timeline"] == present
    });
    had();
}

/// Each commit in a file, or all in one in whose midst the clock is put right.
#[test]
fn what_was_written_while_the_clock_was_ahead_hides_nothing_of_what_came_after() {
    for each in [true, false] {
        let folder = TempDir::new();
        let world = world(32, &folder);
        let is_shipped = || target(&world.root())["journal"]["behind"] == 0;
        let put = |value: &str| {
            let time = put(&world, value);
            if each {
                eventually("the target has it", is_shipped);
            }
            time
        };
        let dry = |wish: Value| {
            let (mut wish, dry) = (wish, json!(true));
            wish["dry_run"] = dry;
            data(&world.root().post(RESTORE, wish))
        };
        let hour = Duration::from_secs(3600);
        let before = put("before");
        eventually("the target has it", is_shipped);
        let first = dry(json!({ "at": "latest" }))["revision"].as_u64().unwrap();
        world.jump(hour);
        put("ahead");
        eventually("the target has it", is_shipped);
        let write = || {
            put("ahead still");
            world.turn_back(hour);
            let after = put("after");
            put("last");
            after
        };
        let after = if each { write() } else { while_away(&folder, write) };
        eventually("the target has it", || {
            world.advance(Duration::from_secs(1));
            is_shipped()
        });
        assert_eq!(dry(json!({ "at": "latest" }))["end"], false);
        // While those times are still to come, and when they are over.
        for is_to_come in [true, false] {
            let told = dry(json!({ "at": after }));
            let found = (told["revision"].as_u64().unwrap(), &told["end"]);
            assert_eq!(found, (first + 3, &json!(false)), "{each}: {told}");
            let told = dry(json!({ "at": before }));
            let found = (told["revision"].as_u64().unwrap(), &told["end"]);
            assert_eq!(found, (first, &json!(is_to_come)), "{each}: {told}");
            let why = told["end_reason"].as_str().unwrap_or_default();
            assert_eq!(why.contains("clock that was ahead"), is_to_come, "{told}");
            let log = |part: &str| {
                let path = format!("sys/snapshots/targets/disk/log?{part}");
                let commits = data(&world.root().get(&path))["commits"].clone();
                let commits = commits.as_array().unwrap().iter();
                commits.map(|commit| commit["revision"].as_u64().unwrap()).collect::<Vec<_>>()
            };
            let until = log(&format!("until={after}"));
            let is_ahead = |revision: &u64| *revision == first + 1;
            assert!(until.contains(&(first + 3)) && !until.iter().any(is_ahead), "{until:?}");
            let since = log(&format!("since={}", world.now()));
            assert_eq!(since.iter().any(is_ahead), is_to_come, "{since:?}");
            world.advance(2 * hour);
        }
    }
}

#[test]
fn what_was_written_after_a_restart_bears_times_to_come_where_the_clock_was_ahead_and_that_is_told()
{
    let folder = TempDir::new();
    let hour = Duration::from_secs(3600);
    let begin = SystemClock.wall().as_secs() - hour.as_secs() / 2;
    let mut world = world_at(Timestamp::from_secs(begin), 34, &folder);
    put(&world, "before");
    world.jump(hour);
    put(&world, "ahead");
    world.turn_back(hour);
    world.restart();
    let after = put(&world, "after");
    eventually("the target has it", || target(&world.root())["journal"]["behind"] == 0);
    let told = data(&world.root().post(RESTORE, json!({ "at": after, "dry_run": true })));
    let why = told["end_reason"].as_str().unwrap_or_default();
    assert!(why.contains("clock that was ahead"), "{told}");
    // Who has the target alone is told by its own clock.
    let target = format!("-target={}", folder.path().display());
    let into = format!("-into={}", folder.path().join("new").display());
    let bare = |at: &str| {
        let args = ["snapshot", "restore", &target, &into, at, "-dry-run"];
        text(&edgekeep(&world, &args))
    };
    let told = bare(&format!("-at={after}"));
    assert!(told.contains("clock that was ahead"), "{told}");
    let (_, named) = told.split_once("name a revision, from ").unwrap();
    let named = named.split_whitespace().next().unwrap();
    let there = bare(&format!("-revision={named}"));
    assert!(there.contains(&format!("Would restore revision {named} ")), "{there}");
}

#[test]
fn a_server_goes_back_and_says_what_comes_back() {
    let folder = TempDir::new();
    let world = world(1, &folder);
    let root = world.root();
    let made = root.post("auth/token/create", json!({ "ttl": "100h" })).json();
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    put(&world, "one");
    let two = put(&world, "two");
    assert_eq!(root.post("auth/token/revoke", json!({ "token": token })).status, 204);
    put(&world, "three");

    let dry = root.post(RESTORE, json!({ "at": two, "dry_run": true }));
    let dry = data(&dry);
    assert_eq!((&dry["returning_tokens"], &dry["restored"]), (&json!(1), &json!(false)), "{dry}");
    assert_eq!(dry["returning_leases"], 1);
    assert_eq!(get(&world), "three", "a dry run changes nothing");

    let done = root.post(RESTORE, json!({ "at": two, "revoke_tokens": true }));
    assert_eq!(done.status, 200, "{}", done.json());
    let done = data(&done);
    assert_eq!((&done["revoked_tokens"], &done["sealed"]), (&json!(1), &json!(false)), "{done}");
    assert_eq!(get(&world), "two");
    assert_eq!(world.client().token(&token).get("auth/token/lookup-self").status, 403);
    // The history that was left is told apart, and can be gone back to.
    let (left, new) = (done["timeline"].clone(), done["new_timeline"].clone());
    assert_ne!(left, new);
    eventually("the new history has a base", || {
        let target = target(&root);
        target["last_good"]["timeline"] == new && target["journal"]["behind"] == 0
    });
    let back = root.post(RESTORE, json!({ "at": "latest", "timeline": left }));
    assert_eq!(back.status, 200, "{}", back.json());
    assert_eq!(get(&world), "three");
    for (body, why) in [
        (json!({}), "at or revision is required"),
        (json!({ "at": "yesterday" }), "at must be a time"),
        (json!({ "at": "latest", "revision": 3 }), "not both"),
        (json!({ "at": "2001-01-01T00:00:00Z" }), "before the first snapshot"),
        (json!({ "at": "2127-01-01T00:00:00Z" }), "at is in the future: it is 2027-"),
        (json!({ "at": "latest", "timeline": "x" }), "that is no timeline"),
    ] {
        let refused = root.post(RESTORE, body.clone());
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.json().to_string().contains(why), "{body}: {}", refused.json());
    }
    let elsewhere = root.post("sys/snapshots/targets/none/restore", json!({ "at": "latest" }));
    assert_eq!(elsewhere.status, 404);
    assert_eq!(world.client().post(RESTORE, json!({ "at": "latest" })).status, 403);
}

#[test]
fn what_would_be_refused_is_refused_in_a_dry_run() {
    let folder = TempDir::new();
    let (world, other) = (world(4, &folder), world(5, &folder));
    let store = other.client().get("sys/health").json()["cluster_id"].clone();
    let asked = |more: Value| {
        let mut body = json!({ "at": "latest", "store_id": store });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.root().post(RESTORE, body)
    };
    for more in [json!({ "dry_run": true }), json!({})] {
        let refused = asked(more);
        assert_eq!(refused.status, 400, "{}", refused.json());
        let told = refused.json().to_string();
        assert!(told.contains("snapshot of other keys"), "{told}");
    }
    let dry = asked(json!({ "dry_run": true, "force": true }));
    assert_eq!((dry.status, &data(&dry)["restored"]), (200, &json!(false)));
}

#[test]
fn what_a_snapshot_leads_to_has_the_time_of_its_commit() {
    let folder = TempDir::new();
    let world = world(3, &folder);
    let root = world.root();
    put(&world, "one");
    world.advance(Duration::from_secs(3600));
    let before = target(&root)["attempts"].as_u64().unwrap();
    assert_eq!(root.post("sys/snapshots/targets/disk/take", json!({})).status, 200);
    eventually("there is another snapshot", || {
        target(&root)["attempts"].as_u64() > Some(before) && target(&root)["journal"]["behind"] == 0
    });
    let of = target(&root)["last_good"]["revision"].clone();
    let dry = data(&root.post(RESTORE, json!({ "revision": of, "dry_run": true })));
    assert_eq!(dry["snapshot_revision"], of, "{dry}");
    let log = data(&root.get("sys/snapshots/targets/disk/log"));
    let mut commits = log["commits"].as_array().unwrap().iter();
    let commit = commits.find(|commit| commit["revision"] == of).unwrap();
    assert_eq!(dry["time"], commit["time"], "{dry}");
}

/// The log has nothing of what was written before that time, and misses nothing.
fn must_not_tell_of_it(world: &World, since: &str) {
    let since = format!("-since={since}");
    let told = edgekeep(world, &["snapshot", "log", "-target=disk", &since]);
    let lines = text(&told);
    assert!(told.status.success() && !lines.contains("secret/a"), "{lines}");
    assert!(!lines.contains("no record") && !lines.contains("does not count"), "{lines}");
}

#[test]
fn a_log_of_a_target_without_a_journal_says_so() {
    let folder = TempDir::new();
    let path = folder.path().display();
    let settings = SETTINGS.replace("journal = true", "");
    let block = format!("snapshot \"disk\" {{\n  path_prefix = \"{path}\"\n{settings}}}");
    let world = World::configured(4, &block);
    eventually("there is a snapshot", || target(&world.root())["last_good"].is_object());
    let told = edgekeep(&world, &["snapshot", "log", "-target=disk"]);
    assert!(told.status.success() && told.stdout.is_empty(), "{}", text(&told));
    assert!(text(&told).contains("holds no journal of this store"), "{}", text(&told));
}

#[test]
fn the_command_line_goes_back_and_tells_what_changed() {
    let folder = TempDir::new();
    let world = world(2, &folder);
    let one = put(&world, "one");
    put(&world, "two");
    world.root().post("auth/token/create", json!({}));
    let told = edgekeep(&world, &["snapshot", "log", "-target=disk"]);
    let lines = text(&told);
    assert!(told.status.success(), "{lines}");
    assert_eq!(lines.matches("    written  secret/a\n").count(), 2, "{lines}");
    assert!(lines.contains("(system) token/id"), "{lines}");
    must_not_tell_of_it(&world, &world.now());

    let at = format!("-at={one}");
    let left = data(&world.root().get("sys/snapshots/targets/disk"))["journal"]["timeline"].clone();
    let left = left.as_str().unwrap().to_owned();
    let dry = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at, "-dry-run"]);
    assert!(text(&dry).starts_with("Would restore revision "), "{}", text(&dry));
    assert_eq!(get(&world), "two");
    let done = edgekeep(&world, &["snapshot", "restore", "-target=disk", &at]);
    assert!(text(&done).starts_with("Success! Restored revision "), "{}", text(&done));
    assert!(text(&done).contains("(before a restore)"), "the way back: {}", text(&done));
    assert_eq!(get(&world), "one");
    assert!(!text(&done).contains("another history"), "{}", text(&done));
    world.advance(Duration::from_secs(10));
    must_not_tell_of_it(&world, &world.now());
    put(&world, "three");
    let told = text(&edgekeep(&world, &["snapshot", "log", "disk"]));
    let both = told.contains(&format!(" of {left}")) && told.contains(" of 2-");
    assert!(both, "of which history a number is: {told}");
    for (part, why) in [
        (&["-timeline=7-0000000000000000"][..], "leads to the timeline 7-0000000000000000"),
        (&["-since=2027-01-15T08:00:02Z", "-until=2027-01-15T08:00:01Z"], "later than until"),
    ] {
        let refused = edgekeep(&world, &[&["snapshot", "log"], part, &["disk"]].concat());
        assert!(!refused.status.success() && text(&refused).contains(why), "{}", text(&refused));
    }
    // The server has a history of its own now, and at that time there was the one that it left.
    // Its own past is no other history; what was committed after that is of one.
    let would = |instant: &[&str]| {
        let words = ["snapshot", "restore", "-target=disk", "-dry-run"];
        text(&edgekeep(&world, &[&words[..], instant].concat()))
    };
    let own = would(&[&at]);
    assert!(own.starts_with("Would restore") && !own.contains("another history"), "{own}");
    let line = format!("-timeline={left}");
    let other = would(&["-at=latest", &line]);
    assert!(other.contains("That is of another history than the server's own, 2-"), "{other}");
    let none = edgekeep(&world, &["snapshot", "restore", "-target=none", "latest"]);
    assert!(!none.status.success() && text(&none).contains("there is no target none"));

    // By the name in the configuration, where no server runs.
    let home = TempDir::new();
    let config = home.path().join("edgekeep.hcl");
    let path = folder.path().display();
    let text_of = format!(
        "storage \"redb\" {{\n  path = \"{0}/data\"\n}}\nlistener \"tcp\" {{\n  address = \
         \"127.0.0.1:0\"\n  tls_disable = true\n}}\nsnapshot \"disk\" {{\n  path_prefix = \
         \"{path}\"\n{SETTINGS}}}\n",
        home.path().display()
    );
    fs::write(&config, text_of).unwrap();
    let into = format!("-into={}/data", home.path().display());
    let config = format!("-config={}", config.display());
    let dry = data(&world.root().post(RESTORE, json!({ "at": one, "dry_run": true })));
    let revision = &dry["snapshot_revision"];
    let instant = format!("-revision={revision}");
    let args = ["snapshot", "restore", "-target=disk", &config, &into, &instant];
    let done = edgekeep(&world, &args);
    let told = format!("Success! Restored revision {revision} ");
    assert!(text(&done).starts_with(&told), "{}", text(&done));
    assert!(home.path().join("data/edgekeep.redb").is_file());
}

#[test]
fn what_was_written_while_a_target_was_away_can_be_gone_back_to_there() {
    let (folder, other) = (TempDir::new(), TempDir::new());
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let block = |name: &str, path: &std::path::Path| {
        format!("snapshot \"{name}\" {{\n  path_prefix = \"{}\"\n{SETTINGS}}}\n", path.display())
    };
    let world = World::configured(3, &(block("disk", &disk) + &block("other", other.path())));
    let root = world.root();
    let rests = |name: &str| {
        let target = data(&root.get(&format!("sys/snapshots/targets/{name}")));
        target["last_good"].is_object() && target["journal"]["behind"] == 0
    };
    eventually("both have a base", || rests("disk") && rests("other"));
    put(&world, "one");
    let two = put(&world, "two");
    put(&world, "three");
    eventually("both have all", || rests("disk") && rests("other"));
    // Back, and on, while the one is away.
    let gone = folder.path().join("gone");
    fs::rename(&disk, &gone).unwrap();
    let body = json!({ "at": two });
    let done = data(&root.post("sys/snapshots/targets/other/restore", body));
    assert_eq!(get(&world), "two");
    world.advance(Duration::from_secs(10));
    let times: Vec<String> = ["a", "b", "c"].iter().map(|value| put(&world, value)).collect();
    eventually("the other has all", || rests("other"));
    fs::rename(&gone, &disk).unwrap();
    eventually("it has all", || {
        world.advance(Duration::from_secs(61));
        let target = data(&root.get("sys/snapshots/targets/disk"));
        rests("disk") && target["last_good"]["timeline"] == done["new_timeline"]
    });
    // Each of them comes back where no server runs.
    for (nth, value) in ["a", "b", "c"].iter().enumerate() {
        let home = TempDir::new();
        let data = home.path().join("data");
        let (target, into) =
            (format!("-target={}", disk.display()), format!("-into={}", data.display()));
        let at = format!("-at={}", times[nth]);
        let done = edgekeep(&world, &["snapshot", "restore", &target, &into, &at]);
        assert!(done.status.success(), "{value}: {}", text(&done));
        let told = text(&done);
        assert!(told.contains(&format!("({}", &times[nth][..19])), "{value} at {at}: {told}");
        assert!(told.contains("segments of the journal"), "{told}");
    }
}

#[test]
fn the_way_back_that_is_told_leads_back_also_where_a_restore_went_back_before() {
    let folder = TempDir::new();
    let world = world(14, &folder);
    let root = world.root();
    let one = put(&world, "one");
    // A history that is left, and goes further than the new one.
    (0..9).for_each(|number| drop(put(&world, &number.to_string())));
    let done = data(&root.post(RESTORE, json!({ "at": one })));
    eventually("the new history has a base", || {
        target(&root)["last_good"]["timeline"] == done["new_timeline"]
    });
    put(&world, "two");
    eventually("it is shipped", || {
        let target = target(&root);
        target["state"] == "good" && target["journal"]["behind"] == 0
    });
    let removed = root.delete("sys/mounts/secret").json();
    let told = removed["warnings"][0].as_str().unwrap_or_else(|| panic!("{removed}"));
    let way = told.split('`').nth(1).unwrap_or_else(|| panic!("{told}"));
    let way: Vec<&str> = way.split(' ').skip(1).collect();
    let output = edgekeep(&world, &way);
    assert!(output.status.success(), "{told}: {}", text(&output));
    assert_eq!(get(&world), "two");
}
