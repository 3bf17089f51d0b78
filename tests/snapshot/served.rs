//! Snapshots of the built program, under load and on bad disks.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::altered::without_its_last_entry;
use crate::support::dice::Dice;
use crate::support::http::{Client, Reply};
use crate::support::mount::Mount;
use crate::support::store::Store;
use crate::support::{ROOT, Server, TempDir, program};

const SNAPSHOT: &str = "sys/storage/raft/snapshot";

fn restore(to: &Server, how: &str, file: &[u8]) -> Reply {
    to.root().upload(&format!("sys/storage/raft/{how}"), file).unwrap()
}

fn edgekeep(server: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args).env("VAULT_ADDR", format!("http://{server}")).env("VAULT_TOKEN", ROOT);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn run(server: &Server, args: &[&str]) -> Output {
    edgekeep(&server.address, args).output().unwrap()
}

pub fn a_server_is_saved_and_restored_from_the_command_line() {
    let home = TempDir::new();
    let (file, data) = (home.path().join("a.snap"), home.path().join("data"));
    let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
    let server = Server::dev();
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let saved = run(&server, &["snapshot", "save", file]);
    assert!(saved.status.success(), "{}", text(&saved));
    root.post("secret/data/a", json!({ "data": { "n": 2 } }));

    let inspected = run(&server, &["operator", "raft", "snapshot", "inspect", file]);
    assert!(text(&inspected).contains("Unseal Keys    1 of 1"), "{}", text(&inspected));
    let key = server.unseal_key();
    let verified = run(&server, &["snapshot", "verify", file, &key]);
    assert!(text(&verified).contains("Every entry opens"), "{}", text(&verified));
    let verified = run(&server, &["snapshot", "verify", "-without-keys", file]);
    assert!(text(&verified).contains("Nothing was opened"), "{}", text(&verified));
    let verified = run(&server, &["snapshot", "verify", file]);
    assert!(text(&verified).contains("needs 1 unseal key,"), "{}", text(&verified));
    let other = Server::dev();
    let verified = run(&server, &["snapshot", "verify", file, &other.unseal_key()]);
    assert_eq!(verified.status.code(), Some(2), "{}", text(&verified));

    let restored = run(&server, &["snapshot", "restore", file]);
    assert!(restored.status.success(), "{}", text(&restored));
    assert_eq!(root.get("secret/data/a").json()["data"]["data"]["n"], 1);

    let refused = run(&other, &["operator", "raft", "snapshot", "restore", file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("snapshot of other keys: "), "{}", text(&refused));
    assert!(!text(&restored).contains("is sealed"), "{}", text(&restored));
    let forced = run(&other, &["snapshot", "restore", "-force", file]);
    assert!(forced.status.success(), "{}", text(&forced));
    for told in ["is sealed", "edgekeep operator unseal", "the one you used is not known"] {
        assert!(text(&forced).contains(told), "{}", text(&forced));
    }
    other.client().post("sys/unseal", json!({ "key": key }));

    // Into a folder without a server: one that is absent, then one with a store.
    let into = format!("-into={data}/data");
    for force in [false, true] {
        let force = if force { "-force" } else { "-force=false" };
        let restored = run(&server, &["snapshot", "restore", &into, force, file]);
        assert!(restored.status.success(), "{}", text(&restored));
        let elsewhere = Server::dev_in_sealed(Path::new(data));
        assert_eq!(elsewhere.root().get("secret/data/a").status, 503, "it is sealed");
        let refused = run(&server, &["snapshot", "restore", &into, "-force", file]);
        assert!(text(&refused).contains("in use"), "{}", text(&refused));
        elsewhere.client().post("sys/unseal", json!({ "key": key }));
        assert_eq!(elsewhere.root().get("secret/data/a").json()["data"]["data"]["n"], 1);
    }
    let refused = run(&server, &["snapshot", "restore", &into, file]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("there is a store in"), "{}", text(&refused));
}

pub fn without_a_right_token_there_is_no_snapshot() {
    let server = Server::dev();
    for method in ["GET", "POST"] {
        assert_eq!(server.client().send(method, SNAPSHOT, None).status, 403);
        assert_eq!(server.client().token("x").send(method, SNAPSHOT, None).status, 403);
    }
    assert_eq!(restore(&server, "snapshot", b"nonsense").status, 400);
    assert_eq!(server.root().delete(SNAPSHOT).status, 405);
}

pub fn an_altered_snapshot_is_told_of_as_soon_as_it_can_be() {
    let (server, other) = (Server::dev(), Server::dev());
    server.root().post("secret/data/a", json!({ "data": { "n": 1 } }));
    let altered = without_its_last_entry(&server.root().get(SNAPSHOT).body);
    for how in ["snapshot", "snapshot-force"] {
        let refused = restore(&server, how, &altered);
        assert_eq!(refused.status, 400);
        let told = refused.json()["errors"][0].to_string();
        assert!(told.contains("was changed after it was taken"), "{told}");
    }
    assert_eq!(server.root().get("secret/data/a").json()["data"]["data"]["n"], 1);

    assert_eq!(restore(&other, "snapshot-force", &altered).status, 200);
    other.client().post("sys/unseal", json!({ "key": server.unseal_key() }));
    let degraded = || {
        let health = other.client().get("sys/health?degradedcode=472");
        (health.status, health.json()["degraded"].to_string())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while degraded().0 == 200 {
        assert!(Instant::now() < deadline, "nobody counts");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(degraded().0, 472);
    assert!(degraded().1.contains("changed behind the server's back"), "{}", degraded().1);
    assert!(other.output().contains("scrub: "), "{}", other.output());
}

/// What a writer did: when its n-th write was sent and when it was answered.
type History = Vec<(Instant, Instant)>;

const WRITERS: usize = 16;
const SNAPSHOTS: usize = 100;

fn count_up(client: &Client, writer: usize, stop: &AtomicBool) -> History {
    let mut history = History::new();
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let number = history.len() + 1;
        let reply =
            client.post(&format!("secret/data/w{writer}"), json!({ "data": { "n": number } }));
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        history.push((sent, Instant::now()));
    }
    history
}

pub fn snapshots_under_load_are_each_one_instant() {
    let home = TempDir::new();
    let (there, elsewhere) = (home.path().join("there"), home.path().join("elsewhere"));
    let (server, other) = (Server::dev_in(&there), Server::dev_in(&elsewhere));
    let stop = AtomicBool::new(false);
    let (histories, files) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (client, stop) = (server.root(), &stop);
                scope.spawn(move || count_up(&client, writer, stop))
            })
            .collect();
        let take = || {
            let asked = Instant::now();
            let reply = server.root().get(SNAPSHOT);
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("content-type"), Some("application/gzip"));
            (asked, Instant::now(), reply.body)
        };
        let files: Vec<_> = (0..SNAPSHOTS).map(|_| take()).collect();
        stop.store(true, Ordering::Relaxed);
        let histories: Vec<_> = writers.into_iter().map(|w| w.join().unwrap()).collect();
        (histories, files)
    });
    let written: usize = histories.iter().map(Vec::len).sum();
    assert!(written > WRITERS, "the writers wrote");
    for (number, (asked, answered, file)) in files.iter().enumerate() {
        let how = if number == 0 { "snapshot-force" } else { "snapshot" };
        assert_eq!(restore(&other, how, file).status, 200);
        if number == 0 {
            other.client().post("sys/unseal", json!({ "key": server.unseal_key() }));
        }
        // No earlier than what is in it was sent and all before the request was answered, no
        // later than what is not in it was answered: such an instant must be.
        let (mut earliest, mut latest) = (*asked, *answered);
        for (writer, history) in histories.iter().enumerate() {
            let found = other.root().get(&format!("secret/data/w{writer}"));
            let count = match found.status {
                404 => 0,
                _ => found.json()["data"]["data"]["n"].as_u64().unwrap() as usize,
            };
            if count > 0 {
                earliest = earliest.max(history[count - 1].0);
                let version = &found.json()["data"]["metadata"]["version"];
                assert_eq!(version.as_u64(), Some(count as u64));
            }
            if let Some((_, answered)) = history.get(count) {
                latest = latest.min(*answered);
            }
        }
        assert!(earliest <= latest, "snapshot {number} is of no instant");
    }
}

