//! Streams that end: because somebody ends them, or nobody reads them.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{NOBODY, Server, TempDir, program};
use super::{edgekeep, text};

/// How long something may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A monitor that has heard a first line: the text of that.
fn monitor(
    home: &TempDir,
    server: &Server,
    more: &[&str],
) -> (Child, BufReader<impl Read>, String) {
    let address = format!("http://{}", server.address);
    let words = [&["monitor"], more].concat();
    let mut child = edgekeep(home, &address, &words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (heard, first) = std::sync::mpsc::channel();
    // Each request is logged, once somebody listens.
    let root = server.root();
    let writer = std::thread::spawn(move || {
        let deadline = Instant::now() + PATIENCE;
        while first.recv_timeout(Duration::from_millis(50)).is_err() && Instant::now() < deadline {
            root.get("sys/mounts");
        }
    });
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let _ = heard.send(());
    writer.join().unwrap();
    (child, lines, line)
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
}

pub fn a_monitor_ends_quietly_when_it_is_interrupted() {
    let (server, home) = (Server::dev(), TempDir::new());
    let (child, _lines, first) = monitor(&home, &server, &["-log-level=trace"]);
    assert!(first.contains("[DEBUG]") || first.contains("[TRACE]"), "{first}");
    interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()),
        (Some(0), "")
    );
}

pub fn a_monitor_ends_quietly_when_nobody_reads_it() {
    let (server, home) = (Server::dev(), TempDir::new());
    let more = ["-log-level=trace", "-log-format=json"];
    let (mut child, lines, first) = monitor(&home, &server, &more);
    assert!(first.starts_with('{'), "{first}");
    drop(lines);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        server.root().get("sys/mounts");
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(Instant::now() < deadline, "it goes on");
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
}

pub fn a_monitor_says_when_the_server_ends_the_stream() {
    let (server, home) = (Server::dev(), TempDir::new());
    let (child, _lines, _) = monitor(&home, &server, &["-log-level=trace"]);
    assert_eq!(server.root().post("sys/seal", serde_json::json!({})).status, 204);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(said, "The server ended the stream: it is sealed, or stopped.\n");
    assert_eq!(ended.status.code(), Some(0));
}

pub fn a_reader_that_goes_away_ends_the_command_quietly() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let home = TempDir::new();
    let ended = edgekeep(&home, NOBODY, &["version"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .unwrap();
    assert_eq!((text(&ended.stderr), ended.status.code()), (String::new(), Some(0)));
}

pub fn a_result_that_cannot_be_printed_is_no_success() {
    let home = TempDir::new();
    for line in ["version", "-help", "kv get -help", "read -output-curl-string x", "man kv"] {
        let words: Vec<&str> = line.split(' ').collect();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let ended = edgekeep(&home, NOBODY, &words).stdout(full).output().unwrap();
        let said = text(&ended.stderr);
        assert!(said.starts_with("the result cannot be printed: No space left"), "{line}: {said}");
        assert_eq!(ended.status.code(), Some(2), "{line}");
    }
}

pub fn a_closed_stdin_is_no_empty_value() {
    let home = TempDir::new();
    let line = format!("exec {} kv put secret/a x=- <&-", program());
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(home.path()).env_clear().env("HOME", home.path());
    let told = command.output().unwrap();
    assert!(text(&told.stderr).contains("stdin is closed"), "{}", text(&told.stderr));
    assert_eq!(told.status.code(), Some(1));
}
