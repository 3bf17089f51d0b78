//! What becomes of requests while devices move, fail and stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::log::{Log, hang_up, hash};
use crate::support::harness::needs;
use crate::support::http::{Client, Reply};
use crate::support::mount::Mount;
use crate::support::store::Store;
use crate::support::volume::does;
use crate::support::{Server, TempDir};

/// How long something may take that is to happen by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn put(client: &Client, name: &str) -> Reply {
    client.post(&format!("secret/data/{name}"), json!({ "data": { "name": name } }))
}

/// Looks again and again until it is so.
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::yield_now();
    }
}

fn degraded(server: &Server) -> Option<String> {
    let reply = server.client().get("sys/health?degradedcode=299");
    let text = reply.json()["degraded"].as_str().map(str::to_owned);
    assert_eq!(reply.status, if text.is_some() { 299 } else { 200 });
    text
}

pub fn moving_a_file_away_loses_and_doubles_nothing_under_load() {
    const MOVES: usize = 20;
    let server = Server::dev();
    let root = server.root();
    let folder = server.home.path().join("logs");
    let file = folder.join("audit.log");
    Log::enable(&root, "file", &file, json!({}));
    let (done, count) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let n = count.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(put(&root, &format!("n{n}")).status, 200);
                }
            });
        }
        for n in 0..MOVES {
            fs::rename(&file, folder.join(format!("audit.log.{n}"))).unwrap();
            hang_up(&server);
            eventually("the file is opened anew", || file.exists());
        }
        done.store(true, Ordering::Relaxed);
    });
    let mut entries = BTreeMap::<String, Vec<String>>::new();
    for name in (0..MOVES).map(|n| format!("audit.log.{n}")).chain(["audit.log".to_owned()]) {
        for entry in Log::at(&folder.join(name)).entries() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            if text(&entry["request"]["path"]).starts_with("secret/data/n") {
                let path = text(&entry["request"]["path"]);
                entries.entry(path).or_default().push(text(&entry["type"]));
            }
        }
    }
    assert_eq!(entries.len() as u64, count.load(Ordering::Relaxed));
    for (path, kinds) in entries {
        assert_eq!(kinds, ["request", "response"], "{path}");
    }
}

pub fn a_file_that_is_moved_away_is_written_on_until_it_is_told() {
    let server = Server::dev();
    let root = server.root();
    let (file, moved) = (server.home.path().join("a.log"), server.home.path().join("a.log.1"));
    Log::enable(&root, "file", &file, json!({}));
    fs::rename(&file, &moved).unwrap();
    put(&root, "x");
    assert!(!file.exists());
    Log::at(&moved).pair("secret/data/x");
}

pub fn a_full_disk_refuses_everything_and_all_is_well_once_there_is_room() {
    let disk = Mount::new("tmpfs", "tmpfs", "size=1m");
    let server = Server::dev();
    let root = server.root();
    let file = disk.root().join("audit.log");
    let log = Log::enable(&root, "file", &file, json!({ "sync": "true" }));
    assert_eq!(put(&root, "before").status, 200);
    assert_eq!(degraded(&server), None);
    let ballast = disk.fill(0);
    let refused = (0..1000).map(|n| put(&root, &format!("full{n}"))).find(|r| r.status != 200);
    let refused = refused.expect("the disk is never full");
    assert_eq!(refused.status, 500, "{}", refused.json());
    let text = refused.json()["errors"][0].as_str().unwrap().to_owned();
    assert!(text.contains("internal error"), "{text}");
    for (method, path) in [("GET", "secret/data/before"), ("DELETE", "secret/data/before")] {
        assert_eq!(root.send(method, path, None).status, 500, "{method}");
    }
    let told = degraded(&server).expect("health knows");
    assert!(told.contains("1 of 1 audit devices") && told.contains("refused"), "{told}");
    assert!(!told.contains(file.to_str().unwrap()), "health tells strangers no paths");
    assert!(server.output().contains("audit device file/"), "{}", server.output());

    fs::remove_file(ballast).unwrap();
    eventually("it is seen that there is room, though nobody asks", || degraded(&server).is_none());
    assert_eq!(root.get("secret/data/before").status, 200, "the delete was not carried out");
    assert!(server.output().contains("entries are written again"), "{}", server.output());
    log.entries();
}