/// Killed at any time, the server has the old store or the new one.
pub fn who_reads_while_a_store_is_replaced_is_refused_nothing_and_audited() {
    let home = TempDir::new();
    let log = home.path().join("audit.log");
    let server = Server::dev();
    let root = server.root();
    let device = json!({ "type": "file", "options": { "file_path": log } });
    assert_eq!(root.post("sys/audit/file", device).status, 204);
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let snapshot = root.get(SNAPSHOT).body;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for path in ["secret/data/a", "sys/mounts", "sys/policy", "auth/token/lookup-self"] {
            let (over, root) = (&over, &root);
            scope.spawn(move || {
                // That of a page is looked up before anything else.
                let origin = [("Origin", "https://page.example")];
                let origins = [&origin[..], &[]].into_iter().cycle();
                for origin in origins.take_while(|_| !over.load(Ordering::Relaxed)) {
                    let reply = root.ask_with("GET", path, origin, None).unwrap();
                    assert_eq!(reply.status, 200, "{path}: {}", reply.json());
                }
            });
        }
        for _ in 0..10 {
            assert_eq!(restore(&server, "snapshot", &snapshot).status, 200);
        }
        over.store(true, Ordering::Relaxed);
    });
    let text = fs::read_to_string(log).unwrap();
    let mut told: [BTreeSet<String>; 2] = Default::default();
    // The first two are the test of the device, and the answer to who enabled it.
    for line in text.lines().skip(2) {
        let entry: Value = serde_json::from_str(line).unwrap();
        let id = entry["request"]["id"].to_string();
        let new = told[usize::from(entry["type"] == "response")].insert(id);
        assert!(new, "it is told twice: {line}");
    }
    let [requests, answers] = told;
    let odd: Vec<&String> = requests.symmetric_difference(&answers).collect();
    assert!(odd.is_empty(), "told of {}, but for these: {odd:?}", requests.len());
}

