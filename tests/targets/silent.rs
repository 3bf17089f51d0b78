//! A server that accepts and never answers: who asks for the target waits, and nobody else.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::support::http::Client;
use super::support::store::Store;
use super::support::{Server, TempDir, data, eventually};

/// As many as there are workers, and some.
const ASKING: usize = 34;
/// So many wait for a target.
const WAITING: usize = 4;
/// Far below the minute for which a target may stand still.
const SOON: Duration = Duration::from_secs(30);

/// Somebody who accepts and is silent, until the end of the test's process.
fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    address
}

/// A server that ends soon, and a client with its root token.
fn server(home: &TempDir) -> (Store, Server, Client) {
    let limits = "limits {\n  drain_timeout = \"1s\"\n}\n";
    let (store, server) = Store::configured(&home.path().join("data"), limits);
    let root = store.root(&server);
    (store, server, root)
}

fn set(root: &Client, name: &str, address: &str) {
    let url = format!("http://{address}");
    let target = json!({
        "storage_type": "http", "interval": "24h", "http_url": url, "http_allow_plain": true,
        "journal": true,
    });
    let set = root.post(&format!("sys/storage/raft/snapshot-auto/config/{name}"), target);
    assert_eq!(set.status, 204, "{}", set.json());
}

pub fn few_wait_for_a_target_that_hangs_and_all_others_are_served() {
    let home = TempDir::new();
    let (store, server, root) = server(&home);
    let kv = json!({ "type": "kv" });
    assert_eq!(root.post("sys/mounts/secret", kv).status, 204);
    assert_eq!(root.post("secret/a", json!({ "b": "c" })).status, 204);
    set(&root, "mute", &silent());
    let (answered, answers) = channel();
    for number in 0..ASKING {
        let (root, answered) = (root.clone(), answered.clone());
        thread::spawn(move || {
            let target = "sys/snapshots/targets/mute";
            let reply = match number % 4 {
                0 => root.ask("POST", &format!("{target}/load"), Some(&json!({ "at": "latest" }))),
                1 => root.ask("GET", &format!("{target}/log"), None),
                2 => {
                    let dry = json!({ "at": "latest", "dry_run": true });
                    root.ask("POST", &format!("{target}/restore"), Some(&dry))
                }
                _ => root.ask("POST", &format!("{target}/forget"), Some(&json!({}))),
            };
            let _ = answered.send(reply);
        });
    }
    let begun = Instant::now();
    for _ in WAITING..ASKING {
        let reply = answers.recv_timeout(SOON).expect("it waits, too").unwrap();
        let text = reply.json()["errors"][0].as_str().unwrap_or_default().to_owned();
        assert_eq!(reply.status, 503, "{text}");
        assert!(text.contains("4 requests wait for the target mute already"), "{text}");
        assert!(text.contains("try again"), "{text}");
    }
    assert_eq!(root.get("secret/a").json()["data"]["b"], "c");
    // Nor do they hold up another target.
    let folder = home.path().join("disk");
    fs::create_dir(&folder).unwrap();
    let disk = json!({ "storage_type": "file", "interval": "24h", "path_prefix": folder });
    assert_eq!(root.post("sys/storage/raft/snapshot-auto/config/disk", disk).status, 204);
    let load = |name: &str| {
        let path = format!("sys/snapshots/targets/{name}/load");
        root.post(&path, json!({ "at": "latest" }))
    };
    eventually("one is loaded from there", || load("disk").status == 200);
    assert!(begun.elapsed() < SOON);

    // And the end of the server waits for none of them.
    let pid = Pid::from_raw(server.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let (ended, end) = channel();
    thread::spawn(move || ended.send(server.wait()));
    let (success, output) = end.recv_timeout(SOON).expect("it waits for a target that hangs");
    assert!(success, "{output}");
    // The store is closed as ever: the next start need not look through all of it.
    let again = store.start_sealed().output();
    assert!(!again.contains("was not closed"), "{again}");
}

pub fn many_targets_that_hang_hold_half_of_the_workers() {
    let home = TempDir::new();
    let (_, _server, root) = server(&home);
    let names: Vec<String> = (0..6).map(|number| format!("mute{number}")).collect();
    names.iter().for_each(|name| set(&root, name, &silent()));
    let (answered, answers) = channel();
    for name in names.iter().flat_map(|name| [name; WAITING]) {
        let (root, answered) = (root.clone(), answered.clone());
        let path = format!("sys/snapshots/targets/{name}/log");
        thread::spawn(move || answered.send(root.ask("GET", &path, None)));
    }
    let mut told = BTreeMap::<String, usize>::new();
    for _ in 16..6 * WAITING {
        let reply = answers.recv_timeout(SOON).expect("it waits, too").unwrap().json();
        *told.entry(reply["errors"][0].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    assert!(told.keys().all(|text| text.starts_with("16 requests wait for targets")), "{told:?}");
}

/// A WebDAV server with a snapshot of each of these stores, by its name.
fn listing(stores: Vec<String>) -> (String, Arc<Silence>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let silence = Arc::new(Silence::default());
    let told = silence.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (stores, silence) = (stores.clone(), silence.clone());
            thread::spawn(move || serve(&stream, &stores, &silence));
        }
    });
    (address, told)
}