pub fn a_request_that_nobody_is_told_of_is_not_carried_out() {
    let server = Server::dev();
    let root = server.root();
    let file = server.home.path().join("audit.log");
    Log::enable(&root, "file", &file, json!({}));
    assert_eq!(put(&root, "kept").status, 200);
    // From now on its disk is full.
    fs::rename(&file, server.home.path().join("old.log")).unwrap();
    symlink("/dev/full", &file).unwrap();
    hang_up(&server);
    eventually("requests are refused", || root.get("secret/data/kept").status == 500);
    assert_eq!(put(&root, "kept").status, 500);
    assert_eq!(put(&root, "new").status, 500);
    assert_eq!(root.delete("secret/metadata/kept").status, 500);
    assert_eq!(root.post("auth/token/create", json!({})).status, 500);
    assert_eq!(server.client().token("unknown").get("secret/data/kept").status, 500);
    assert_eq!(root.delete("sys/audit/file").status, 500);
    fs::remove_file(&file).unwrap();
    hang_up(&server);
    eventually("requests are carried out", || root.get("secret/data/kept").status == 200);
    assert_eq!(root.get("secret/data/kept").json()["data"]["metadata"]["version"], 1);
    assert_eq!(root.get("secret/data/new").status, 404);
}

pub fn one_of_two_devices_is_enough() {
    let server = Server::dev();
    let root = server.root();
    let (good, bad) = (server.home.path().join("good.log"), server.home.path().join("bad.log"));
    let log = Log::enable(&root, "good", &good, json!({}));
    Log::enable(&root, "bad", &bad, json!({}));
    fs::remove_file(&bad).unwrap();
    symlink("/dev/full", &bad).unwrap();
    hang_up(&server);
    eventually("one device fails", || {
        assert_eq!(put(&root, "x").status, 200);
        degraded(&server).is_some()
    });
    let told = degraded(&server).unwrap();
    assert!(told.contains("1 of 2 audit devices") && !told.contains("refused"), "{told}");
    assert_eq!(put(&root, "y").status, 200);
    log.pair("secret/data/y");
    assert_eq!(root.delete("sys/audit/bad").status, 204);
    assert_eq!(degraded(&server), None);
}

pub fn a_device_that_cannot_be_written_to_is_not_enabled() {
    let server = Server::dev();
    let root = server.root();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let unread = server.home.path().join("pipe");
    does(Command::new("mkfifo").arg(&unread)).unwrap();
    for body in [
        json!({ "type": "file", "options": { "file_path": unread.to_str() } }),
        json!({ "type": "file", "options": { "file_path": "/dev/full" } }),
        json!({ "type": "file", "options": { "file_path": server.home.path().to_str() } }),
        json!({ "type": "socket", "options": { "address": nobody } }),
        json!({ "type": "socket", "options": { "address": "/none", "socket_type": "unix" } }),
        json!({ "type": "syslog", "options": { "address": "/none" } }),
    ] {
        let reply = root.post("sys/audit/x", body.clone());
        assert_eq!(reply.status, 400, "{body}: {}", reply.json());
    }
    assert_eq!(root.get("sys/audit").json()["data"], json!({}));
    assert_eq!(put(&root, "x").status, 200);
}

pub fn a_file_has_the_mode_that_is_asked_for_and_is_never_executable() {
    let server = Server::dev();
    let root = server.root();
    let file = |name: &str| server.home.path().join("deep/er").join(name);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    for (name, asked, is) in
        [("a", None, 0o600), ("b", Some("0640"), 0o640), ("c", Some("0755"), 0o644)]
    {
        let options = asked.map_or(json!({}), |mode| json!({ "mode": mode }));
        Log::enable(&root, name, &file(name), options);
        assert_eq!(mode(&file(name)), is, "{asked:?}");
    }
    fs::write(file("d"), "").unwrap();
    fs::set_permissions(file("d"), fs::Permissions::from_mode(0o620)).unwrap();
    Log::enable(&root, "d", &file("d"), json!({ "mode": "0000" }));
    assert_eq!(mode(&file("d")), 0o620, "it is left alone");
}