pub fn a_server_that_is_killed_in_a_restore_has_all_or_nothing() {
    const ENTRIES: usize = 200;
    let home = TempDir::new();
    let (store, mut server) = Store::make(&home.path().join("data"));
    store.root(&server).post("sys/mounts/flat", json!({ "type": "kv" }));
    let fill = |server: &Server, generation: usize| {
        for number in 0..ENTRIES {
            let body = json!({ "n": generation, "v": "x".repeat(10_000) });
            assert_eq!(store.root(server).post(&format!("flat/{number}"), body).status, 204);
        }
    };
    let generations = |server: &Server| -> BTreeSet<String> {
        let read = |number| store.root(server).get(&format!("flat/{number}")).json();
        (0..ENTRIES).map(|number| read(number)["data"]["n"].to_string()).collect()
    };
    fill(&server, 1);
    let file = store.root(&server).get(SNAPSHOT).body;
    fill(&server, 2);
    let began = Instant::now();
    assert_eq!(store.root(&server).upload(SNAPSHOT, &file).unwrap().status, 200);
    let whole = began.elapsed();
    fill(&server, 2);
    let dice = Dice::new(1);
    for _ in 0..10 {
        let root = store.root(&server);
        let answered = std::thread::scope(|scope| {
            let restoring = scope.spawn(|| root.upload(SNAPSHOT, &file));
            std::thread::sleep(whole * dice.below(120) as u32 / 100);
            server.kill();
            restoring.join().unwrap().is_ok_and(|reply| reply.status == 200)
        });
        server = store.start();
        store.verify(&server);
        let found = generations(&server);
        assert_eq!(found.len(), 1, "of both: {found:?}");
        let restored = found.contains("1");
        assert!(restored || !answered, "an answered restore is lost");
        if restored {
            fill(&server, 2);
        }
    }
}

