//! The server's log: how much is logged, and listening to it.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use support::http::Client;
use support::{ROOT, Server, TempDir, data, free_address};

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who listens by `sys/monitor`.
struct Ear {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Ear {
    fn open(address: &str, query: &str) -> Self {
        Self::ask(TcpStream::connect(address).unwrap(), query, "HTTP/1.1")
    }

    fn ask(mut stream: TcpStream, query: &str, version: &str) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!("Host: a\r\nX-Vault-Token: {ROOT}\r\n");
        write!(stream, "GET /v1/sys/monitor?{query} {version}\r\n{head}\r\n").unwrap();
        let mut ear = Self { stream: BufReader::new(stream), head: String::new() };
        while !ear.head.ends_with("\r\n\r\n") {
            assert_ne!(ear.stream.read_line(&mut ear.head).unwrap(), 0, "{}", ear.head);
        }
        ear
    }

    /// The next chunk; empty at the end.
    fn chunk(&mut self) -> String {
        let mut size = String::new();
        self.stream.read_line(&mut size).unwrap();
        let size =
            usize::from_str_radix(size.trim_end(), 16).unwrap_or_else(|_| panic!("{size:?}"));
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).unwrap();
        assert!(chunk.ends_with(b"\r\n"));
        String::from_utf8(chunk[..size].to_vec()).unwrap()
    }

    /// Listens until a line has `wanted` in it.
    fn hear(&mut self, wanted: &str) -> String {
        loop {
            let heard = self.chunk();
            assert!(!heard.is_empty(), "it ended before {wanted:?}");
            if let Some(line) = heard.lines().find(|line| line.contains(wanted)) {
                return line.to_owned();
            }
        }
    }

    /// Listens to the end.
    fn hear_out(&mut self) {
        while !self.chunk().is_empty() {}
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many threads of the server serve listeners.
fn streams(server: &Server) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    tasks.filter_map(|task| name(task.ok()?).ok()).filter(|name| name.trim() == "stream").count()
}

#[test]
fn a_level_holds_for_what_is_logged_from_then_on() {
    let server = Server::dev();
    let root = server.root();
    let logged = |text: &str| server.output().contains(text);
    root.get("sys/mounts");
    assert!(!logged("request: "), "a development server logs warnings");
    assert_eq!(root.post("sys/loggers/request", json!({ "level": "DEBUG" })).status, 204);
    let levels = data(&root.get("sys/loggers"));
    assert_eq!((&levels["request"], &levels["core"]), (&json!("debug"), &json!("warn")));
    root.get("cubbyhole/heard");
    until("the request is logged", || logged("GET cubbyhole/ 404"));
    assert_eq!(root.delete("sys/loggers/request").status, 204);
    assert_eq!(data(&root.get("sys/loggers/request")), json!({ "request": "warn" }));
    // Once it is heard nobody can make it logged any more.
    let mut ear = Ear::open(&server.address, "log_level=debug");
    root.get("identity/unheard");
    ear.hear("GET identity/");
    root.post("sys/loggers", json!({ "level": "trace" }));
    root.get("cubbyhole/again");
    until("requests are logged again", || server.output().matches("GET cubbyhole/").count() > 1);
    assert!(!logged("identity/"));
    assert_eq!(server.client().get("sys/loggers").status, 403);
}

#[test]
fn who_listens_hears_each_message_as_it_is_logged() {
    let server = Server::dev();
    let root = server.root();
    let mut ear = Ear::open(&server.address, "log_level=debug");
    assert!(ear.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", ear.head);
    assert!(ear.head.contains("Transfer-Encoding: chunked\r\n"), "{}", ear.head);
    assert!(ear.head.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{}", ear.head);
    assert!(!ear.head.contains("edgekeep"), "{}", ear.head);
    root.get("cubbyhole/a");
    let line = ear.hear("GET cubbyhole/ 404");
    assert!(line.contains(" [DEBUG] request: "), "{line}");

    let mut json_ear = Ear::open(&server.address, "log_level=debug&log_format=json");
    root.get("cubbyhole/b");
    ear.hear("GET cubbyhole/ 404");
    let line = json_ear.hear("cubbyhole/");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["@module"], &line["status"]), (&json!("request"), &json!(404)));

    for (query, words) in
        [("log_level=odd", "unknown log level"), ("log_format=odd", "unknown log format")]
    {
        let reply = root.get(&format!("sys/monitor?{query}"));
        assert_eq!((reply.status, &reply.json()["errors"][0]), (400, &json!(words)));
    }
    assert_eq!(server.client().get("sys/monitor").status, 403);
    assert_eq!(root.post("sys/monitor", json!({})).status, 405);

    // Whatever is heard, the server's own log has its own level.
    assert!(!server.output().contains("cubbyhole/"), "{}", server.output());
}