pub fn a_log_does_not_lie_in_the_stores_folder() {
    let folder = TempDir::new();
    let server = Server::dev_in(&folder.path().join("data"));
    for file in ["edgekeep.redb", "audit.log", "deep/er/audit.log"] {
        let file = folder.path().join("data/data").join(file);
        let body = json!({ "type": "file", "options": { "file_path": file.to_str() } });
        assert_eq!(server.root().post("sys/audit/x", body).status, 400, "{}", file.display());
    }
    Log::enable(&server.root(), "x", &folder.path().join("audit.log"), json!({}));
}

pub fn a_peer_that_reads_nothing_holds_nobody_up_for_longer_than_it_may() {
    let server = Server::dev();
    let root = server.root();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let options =
        json!({ "address": peer.local_addr().unwrap().to_string(), "write_timeout": "2s" });
    let body = json!({ "type": "socket", "options": options });
    assert_eq!(root.post("sys/audit/socket", body).status, 204);
    let (_silent, _) = peer.accept().unwrap();
    let big = json!({ "data": { "filling": vec!["x"; 2000] } });
    // In less than sixteen would take one after the other.
    let soon = Duration::from_secs(20);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let began = Instant::now();
        let reply = root.post("secret/data/big", big.clone());
        let took = began.elapsed();
        assert!(took < soon, "{took:?}");
        if reply.status == 500 {
            break;
        }
        assert!(Instant::now() < deadline, "it takes for ever");
    }
    // Many at once wait together, not one after the other.
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| put(&root, "x"));
        }
    });
    let took = began.elapsed();
    assert!(took < soon, "{took:?}");
}

pub fn a_peer_that_comes_back_is_found_again() {
    let server = Server::dev();
    let root = server.root();
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    let body = json!({ "type": "socket", "options": { "address": address.to_string() } });
    assert_eq!(root.post("sys/audit/socket", body).status, 204);
    let (first, _) = peer.accept().unwrap();
    drop((first, peer));
    assert_eq!(put(&root, "nobody").status, 500, "it is gone");
    let peer = TcpListener::bind(address).unwrap();
    assert_eq!(put(&root, "again").status, 200);
    let (mut second, _) = peer.accept().unwrap();
    let mut text = String::new();
    while text.lines().count() < 2 {
        let mut piece = [0; 4096];
        let n = second.read(&mut piece).unwrap();
        text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
    }
    assert!(text.lines().all(|line| line.contains("secret/data/again")), "{text}");
}

pub fn the_machines_log_is_sent_packets_and_found_again() {
    let server = Server::dev();
    let root = server.root();
    let place = server.home.path().join("log.socket");
    let daemon = UnixDatagram::bind(&place).unwrap();
    let options = json!({ "facility": "local3", "tag": "keep", "address": place.to_str() });
    let body = json!({ "type": "syslog", "options": options });
    assert_eq!(root.post("sys/audit/syslog", body).status, 204);
    let receive = |daemon: &UnixDatagram| {
        let mut packet = vec![0; 1 << 16];
        let n = daemon.recv(&mut packet).unwrap();
        String::from_utf8(packet[..n].to_vec()).unwrap()
    };
    let first = receive(&daemon);
    assert!(first.starts_with(&format!("<{}>", 19 * 8 + 6)), "{first}");
    let (head, entry) = first.split_once("]: ").unwrap();
    assert!(head.contains(&format!(" keep[{}", server.id())), "{first}");
    let entry: Value = serde_json::from_str(entry).unwrap();
    assert_eq!(entry["request"]["path"], "sys/audit/test");
    drop(daemon);
    fs::remove_file(&place).unwrap();
    assert_eq!(put(&root, "x").status, 500);
    let daemon = UnixDatagram::bind(&place).unwrap();
    assert_eq!(put(&root, "y").status, 200);
    assert!(receive(&daemon).contains("secret/data/y"));
}

