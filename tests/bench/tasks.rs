//! What is measured, one function each.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{self, Outcome, Shot};
use crate::machine;
use crate::server::Running;
use crate::{Options, Report};

/// What comes of a task.
pub type Done = Result<(), Box<dyn std::error::Error>>;

/// Connections of the heavy loads.
pub const MANY: usize = 64;

fn put(name: &str, value: u64) -> Shot {
    let body = json!({ "data": { "user": "app", "password": format!("s3cret-{value:016}") } });
    ("POST", format!("secret/data/{name}"), body.to_string().into_bytes())
}

/// Writes `count` secrets.
pub fn fill(running: &Running, count: usize) -> Done {
    let next = AtomicU64::new(0);
    let (next, count) = (&next, count as u64);
    let go_on = |_| next.load(Ordering::Relaxed) < count;
    load::run_while(running, MANY, &go_on, |_, _| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        put(&format!("app/s{number}"), number)
    })?;
    Ok(())
}

/// A read of a secret of [`fill`].
pub fn read(connection: usize, number: u64) -> Shot {
    let secret = (connection as u64 * 7919 + number * 31) % 1000;
    ("GET", format!("secret/data/app/s{secret}"), Vec::new())
}

/// A write of a secret of [`fill`].
pub fn write(connection: usize, number: u64) -> Shot {
    put(&format!("app/s{}", (connection as u64 * 13 + number) % 1000), number)
}

/// KV v2 reads with 1 and 64 connections.
pub fn reads(running: &Running, options: &Options, report: &mut Report) -> Done {
    for connections in [1, MANY] {
        let outcome = load::run(running, connections, options.seconds, read)?;
        tell(report, "reads", connections, &outcome);
    }
    Ok(())
}

/// Durable KV v2 writes with 1 and 64 connections.
pub fn writes(running: &Running, options: &Options, report: &mut Report) -> Done {
    for connections in [1, MANY] {
        let outcome = load::run(running, connections, options.seconds, write)?;
        tell(report, "writes", connections, &outcome);
    }
    Ok(())
}

/// The same with 64 connections, without an audit device, with a file, and with one that is synced.
pub fn audit(running: &Running, options: &Options, report: &mut Report) -> Done {
    let Some(folder) = running.folder() else { return Ok(()) };
    let file = folder.join("audit.log");
    for (kind, sync) in
        [("unaudited", None), ("audited", Some(false)), ("audited, synced", Some(true))]
    {
        if let Some(sync) = sync {
            let options = json!({ "file_path": file.to_str(), "sync": sync.to_string() });
            let device = json!({ "type": "file", "options": options });
            running.post("sys/audit/bench", &device)?;
        }
        let outcome = load::run(running, MANY, options.seconds, read)?;
        tell(report, &format!("reads, {kind}"), MANY, &outcome);
        let outcome = load::run(running, MANY, options.seconds, write)?;
        tell(report, &format!("writes, {kind}"), MANY, &outcome);
        if sync.is_some() {
            running.client()?.send("DELETE", "sys/audit/bench", b"")?;
        }
    }
    Ok(())
}

/// Notes what a load gave.
pub fn tell(report: &mut Report, what: &str, connections: usize, outcome: &Outcome) {
    let name = |figure: &str| format!("{what}, {connections} connections, {figure}");
    report.row(&name("rate"), json!(outcome.per_second.round()), "/s");
    report.row(&name("p50"), micros(outcome.p50), "us");
    report.row(&name("p99"), micros(outcome.p99), "us");
    if let Some(cpu) = outcome.cpu {
        report.row(&name("processor time"), micros(cpu), "us/request");
    }
}

/// A span as it is reported.
pub fn micros(span: Duration) -> Value {
    json!(span.as_micros() as u64)
}

/// Bytes that reach the device for a small write, one at a time.
pub fn device(running: &Running, report: &mut Report) -> Done {
    let folder = running.folder().map_or_else(|| ".".into(), ToOwned::to_owned);
    let before = machine::device_written(&folder)?;
    let mut client = running.client()?;
    for number in 0..200 {
        let (method, path, body) = put(&format!("app/s{number}"), number);
        client.send(method, &path, &body)?;
    }
    let after = machine::device_written(&folder)?;
    report.row("written to the device for a write", json!((after - before) / 200 / 1024), "KB");
    Ok(())
}