/// To which method such a server is silent, and how many wait for it.
#[derive(Default)]
struct Silence {
    kept: Mutex<(Option<&'static str>, usize)>,
    changed: Condvar,
}

impl Silence {
    fn to(&self, method: Option<&'static str>) {
        *self.kept.lock().unwrap() = (method, 0);
        self.changed.notify_all();
    }

    fn waiting(&self) -> usize {
        self.kept.lock().unwrap().1
    }

    fn keep(&self, method: &str) {
        let mut kept = self.kept.lock().unwrap();
        if kept.0 == Some(method) {
            kept.1 += 1;
            drop(self.changed.wait_while(kept, |kept| kept.0 == Some(method)).unwrap());
        }
    }
}

/// Answers each request of a connection; `None` is its end.
fn serve(stream: &TcpStream, stores: &[String], silence: &Silence) -> Option<()> {
    const FOLDER: &str = "<resourcetype><collection/></resourcetype>";
    const FILE: &str = "<resourcetype/><getcontentlength>9999</getcontentlength>";
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(&[String::new()]) {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|length| *length > 0)?;
            head.push(line.trim_end().to_owned());
        }
        let length = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<u64>().ok())?
        });
        io::copy(&mut (&mut lines).take(length.unwrap_or_default()), &mut io::sink()).ok()?;
        let mut words = head[0].split(' ');
        let (method, path) = (words.next()?, words.next()?);
        silence.keep(method);
        let name = "vault-snapshot-1800000000000000000.1-00112233445566aa.0000000000000001.\
                    00112233445566bb.snap";
        let here = path.trim_matches('/');
        let inside: Vec<(String, &str)> = match stores.iter().any(|store| store == here) {
            true => vec![(format!("/{here}/{name}"), FILE)],
            false => stores.iter().map(|store| (format!("/{store}/"), FOLDER)).collect(),
        };
        let own = (format!("/{here}/").replace("//", "/"), FOLDER);
        let entries = [own].into_iter().chain(inside).map(|(path, kind)| {
            format!(
                "<response><href>{path}</href><propstat><prop>{kind}</prop>\
                 <status>HTTP/1.1 200 OK</status></propstat></response>"
            )
        });
        let body = entries.collect::<String>();
        let body = format!("<multistatus xmlns=\"DAV:\">{body}</multistatus>");
        let status = if method == "PROPFIND" { "207 Multi-Status" } else { "500 No" };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        (&*stream).write_all(answer.as_bytes()).ok()?;
    }
}

const LIST: &str = "sys/snapshots/targets/mute/list?all=true";

/// A target that lists a snapshot of three stores, and has been seen to.
fn seen(root: &Client) -> Arc<Silence> {
    let store = |n| format!("0011223{n}-4455-6677-8899-aabbccddeeff");
    let (address, silence) = listing((0..3).map(store).collect());
    set(root, "mute", &address);
    eventually("it is seen what lies there", || {
        data(&root.get(LIST))["snapshots"].as_array().is_some_and(|all| all.len() == 3)
    });
    silence
}

pub fn what_is_known_of_one_that_hangs_is_told_without_it() {
    let home = TempDir::new();
    let (_, _server, root) = server(&home);
    seen(&root).to(Some("PROPFIND"));
    let (answered, answer) = channel();
    let asking = root.clone();
    thread::spawn(move || answered.send(asking.get(&format!("{LIST}&check=true"))));
    let told = data(&answer.recv_timeout(SOON).expect("it waits for what hangs"));
    assert_eq!(told["snapshots"].as_array().map(Vec::len), Some(3), "{told}");
}

pub fn who_lists_one_that_hangs_keeps_no_key_of_a_sealed_server() {
    let home = TempDir::new();
    let (store, server) = Store::configured(&home.path().join("data"), "disable_mlock = false\n");
    let root = store.root(&server);
    let silence = seen(&root);
    for (method, path) in [("PROPFIND", LIST.to_owned()), ("GET", format!("{LIST}&check=true"))] {
        silence.to(Some(method));
        thread::scope(|scope| {
            let lists = scope.spawn(|| root.get(&path));
            eventually("it hangs", || {
                let runs = root.get("sys/in-flight-req").json().to_string();
                silence.waiting() > 0 && runs.contains("/mute/list")
            });
            assert_ne!(server.locked(), 0);
            assert_eq!(root.post("sys/seal", json!({})).status, 204);
            eventually("no key is left", || server.locked() == 0 || lists.is_finished());
            assert!(!lists.is_finished(), "{method}: it kept the keys until the target answered");
            silence.to(None);
            let answer = lists.join().unwrap();
            assert_eq!(answer.json()["errors"][0], "Vault is sealed", "{answer:?}");
        });
        store.unseal(&server);
    }
}
