//! A bare machine, and a target.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use edgekeep::base::clock::Timestamp;
use edgekeep::snapshot::restorable::Restorable;
use edgekeep::snapshot::rewind::plan::At;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::site::{Site, made_up, made_up_snapshot};
use super::support::TempDir;
use super::support::harness::needs_root;
use super::support::http::Client;
use super::support::mount::Mount;
use super::support::{Server, program};
use super::{
    Home, damage_the_end, data, edgekeep, eventually, junk, junk_of, later, must_have, names,
    option, place, restore, shipped, shipping, target, write,
};

/// Every file below a folder, by its name.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for name in names(&inner) {
            let path = inner.join(&name);
            if path.is_dir() { folders.push(path) } else { found.push((name, path)) }
        }
    }
    found
}

/// Three megabytes, so that a restore takes a while, and some space.
fn write_much(root: &Client) {
    for number in 0..100 {
        let secret = json!({ "a": "x".repeat(30_000) });
        assert_eq!(root.post(&format!("secret/large/{number}"), secret).status, 204);
    }
}

pub fn a_lost_machine_comes_back_from_its_target_alone() {
    let home = Home::new();
    let folder = home.at("data");
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    write(&store, &server, "second");
    shipped(&store.root(&server), "disk");
    server.kill();
    fs::remove_dir_all(&folder).unwrap();
    let config = option("config", &store.config());

    let (exit, said) = restore(&[&config, "-dry-run"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Would restore revision "), "{said}");
    assert!(!folder.exists(), "nothing is made");
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("Success! Restored revision "), "{said}");
    assert!(said.contains("edgekeep operator unseal"), "{said}");
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("there is a store in"), "{said}");

    let server = store.start();
    must_have(&store, &server, "second");
    // It goes on where it was, in a history of its own.
    write(&store, &server, "third");
    shipped(&store.root(&server), "disk");
    drop(server);
    fs::remove_dir_all(&folder).unwrap();
    let (config, address) = (option("config", &store.config()), store.address());
    let server = Server::start(&["restore", &config, "-target=disk", "-start"], address);
    store.unseal(&server);
    must_have(&store, &server, "third");
    assert!(server.output().contains("2. The server starts here now."), "{}", server.output());
    // It ends as any server does.
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let (success, said) = server.wait();
    assert!(success && said.contains("stopping: running requests may end"), "{said}");
}

pub fn what_is_torn_is_told_and_what_is_before_it_comes_back() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    // The first may be in the snapshot, the second is in the journal alone.
    for value in ["first", "second"] {
        write(&store, &server, value);
        shipped(&store.root(&server), "disk");
    }
    server.kill();
    damage_the_end(&home.at("disk"));
    let into = home.at("new");
    let (exit, said) = restore(&[&option("target", &home.at("disk")), &option("into", &into)]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("does not count"), "{said}");
    assert!(said.contains("More was committed than is here"), "{said}");
    store.moved(&into).start();
}

pub fn a_name_that_somebody_has_made_up_holds_up_nothing() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    let disk = home.at("disk");
    write(&store, &server, "first");
    let last = shipped(&store.root(&server), "disk");
    let [early, late] = [1, 3_900_000_000].map(Timestamp::from_secs);
    for kept in [later(early), later(late)].into_iter().flatten() {
        junk(&disk, &kept);
    }
    // And of the history that is there, as far as numbers go.
    let root = store.root(&server);
    let told = root.get("sys/snapshots/targets/disk").json();
    let present = told["data"]["journal"]["timeline"].as_str().unwrap().parse().unwrap();
    junk(&disk, &made_up_snapshot(present, u64::MAX - 1, late));
    junk(&disk, &made_up(present, None, (last + 1, u64::MAX - 1), (late, late)));
    let reply =
        root.post("sys/snapshots/targets/disk/restore", json!({ "at": "latest", "dry_run": true }));
    assert_eq!(reply.status, 200, "{}", reply.json());
    assert_eq!(data(&reply)["revision"], last);
    server.kill();

    let (target, into) = (option("target", &disk), home.at("new"));
    let to = option("into", &into);
    for words in [
        &["restore", &target, &to, "-dry-run"][..],
        &["snapshot", "restore", &target, &to, "-at=latest", "-dry-run"],
        &["restore", &target, &to],
    ] {
        let (exit, said) = edgekeep(words);
        assert_eq!(exit, 0, "{words:?}: {said}");
        assert!(said.contains(&format!(" revision {last} (")), "{said}");
        assert!(said.contains("does not count"), "{said}");
    }
    let store = store.moved(&into);
    must_have(&store, &store.start(), "first");
}