pub fn devices_and_their_hashes_outlive_the_server() {
    let folder = TempDir::new();
    let data = folder.path().join("data");
    let (store, server) = Store::make(&data);
    let root = store.root(&server);
    let file = folder.path().join("audit.log");
    let log = Log::enable(&root, "file", &file, json!({ "hmac_accessor": "false" }));
    let before = hash(&root, "file", "text");
    drop(server);
    let server = store.start();
    let root = store.root(&server);
    assert_eq!(hash(&root, "file", "text"), before);
    let entries = log.entries();
    assert!(entries.iter().any(|entry| entry["request"]["path"] == "sys/audit-hash/file"));
}

pub fn a_sealed_server_holds_no_file() {
    let server = Server::dev();
    let root = server.root();
    let file = server.home.path().join("audit.log");
    Log::enable(&root, "file", &file, json!({}));
    let holds = || {
        // It lets nobody but root look.
        let open = needs("its open files", fs::read_dir(format!("/proc/{}/fd", server.id())));
        let mut open = open.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
        open.any(|open| open == file)
    };
    assert!(holds());
    assert_eq!(root.send("PUT", "sys/seal", None).status, 204);
    assert!(!holds());
}

/// Writes until the server is killed; the names that were acknowledged.
fn write_until_killed(root: &Client, writer: usize) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for n in 0.. {
        let name = format!("w{writer}n{n}");
        let body = json!({ "data": { "name": name } });
        match root.ask("POST", &format!("secret/data/{name}"), Some(&body)) {
            Ok(reply) if reply.status == 200 => drop(acknowledged.insert(name)),
            _ => break,
        }
    }
    acknowledged
}

pub fn every_acknowledged_write_has_its_line_after_a_kill() {
    const KILLS: usize = 5;
    let folder = TempDir::new();
    let (store, mut server) = Store::make(&folder.path().join("data"));
    let file = folder.path().join("audit.log");
    let root = store.root(&server);
    let mount = json!({ "type": "kv", "options": { "version": "2" } });
    assert_eq!(root.post("sys/mounts/secret", mount).status, 204);
    Log::enable(&root, "file", &file, json!({ "sync": "true" }));
    let mut acknowledged = BTreeSet::new();
    for kill in 0..KILLS {
        let root = store.root(&server);
        thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| {
                    let root = &root;
                    scope.spawn(move || write_until_killed(root, kill * 4 + writer))
                })
                .collect();
            let lines = |file: &Path| fs::read_to_string(file).unwrap().lines().count();
            let begun = lines(&file);
            eventually("there is load", || lines(&file) > begun + 200);
            server.kill();
            for writer in writers {
                acknowledged.extend(writer.join().unwrap());
            }
        });
        server = store.start();
    }
    let text = fs::read_to_string(&file).unwrap();
    // A line can be cut short where the server was killed, and is nobody's who was answered.
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in entries {
        let path = entry["request"]["path"].as_str().unwrap().to_owned();
        let kind = entry["type"].as_str().unwrap().to_owned();
        told.entry(path).or_default().insert(kind);
    }
    assert!(acknowledged.len() > KILLS);
    for name in acknowledged {
        let kinds = &told[&format!("secret/data/{name}")];
        assert_eq!(kinds.len(), 2, "{name}: {kinds:?}");
    }
    // What is in the store has its line, acknowledged or not.
    let root = store.root(&server);
    let kept = root.list("secret/metadata").json()["data"]["keys"].clone();
    for name in kept.as_array().unwrap() {
        let path = format!("secret/data/{}", name.as_str().unwrap());
        assert!(told[&path].contains("request"), "{path}");
    }
}