/// Ended at any time, by Ctrl-C or by a kill, there is the whole store or none.
pub fn a_restore_into_a_folder_that_is_ended_leaves_no_store_or_a_whole_one() {
    let home = TempDir::new();
    let server = Server::dev();
    server.root().post("sys/mounts/flat", json!({ "type": "kv" }));
    for number in 0..200 {
        let body = json!({ "v": "x".repeat(100_000) });
        assert_eq!(server.root().post(&format!("flat/{number}"), body).status, 204);
    }
    let key = server.unseal_key();
    let file = home.path().join("s.snap");
    fs::write(&file, server.root().get(SNAPSHOT).body).unwrap();
    let into = |folder: &Path| {
        let into = format!("-into={}", folder.join("data").display());
        edgekeep(&server.address, &["snapshot", "restore", &into, file.to_str().unwrap()])
    };
    let began = Instant::now();
    assert!(into(&home.path().join("first")).output().unwrap().status.success());
    let whole = began.elapsed();
    let dice = Dice::new(2);
    let mut interrupted = 0;
    // As long as every signal comes too late, since the machine was busier when the first was timed.
    for round in 0..200 {
        if round >= 20 && interrupted > 0 {
            break;
        }
        let folder = home.path().join(round.to_string());
        let store = folder.join("data/edgekeep.redb");
        let signal = if round % 2 == 0 { Signal::INT } else { Signal::KILL };
        let child = into(&folder).spawn().unwrap();
        std::thread::sleep(whole * dice.below(110) as u32 / 100);
        let _ = kill_process(Pid::from_child(&child), signal);
        let output = child.wait_with_output().unwrap();
        if signal == Signal::INT && !output.status.success() {
            // Before it began to write, and after its last write, the signal just ends it.
            let said = text(&output);
            if said.contains("interrupted: nothing was replaced") {
                interrupted += 1;
                assert!(!store.exists(), "{said}");
            }
            assert_eq!(folder.exists(), store.exists(), "{said}");
        }
        if store.exists() {
            let elsewhere = Server::dev_in_sealed(&folder);
            elsewhere.client().post("sys/unseal", json!({ "key": key }));
            let keys = elsewhere.root().list("flat").json()["data"]["keys"].clone();
            assert_eq!(keys.as_array().map(Vec::len), Some(200), "{output:?}");
        } else {
            assert!(!output.status.success(), "{output:?}");
            assert!(into(&folder).output().unwrap().status.success(), "and again, to the end");
        }
    }
    assert!(interrupted > 0, "in none of 100 times it was at work");
}

pub fn nothing_is_restored_into_a_folder_of_vault() {
    let home = TempDir::new();
    let server = Server::dev();
    let file = home.path().join("s.snap");
    fs::write(&file, server.root().get(SNAPSHOT).body).unwrap();
    for of_vault in ["raft/vault.db", "file/core/_keyring"] {
        let theirs = home.path().join(of_vault);
        fs::create_dir_all(theirs.parent().unwrap()).unwrap();
        fs::write(&theirs, "dear").unwrap();
        let folder = home.path().join(of_vault.split('/').next().unwrap());
        let before = listing(&folder);
        let into = format!("-into={}", folder.display());
        let refused =
            run(&server, &["snapshot", "restore", "-force", &into, file.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused).contains("belongs to Vault"), "{}", text(&refused));
        assert!(text(&refused).contains("name another folder"), "{}", text(&refused));
        assert_eq!(listing(&folder), before);
    }
}