#[test]
fn who_knows_no_chunks_gets_plain_text() {
    let server = Server::dev();
    let stream = TcpStream::connect(&server.address).unwrap();
    let mut ear = Ear::ask(stream, "log_level=debug", "HTTP/1.0\r\nConnection: keep-alive");
    assert!(ear.head.contains("Connection: close\r\n"), "{}", ear.head);
    assert!(!ear.head.to_lowercase().contains("transfer-encoding"), "{}", ear.head);
    server.root().get("cubbyhole/a");
    let mut line = String::new();
    ear.stream.read_line(&mut line).unwrap();
    while !line.contains("GET cubbyhole/ 404") {
        line.clear();
        assert_ne!(ear.stream.read_line(&mut line).unwrap(), 0);
    }
    assert_eq!(server.root().post("sys/seal", json!({})).status, 204);
    ear.stream.read_to_string(&mut line).unwrap();
}

#[test]
fn nothing_is_left_of_who_has_gone() {
    let server = Server::dev();
    let ears: Vec<Ear> = (0..6).map(|_| Ear::open(&server.address, "")).collect();
    until("six listen", || streams(&server) == 6);
    drop(ears);
    until("nobody listens", || streams(&server) == 0);
    // More than can listen at once: the first make room.
    let mut ears: Vec<Ear> = (0..12).map(|_| Ear::open(&server.address, "")).collect();
    ears[..4].iter_mut().for_each(Ear::hear_out);
    until("eight listen", || streams(&server) == 8);
    server.root().post("sys/seal", json!({}));
    ears[4..].iter_mut().for_each(Ear::hear_out);
    until("nobody listens", || streams(&server) == 0);
}

#[test]
fn a_slow_reader_hinders_nobody() {
    let server = Server::dev();
    let mut ear = Ear::open(&server.address, "log_level=debug");
    let root = server.root();
    // Each is a line of its length.
    let path = format!("{}/a", "x".repeat(60_000));
    for _ in 0..150 {
        assert_eq!(root.get(&path).status, 404);
    }
    assert!(streams(&server) == 1, "it may still listen");
    let notice = ear.hear("messages were lost");
    assert!(notice.contains("[WARN]"), "{notice}");
    root.get("cubbyhole/a");
    ear.hear("GET cubbyhole/ 404");
}

/// A server with one worker that is not for development, and its root.
fn with_one_worker(folder: &TempDir) -> (Server, Client) {
    let address = free_address();
    let file = folder.path().join("edgekeep.hcl");
    let text = format!(
        "storage \"redb\" {{ path = {:?} }}\ndisable_mlock = true\n\
         limits {{\n  workers = 1\n  drain_timeout = \"120s\"\n}}\n\
         listener \"tcp\" {{\n  address = \"{address}\"\n  tls_disable = true\n}}\n",
        folder.path().join("data")
    );
    std::fs::write(&file, text).unwrap();
    let server = Server::start(&["server", &format!("-config={}", file.display())], address);
    let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let made = server.client().post("sys/init", split).json();
    server.client().post("sys/unseal", json!({ "key": made["keys"][0] }));
    let root = server.client().token(made["root_token"].as_str().unwrap());
    root.post("auth/token/create", json!({ "id": ROOT }));
    (server, root)
}

#[test]
fn listening_takes_no_worker_and_keeps_no_server_from_ending() {
    let folder = TempDir::new();
    let (server, root) = with_one_worker(&folder);
    let mut ears: Vec<Ear> = (0..8).map(|_| Ear::open(&server.address, "")).collect();
    for _ in 0..4 {
        assert_eq!(root.get("sys/mounts").status, 200);
    }
    let pid = Pid::from_raw(server.id().cast_signed()).unwrap();
    let begun = Instant::now();
    kill_process(pid, Signal::TERM).unwrap();
    ears.iter_mut().for_each(Ear::hear_out);
    let (success, output) = server.wait();
    assert!(success, "{output}");
    // Requests that run have longer to end: these are told to.
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}