/// Resident memory with 1,000 secrets after some idle time.
pub fn memory(running: &Running, options: &Options, report: &mut Report) -> Done {
    let Some(pid) = running.pid() else { return Ok(()) };
    if let Some(resident) = machine::resident(pid) {
        report.row("resident memory after load", json!(resident / 1024), "MB");
    }
    if running.folder().is_some() {
        running.restart()?;
    }
    fill(running, 1000)?;
    thread::sleep(options.idle);
    if let Some(resident) = running.pid().and_then(machine::resident) {
        let megabytes = (resident as f64 / 102.4).round() / 10.0;
        report.row("resident memory, 1,000 secrets, idle", json!(megabytes), "MB");
    }
    Ok(())
}

/// From exec to an answer of sys/health after a clean stop: the median of eleven.
pub fn start(running: &Running, report: &mut Report) -> Done {
    let restart = |_| running.restart().map(|restarted| restarted.answered);
    let mut spans = (0..11).map(restart).collect::<Result<Vec<_>, _>>()?;
    spans.sort_unstable();
    report.row("start to first answer", json!(spans[5].as_millis() as u64), "ms");
    Ok(())
}

/// The binary's size.
pub fn size(report: &mut Report) -> Done {
    let bytes = fs::metadata(env!("CARGO_BIN_EXE_edgekeep"))?.len();
    report.row("binary", json!((bytes as f64 / 104_857.6).round() / 10.0), "MB");
    Ok(())
}

/// A snapshot of many secrets and its restore, and what writers feel meanwhile.
pub fn snapshot(running: &Running, options: &Options, report: &mut Report) -> Done {
    fill(running, options.secrets)?;
    let write = |connection: usize, number: u64| put(&format!("busy/c{connection}"), number);
    let quiet = load::run(running, 16, Duration::from_secs(3), write)?;
    report.row("writers' p99 before a snapshot", micros(quiet.p99), "us");
    let resident = || running.pid().and_then(machine::resident).unwrap_or(0);
    let (before, done) = (resident(), AtomicBool::new(false));
    let (mut taken, mut peak) = (None, before);
    let busy = thread::scope(|scope| {
        let writers =
            scope.spawn(|| load::run_while(running, 16, &|_| !done.load(Ordering::Relaxed), write));
        let started = Instant::now();
        let answer = running
            .client()
            .and_then(|mut client| client.send("GET", "sys/storage/raft/snapshot", b""));
        taken = Some((answer, started.elapsed()));
        peak = peak.max(resident());
        done.store(true, Ordering::Relaxed);
        writers.join().expect("no panic")
    })?;
    let Some((answer, span)) = taken else { return Ok(()) };
    let answer = answer?;
    if answer.status != 200 {
        report.row("snapshot", json!(answer.status), "(not offered by this server)");
        return Ok(());
    }
    report.row("snapshot", json!((span.as_secs_f64() * 100.0).round() / 100.0), "s");
    report.row("snapshot's size", json!(answer.body.len() >> 20), "MB");
    report.row("writers' p99 during the snapshot", micros(busy.p99), "us");
    report.row("memory grown by the snapshot", json!(peak.saturating_sub(before) / 1024), "MB");
    if let Some(folder) = running.folder() {
        let started = Instant::now();
        fs::copy(folder.join("data/edgekeep.redb"), folder.join("copy"))?;
        fs::File::open(folder.join("copy"))?.sync_all()?;
        let span = started.elapsed().as_secs_f64();
        report.row("a copy of the file", json!((span * 100.0).round() / 100.0), "s");
    }
    let started = Instant::now();
    let path = "sys/storage/raft/snapshot";
    let restored = running.client()?.send("POST", path, &answer.body)?;
    let span = (started.elapsed().as_secs_f64() * 100.0).round() / 100.0;
    report.row("restore", json!(span), if restored.status < 300 { "s" } else { "s (refused)" });
    Ok(())
}