pub fn what_is_torn_on_one_target_is_whole_on_another() {
    let home = Home::new();
    let on = |name: &str| target(name, &place(&home.at(name)), "");
    let (store, mut server) = shipping(&home.at("data"), &(on("a") + &on("b") + &on("c")));
    for value in ["first", "second"] {
        write(&store, &server, value);
        for name in ["a", "b", "c"] {
            shipped(&store.root(&server), name);
        }
    }
    server.kill();
    fs::remove_dir_all(home.at("data")).unwrap();
    damage_the_end(&home.at("a"));
    damage_the_end(&home.at("c"));
    let (exit, said) = restore(&[&option("config", &store.config())]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("From b: "), "{said}");
    assert!(!said.contains("More was committed"), "{said}");
    must_have(&store, &store.start(), "second");
}

pub fn a_store_that_is_in_the_way_is_told_once_and_other_histories_under_one_head() {
    let home = Home::new();
    let on = |name: &str| target(name, &place(&home.at(name)), "");
    let (store, server) = shipping(&home.at("data"), &(on("a") + &on("b")));
    let root = store.root(&server);
    write(&store, &server, "first");
    for _ in 0..3 {
        let at = shipped(&root, "a");
        let back = json!({ "revision": at });
        assert_eq!(root.post("sys/snapshots/targets/a/restore", back).status, 200);
        write(&store, &server, "more");
    }
    shipped(&root, "a");
    shipped(&root, "b");
    drop(server);
    let config = option("config", &store.config());
    let (exit, said) = restore(&[&config]);
    assert_eq!(exit, 2, "{said}");
    assert_eq!(said.matches("there is a store in").count(), 1, "{said}");
    fs::remove_dir_all(home.at("data")).unwrap();
    let (exit, said) = restore(&[&config, "-dry-run"]);
    assert_eq!(exit, 0, "{said}");
    let (_, others) = said.split_once("Other histories of it lie there, too").unwrap();
    let numbers =
        others.lines().filter_map(|line| line.trim_start().split('-').next()?.parse().ok());
    assert_eq!(numbers.collect::<Vec<u32>>(), [3, 2, 1], "{said}");
}

pub fn who_names_the_folder_around_or_in_it_gets_it_too() {
    let home = Home::new();
    let stick = home.at("stick/edgekeep");
    let (store, mut server) = shipping(&home.at("data"), &target("disk", &place(&stick), ""));
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    server.kill();
    for wrong in [home.at("stick"), stick.join(&names(&stick)[0])] {
        let words = [&*option("target", &wrong), &option("into", &home.at("new")), "-dry-run"];
        let (exit, said) = restore(&words);
        assert_eq!(exit, 0, "{said}");
    }
    for (place, told) in [
        (home.at("nowhere"), "is not there: make it, or mount the disk that it is on"),
        (home.at("data"), "There is no snapshot of any store. They lie in a folder"),
    ] {
        let (exit, said) = restore(&[&option("target", &place), &option("into", &home.at("new"))]);
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains(told), "{said}");
        assert!(!home.at("new").exists());
    }
}

