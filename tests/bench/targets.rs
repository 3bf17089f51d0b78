//! Snapshots and journal on a target: what writers pay for the journal, and how long it takes to
//! put a big store there and to go back to an instant of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load;
use crate::machine;
use crate::server::Running;
use crate::tasks::{Done, MANY, fill, micros, write};
use crate::{Options, Report};

const CONFIG: &str = "sys/storage/raft/snapshot-auto/config/bench";
const STATUS: &str = "sys/snapshots/targets/bench";
/// How many transactions a restore goes through behind the snapshot.
const LATER: u64 = 10_000;
/// A target that takes longer than this is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Writes with and without a journal, in turn, so that a drift of the machine shows.
pub fn journal(running: &Running, options: &Options, report: &mut Report) -> Done {
    let (mut without, mut with) = (0.0, 0.0);
    for round in 1..=3 {
        let plain = load::run(running, MANY, options.seconds, write)?;
        let folder = begin(running, options, round)?;
        let journaled = load::run(running, MANY, options.seconds, write)?;
        report.row(&format!("writes/s without a journal, round {round}"), whole(&plain), "/s");
        report.row(&format!("writes/s with a journal, round {round}"), whole(&journaled), "/s");
        report.row("p99 without a journal", micros(plain.p99), "us");
        report.row("p99 with a journal", micros(journaled.p99), "us");
        (without, with) = (without + plain.per_second, with + journaled.per_second);
        let span = caught_up(running)?;
        report.row("until the target has it all", seconds(span), "s");
        end(running, &folder)?;
    }
    report.row("writes with a journal", json!(((with / without) * 100.0).round()), "% of without");
    Ok(())
}

/// A snapshot of many secrets to a target, transactions behind it, and the way back to the last
/// instant.
pub fn target(running: &Running, options: &Options, report: &mut Report) -> Done {
    fill(running, options.secrets)?;
    let resident = || running.pid().and_then(machine::resident).unwrap_or(0) / 1024;
    let (before, started) = (resident(), Instant::now());
    let folder = begin(running, options, 0)?;
    report.row("a snapshot on the target, verified", seconds(started.elapsed()), "s");
    report.row("memory grown by that", json!(resident().saturating_sub(before)), "MB");
    let sent = AtomicU64::new(0);
    let go_on = |_| sent.load(Ordering::Relaxed) < LATER;
    let later = load::run_while(running, 1, &go_on, |connection, number| {
        sent.fetch_add(1, Ordering::Relaxed);
        write(connection, number)
    })?;
    report.row(&format!("{LATER} transactions"), whole(&later), "/s");
    report.row("until the target has them", seconds(caught_up(running)?), "s");
    report.row("bytes on the target", json!(length(&folder)? >> 20), "MB");
    let (before, started) = (resident(), Instant::now());
    let wish = json!({ "at": "latest", "dry_run": false });
    running.post(&format!("{STATUS}/restore"), &wish)?;
    report.row("restore to the last instant", seconds(started.elapsed()), "s");
    report.row("memory grown by that", json!(resident().saturating_sub(before)), "MB");
    end(running, &folder)
}

/// Declares a target and waits until it has its first snapshot.
fn begin(running: &Running, options: &Options, round: u32) -> Result<PathBuf, Failure> {
    let folder = options.data.join(format!("bench-target-{}-{round}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let settings = json!({
        "interval": "24h", "storage_type": "file", "path_prefix": folder, "journal": true,
    });
    running.post(CONFIG, &settings)?;
    wait(running, |status| status["last_good"].is_object())?;
    Ok(folder)
}

fn end(running: &Running, folder: &Path) -> Done {
    running.client()?.send("DELETE", CONFIG, b"")?;
    Ok(fs::remove_dir_all(folder)?)
}

fn caught_up(running: &Running) -> Result<Duration, Failure> {
    let started = Instant::now();
    wait(running, |status| status["journal"]["behind"] == 0)?;
    Ok(started.elapsed())
}

type Failure = Box<dyn std::error::Error>;

fn wait(running: &Running, done: impl Fn(&Value) -> bool) -> Done {
    let (started, mut client) = (Instant::now(), running.client()?);
    while started.elapsed() < PATIENCE {
        let answer = client.send("GET", STATUS, b"")?;
        if answer.status == 200 && done(&serde_json::from_slice::<Value>(&answer.body)?["data"]) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("the target was given up".into())
}

fn length(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { length(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}

fn whole(outcome: &load::Outcome) -> Value {
    json!(outcome.per_second.round())
}

fn seconds(span: Duration) -> Value {
    json!((span.as_secs_f64() * 100.0).round() / 100.0)
}