pub fn a_slow_peer_does_not_make_the_store_grow() {
    let home = TempDir::new();
    let server = Server::dev_in(home.path());
    let root = server.root();
    root.post("sys/mounts/flat", json!({ "type": "kv" }));
    let value = "x".repeat(256 << 10);
    let put = |number: usize| {
        let reply = root.post(&format!("flat/{}", number % 64), json!({ "v": value }));
        assert_eq!(reply.status, 204);
    };
    (0..64).for_each(put);
    let file = home.path().join("data/edgekeep.redb");
    let size = || fs::metadata(&file).unwrap().len();

    let mut slow = TcpStream::connect(&server.address).unwrap();
    let head = format!("GET /v1/{SNAPSHOT} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {ROOT}\r\n\r\n");
    slow.write_all(head.as_bytes()).unwrap();
    let mut piece = vec![0; 1024];
    slow.read_exact(&mut piece).unwrap();
    let before = size();
    let began = Instant::now();
    // 100 ms a round and a kilobyte in each.
    for round in 0..320 {
        put(round);
        if began.elapsed() >= Duration::from_millis(100) * (round as u32 / 10) {
            slow.read_exact(&mut piece).unwrap();
        }
    }
    // The store was written over five times: 80 MB, had a reader held on to all of it.
    assert!(size() < before + (32 << 20), "from {before} to {} bytes", size());
    drop(slow);
    let reply = root.get(SNAPSHOT);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
}

pub fn a_full_or_read_only_target_gets_no_file() {
    let target = Mount::new("tmpfs", "none", "size=16k");
    let server = Server::dev();
    server.root().post("secret/data/a", json!({ "data": { "v": "x".repeat(64 << 10) } }));
    let name = target.root().join("s.snap");
    let full = run(&server, &["snapshot", "save", name.to_str().unwrap()]);
    assert_eq!(full.status.code(), Some(2));
    assert!(text(&full).contains("no room"), "{}", text(&full));
    assert!(listing(target.root()).is_empty(), "{:?}", listing(target.root()));

    let remounted =
        Command::new("mount").args(["-o", "remount,ro"]).arg(target.root()).status().unwrap();
    assert!(remounted.success());
    let read_only = run(&server, &["snapshot", "save", name.to_str().unwrap()]);
    assert_eq!(read_only.status.code(), Some(2));
    assert!(text(&read_only).to_lowercase().contains("read-only"), "{}", text(&read_only));
    assert!(listing(target.root()).is_empty());
}

pub fn a_server_on_a_full_disk_says_so_and_serves_on() {
    let disk = Mount::new("tmpfs", "none", "size=34m");
    let server = Server::dev_in(&disk.root().join("data"));
    let root = server.root();
    root.post("secret/data/a", json!({ "data": { "n": 1 } }));
    let before = listing(&disk.root().join("data/data"));
    let full = root.get(SNAPSHOT);
    assert_eq!(full.status, 507, "{}", String::from_utf8_lossy(&full.body));
    assert_eq!(listing(&disk.root().join("data/data")), before, "nothing is left");
    assert_eq!(root.post("secret/data/a", json!({ "data": { "n": 2 } })).status, 200);
    let file = Server::dev().root().get(SNAPSHOT).body;
    assert_eq!(restore(&server, "snapshot-force", &file).status, 507);
    assert_eq!(root.get("secret/data/a").json()["data"]["data"]["n"], 2);
}

fn listing(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

pub fn a_save_that_is_killed_leaves_no_file_of_that_name() {
    // A server that never ends: it sends the beginning of a snapshot, and then nothing.
    let real = Server::dev().root().get(SNAPSHOT).body;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let home = TempDir::new();
    let name = home.path().join("s.snap");
    fs::write(&name, "what was there").unwrap();
    let args = ["snapshot", "save", name.to_str().unwrap()];
    let mut child = edgekeep(&address, &args).spawn().unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let _ = peer.read(&mut [0; 4096]).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", real.len());
    peer.write_all(&[head.as_bytes(), &real[..2000]].concat()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let partial = home.path().join(".s.snap.partial");
    while fs::metadata(&partial).map_or(0, |meta| meta.len()) == 0 {
        assert!(Instant::now() < deadline, "nothing arrives");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(fs::read(&name).unwrap(), b"what was there");

    // And one that breaks off.
    let child = edgekeep(&address, &args).spawn().unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let _ = peer.read(&mut [0; 4096]).unwrap();
    peer.write_all(&[head.as_bytes(), &real[..2000]].concat()).unwrap();
    drop(peer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert_eq!(fs::read(&name).unwrap(), b"what was there");
    assert!(!partial.exists());
}
