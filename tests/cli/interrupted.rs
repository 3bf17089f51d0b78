//! Ctrl-C while a server loads what one command alone needs.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::canned::{answer, serve};
use super::support::{TempDir, eventually};
use super::{edgekeep, text};

/// Interrupts a process, and waits until it has heard that: all of it sleeps again.
fn interrupt(id: u32) {
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    // Twice: one may have slept while another, which was looked at later, kept it waiting.
    eventually("it was heard", || sleeps(id) && sleeps(id));
}

/// Whether no thread of it runs or has a signal to hear.
fn sleeps(id: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("status"))).all(|status| {
        let status = status.unwrap_or_default();
        let said = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let has_heard = said("ShdPnd:").is_some_and(|mask| mask.bytes().all(|digit| digit == b'0'));
        has_heard && said("State:").is_some_and(|state| state.starts_with('S'))
    })
}

pub fn what_is_loaded_for_a_comparison_is_unloaded() {
    let home = TempDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut command = edgekeep(&home, &address, &["snapshot", "diff", "box@1", "box@2"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut asked = Vec::new();
    let loaded = answer("200 OK", "", r#"{"request_id":"r","data":{"snapshot_id":"ID"}}"#);
    serve(listener.accept().unwrap().0, &loaded, |request| {
        asked.push(request);
        interrupt(child.id());
    });
    let unloaded = answer("204 No Content", "", "");
    serve(listener.accept().unwrap().0, &unloaded, |request| asked.push(request));
    let ended = child.wait_with_output().unwrap();
    let lines: Vec<&str> = asked.iter().filter_map(|request| request.lines().next()).collect();
    assert_eq!(
        lines,
        [
            "POST /v1/sys/snapshots/targets/box/load HTTP/1.1",
            "DELETE /v1/sys/storage/raft/snapshot-load/ID HTTP/1.1"
        ]
    );
    assert_eq!((text(&ended.stderr).as_str(), ended.status.code()), ("Interrupted\n", Some(1)));
}