pub fn a_restore_that_is_killed_is_run_again() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    let root = store.root(&server);
    write_much(&root);
    write(&store, &server, "first");
    shipped(&root, "disk");
    server.kill();
    let into = home.at("new");
    let words = [option("target", &home.at("disk")), option("into", &into)];
    let begin = || {
        let mut command = Command::new(program());
        command.arg("restore").args(&words).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let begun = Instant::now();
    assert!(begin().wait().unwrap().success());
    let whole = begun.elapsed();
    fs::remove_dir_all(&into).unwrap();
    const KILLS: u32 = 20;
    let mut ended = 0;
    for kill in 0..KILLS {
        let mut restoring = begin();
        thread::sleep(whole * kill / KILLS);
        let _ = restoring.kill();
        let _ = restoring.wait();
        if into.join("edgekeep.redb").exists() {
            ended += 1;
            must_have(&store.moved(&into), &store.moved(&into).start(), "first");
            fs::remove_dir_all(&into).unwrap();
        }
    }
    assert!(ended < KILLS, "each was done before it was killed");
    assert!(begin().wait().unwrap().success(), "what was left of those stands in the way");
    must_have(&store.moved(&into), &store.moved(&into).start(), "first");
    // What a restore leaves beside a store, and nothing of those that were killed.
    let left: Vec<String> =
        names(&into).into_iter().filter(|name| name != "run" && name != "promoted").collect();
    assert_eq!(left, ["edgekeep.redb", "edgekeep.reserve"]);
}

pub fn a_disk_that_is_too_small_gets_nothing() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    let root = store.root(&server);
    write_much(&root);
    shipped(&root, "disk");
    server.kill();
    let from = option("target", &home.at("disk"));
    for (options, told) in [("size=4m", "free some space"), ("ro", "Read-only file system")] {
        let mount = Mount::new("tmpfs", "none", options);
        let (exit, said) = restore(&[&from, &option("into", &mount.path())]);
        assert_eq!(exit, 2, "{options}: {said}");
        assert!(said.contains(told), "{options}: {said}");
        assert_eq!(names(mount.root()), [""; 0], "{options}");
    }
}

pub fn the_files_of_the_machine_come_back_with_its_store() {
    let home = Home::new();
    let (data, disk, etc) = (home.at("data"), home.at("disk"), home.at("etc"));
    fs::create_dir_all(etc.join("tls")).unwrap();
    let (unit, key) = (etc.join("edgekeep.service"), etc.join("tls/key.pem"));
    fs::write(&unit, "[Service]\n").unwrap();
    fs::write(&key, "secret key").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    let (store, mut server) = home.shipping(&format!("  include = [\"{}\"]", etc.display()));
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    server.kill();
    for (name, path) in files(&disk) {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(10).any(|part| part == b"secret key"), "{name}");
    }
    fs::remove_dir_all(&data).unwrap();
    fs::remove_dir_all(etc.join("tls")).unwrap();
    fs::write(&unit, "[Unit]\n").unwrap();
    let words = [option("target", &disk), option("into", &data), "-include".to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // Nobody can be asked here.
    let (exit, said) = restore(&words);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("-include takes the unseal keys"), "{said}");
    assert!(!data.exists(), "that is known before anything is made");
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let (exit, said) = restore(&[&words[..], &[other]].concat());
    assert_eq!(exit, 2, "{said}");
    assert!(!data.exists(), "the keys are tried before anything is made: {said}");
    let (exit, said) = restore(&[&words[..], &["-dry-run", other]].concat());
    assert_eq!(exit, 2, "a rehearsal tries the keys: {said}");
    let (exit, said) = restore(&[&words[..], &["-dry-run", &*store.unseal_key()]].concat());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains(&format!("Would put back {}", key.display())), "{said}");
    assert!(!data.exists() && !key.exists(), "it makes nothing");
    let (exit, said) = restore(&[&words[..], &[&*store.unseal_key()]].concat());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains(&format!("Put back {}", key.display())), "{said}");
    // What waits for somebody who writes it is left alone, whatever is wished.
    fs::remove_file(&unit).unwrap();
    assert!(Command::new("mkfifo").arg(&unit).status().unwrap().success());
    let (exit, said) = restore(&[&words[..], &["-force", &store.unseal_key()]].concat());
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("what is there is no file"), "{said}");
    fs::remove_file(&unit).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::write(&unit, "[Unit]\n").unwrap();
    let (exit, said) = restore(&[&words[..], &[&*store.unseal_key()]].concat());
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("-force replaces it"), "{said}");
    assert_eq!(fs::read(&key).unwrap(), b"secret key");
    assert_eq!(fs::read(&unit).unwrap(), b"[Unit]\n", "what is there is not written over");
    for (path, mode) in [(key.clone(), 0o640), (etc.join("tls"), 0o750)] {
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, mode, "{}", path.display());
    }
    let server = store.start();
    must_have(&store, &server, "first");
}

pub fn the_files_of_the_machine_come_back_as_their_owners() {
    const OWNER: u32 = 23_456;
    needs_root("to give a file to somebody");
    let home = Home::new();
    let (data, disk, etc) = (home.at("data"), home.at("disk"), home.at("etc"));
    let key = etc.join("tls/key.pem");
    fs::create_dir_all(etc.join("tls")).unwrap();
    fs::write(&key, "secret key").unwrap();
    chown(&key, Some(OWNER), Some(OWNER)).unwrap();
    let (store, mut server) = home.shipping(&format!("  include = [\"{}\"]", etc.display()));
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    server.kill();
    fs::remove_dir_all(&data).unwrap();
    fs::remove_dir_all(etc.join("tls")).unwrap();
    let (target, into) = (option("target", &disk), option("into", &data));
    let (exit, said) = restore(&[&target, &into, "-include", &store.unseal_key()]);
    assert_eq!(exit, 0, "{said}");
    // A folder that was made for it is its owner's, who renews what is in it.
    for path in [&key, &etc.join("tls")] {
        let meta = fs::metadata(path).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (OWNER, OWNER), "{}", path.display());
    }
}

pub fn several_stores_on_a_target_are_told_apart() {
    let home = Home::new();
    let (disk, into) = (home.at("disk"), home.at("new"));
    let shared = target("disk", &place(&disk), "");
    let (one, first) = shipping(&home.at("one"), &shared);
    let (two, second) = shipping(&home.at("two"), &shared);
    write(&one, &first, "one");
    write(&two, &second, "two");
    shipped(&one.root(&first), "disk");
    shipped(&two.root(&second), "disk");
    let (target, to) = (option("target", &disk), option("into", &into));
    let (exit, said) = restore(&[&target, &to]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("There are several stores"), "{said}");
    assert!(!into.exists());
    let ids = names(&disk);
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| said.contains(id.as_str())), "{said}");
    for command in [&["restore"][..], &["snapshot", "restore", "-at=latest"]] {
        let (exit, said) = edgekeep(&[command, &[&*target, &to, "-store=nosuch"]].concat());
        assert_eq!(exit, 1, "{said}");
        assert!(ids.iter().all(|id| said.contains(id.as_str())), "{said}");
    }
    let health = second.client().get("sys/health").json();
    let id = format!("-store={}", health["cluster_id"].as_str().unwrap());
    let (exit, said) = restore(&[&target, &to, &id]);
    assert_eq!(exit, 0, "{said}");
    drop((first, second));
    let two = two.moved(&into);
    let server = two.start();
    must_have(&two, &server, "two");
}

pub fn a_store_that_somebody_has_made_up_is_none() {
    let home = Home::new();
    let disk = home.at("disk");
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    let last = shipped(&store.root(&server), "disk");
    let made_up = "11111111-2222-3333-4444-555555555555";
    for kept in later(Timestamp::from_secs(1_900_000_000)) {
        junk_of(made_up, &disk, &kept);
    }
    let standby = store.moved(&home.at("standby")).with(&["-follow=disk"]);
    let following = standby.start_sealed();
    eventually("it follows", || {
        following.client().get("sys/health").json()["follows"]["revision"].as_u64() >= Some(last)
    });
    drop(following);
    server.kill();

    let (target, into) = (option("target", &disk), option("into", &home.at("new")));
    let known = format!("{made_up}/vault-snapshot-");
    let key = &*store.unseal_key();
    for words in [
        &["snapshot", "restore", &target, &into, "-at=latest", "-dry-run"][..],
        &["snapshot", "read", "-at=latest", &disk.display().to_string(), "secret/3", key],
        &["restore", &target, &into],
    ] {
        let (exit, said) = edgekeep(words);
        assert_eq!(exit, 0, "{words:?}: {said}");
        assert!(said.contains(&known) && said.contains(" does not count: "), "{said}");
    }
    must_have(&store.moved(&home.at("new")), &store.moved(&home.at("new")).start(), "first");
    // Named, it is refused for what it is.
    let named = option("store", Path::new(made_up));
    let (exit, said) = edgekeep(&["restore", &target, "-force", &into, &named]);
    assert_eq!(exit, 2, "{said}");
}

pub fn a_restore_is_told_to_programs() {
    let home = Home::new();
    let disk = home.at("disk");
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    let last = shipped(&store.root(&server), "disk");
    server.kill();
    let (target, into) = (option("target", &disk), option("into", &home.at("new")));
    for (more, done) in [(&["-dry-run"][..], false), (&[], true)] {
        let words = [&["-format=json", &target, &into], more].concat();
        let (exit, said) = restore(&words);
        assert_eq!(exit, 0, "{said}");
        let told: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(told["revision"], last);
        assert_eq!((&told["gap"], &told["store_id"]), (&json!(false), &json!(names(&disk)[0])));
        assert_eq!((&told["restored"], &told["sealed"]), (&json!(done), &json!(done)));
    }
}

pub fn of_each_store_on_a_target_its_present_history_is_told() {
    let (mut one, into) = (Site::new(81), TempDir::new());
    let mut two = one.neighbour(82);
    for site in [&mut one, &mut two] {
        site.pass(Duration::from_secs(2));
        site.put("a", b"1");
        site.ship(u64::MAX);
    }
    // Beside one of them a clone goes on; of the other somebody has made something up.
    let past = one.history.last().unwrap().clone();
    let mut clone = one.bare(83);
    let prepared = clone.prepare(At::Latest, None).unwrap();
    prepared.restore(&clone.barrier, false).unwrap();
    (clone.shares, clone.state) = (past.shares.clone(), past.state.clone());
    clone.unseal();
    clone.note();
    clone.snapshot();
    one.pass(Duration::from_secs(60));
    one.put("a", b"2");
    one.ship(u64::MAX);
    let late = Timestamp::from_secs(3_900_000_000);
    for kept in later(late) {
        two.junk(&kept);
    }
    let target = option("target", one.place());
    let (exit, said) = restore(&[&target, &option("into", &into.path().join("new"))]);
    assert_eq!(exit, 1, "{said}");
    let last = two.history.last().unwrap();
    let told = format!("  {}: revision {} (", two.folder.store_id(), last.revision);
    assert!(said.contains(&told), "{said}");
    assert!(said.contains(&format!("  {}: several histories", one.folder.store_id())), "{said}");
    for site in [&one, &clone] {
        assert!(said.contains(&format!("    {}: ", site.store().status().timeline)), "{said}");
    }
    assert!(!said.contains("9-aaaaaaaaaaaaaaaa: revision"), "{said}");
}

pub fn a_sealed_server_takes_nothing_and_says_what_helps() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    let file = home.at("a.snap");
    fs::write(&file, store.root(&server).get("sys/storage/raft/snapshot").body).unwrap();
    server.kill();
    let server = store.start_sealed();
    let file = file.display().to_string();
    let asked: [&[&str]; 3] =
        [&[&file], &["-force", &file], &["-target=disk", "-at=latest", "-force"]];
    for words in asked {
        let mut command = Command::new(program());
        command.args(["snapshot", "restore"]).args(words).env("VAULT_MAX_RETRIES", "0");
        command.env("VAULT_ADDR", format!("http://{}", server.address)).env("VAULT_TOKEN", "any");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("Vault is sealed"), "{said}");
        assert!(said.contains("edgekeep restore -config=FILE -force"), "{said}");
    }
    drop(server);
    // That is what helps, without any keys.
    let (exit, said) = restore(&[&option("config", &store.config()), "-force"]);
    assert_eq!(exit, 0, "{said}");
    must_have(&store, &store.start(), "first");
}

pub fn what_a_server_had_that_is_stopped_right_after_a_write_is_all_on_the_target() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    let revision = shipped(&store.root(&server), "disk");
    let config = option("config", &store.config());
    for round in 0..6 {
        let root = store.root(&server);
        // Where others lie there, the server notes how long it has watched them.
        if round % 3 != 2 {
            let asked = json!({ "revision": revision });
            let done = root.post("sys/snapshots/targets/disk/restore", asked);
            assert_eq!(done.status, 200, "{}", done.json());
        }
        if round % 3 != 0 {
            shipped(&root, "disk");
        }
        assert_eq!(root.post("secret/last", json!({ "a": "b" })).status, 204);
        kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
        let (ended, output) = server.wait();
        assert!(ended, "{output}");
        let (exit, said) = restore(&[&config, "-force", "-dry-run"]);
        assert!(exit == 0 && !said.contains("is not in the one"), "round {round}: {said}");
        server = store.start();
    }
}

pub fn what_a_server_had_that_is_stopped_is_on_each_of_its_targets() {
    let home = Home::new();
    let targets = ["a", "b", "c"];
    let on = |name: &str| target(name, &place(&home.at(name)), "");
    let (store, mut server) = shipping(&home.at("data"), &targets.map(on).concat());
    write(&store, &server, "first");
    let revision = targets.map(|name| shipped(&store.root(&server), name))[0];
    for round in 0..6 {
        let root = store.root(&server);
        if round % 3 == 0 {
            let asked = json!({ "revision": revision });
            let done = root.post("sys/snapshots/targets/a/restore", asked);
            assert_eq!(done.status, 200, "{}", done.json());
            for name in targets {
                shipped(&root, name);
            }
        }
        assert_eq!(root.post("secret/last", json!({ "a": "b" })).status, 204);
        for name in targets {
            shipped(&root, name);
        }
        kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
        let (ended, output) = server.wait();
        assert!(ended, "{output}");
        let config = option("config", &store.config());
        for name in targets {
            let (exit, said) =
                restore(&[&config, &format!("-target={name}"), "-force", "-dry-run"]);
            assert!(exit == 0 && !said.contains("is not in the one"), "{round} {name}: {said}");
        }
        server = store.start();
    }
}

pub fn a_store_that_is_further_than_what_replaces_it_is_told_of() {
    let home = Home::new();
    let (store, mut server) = home.shipping("");
    write(&store, &server, "first");
    shipped(&store.root(&server), "disk");
    let config = option("config", &store.config());
    let told = "which is not in the one that takes its place";
    server.kill();
    let (exit, said) = restore(&[&config, "-force", "-dry-run"]);
    assert!(exit == 0 && !said.contains(told), "{said}");
    let server = store.start();
    fs::rename(home.at("disk"), home.at("away")).unwrap();
    write(&store, &server, "second");
    drop(server);
    fs::rename(home.at("away"), home.at("disk")).unwrap();
    for more in [&["-dry-run"][..], &[]] {
        let (exit, said) = restore(&[&[&*config, "-force"], more].concat());
        assert!(exit == 0 && said.contains(told), "{said}");
        assert_eq!(said.contains("move the folder away first"), !more.is_empty(), "{said}");
    }
    let server = store.start();
    must_have(&store, &server, "first");
}
