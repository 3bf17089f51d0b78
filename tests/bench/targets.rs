//! Snapshots and journal on a target: what writers pay for the journal, and how long it takes to
//! put a big store there and to go back to an instant of it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load;
use crate::machine;
use crate::places::{self, Place};
use crate::server::Running;
use crate::support::TempDir;
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
        let folder = Place::folder(TempDir::new());
        begin(running, &folder.settings)?;
        let journaled = load::run(running, MANY, options.seconds, write)?;
        report.row(&format!("writes/s without a journal, round {round}"), whole(&plain), "/s");
        report.row(&format!("writes/s with a journal, round {round}"), whole(&journaled), "/s");
        report.row("p99 without a journal", micros(plain.p99), "us");
        report.row("p99 with a journal", micros(journaled.p99), "us");
        (without, with) = (without + plain.per_second, with + journaled.per_second);
        let span = caught_up(running)?;
        report.row("until the target has it all", seconds(span), "s");
        end(running)?;
    }
    report.row("writes with a journal", json!(((with / without) * 100.0).round()), "% of without");
    Ok(())
}

/// A snapshot of many secrets to a target of each kind, transactions behind it, and the way back to
/// the last instant.
pub fn all(running: &Running, options: &Options, report: &mut Report) -> Done {
    fill(running, options.secrets)?;
    places::all().into_iter().try_for_each(|place| target(running, &place, report))
}

fn target(running: &Running, place: &Place, report: &mut Report) -> Done {
    let kind = place.kind;
    let mut row = |what: &str, value: Value, unit: &str| {
        report.row(&format!("{kind}: {what}"), value, unit);
    };
    let resident = || running.pid().and_then(machine::resident).unwrap_or(0) / 1024;
    let (before, started) = (resident(), Instant::now());
    begin(running, &place.settings)?;
    row("a snapshot, verified", seconds(started.elapsed()), "s");
    row("memory grown by that", json!(resident().saturating_sub(before)), "MB");
    let sent = AtomicU64::new(0);
    let go_on = |_| sent.load(Ordering::Relaxed) < LATER;
    let later = load::run_while(running, 1, &go_on, |connection, number| {
        sent.fetch_add(1, Ordering::Relaxed);
        write(connection, number)
    })?;
    row(&format!("{LATER} transactions"), whole(&later), "/s");
    row("until it has them", seconds(caught_up(running)?), "s");
    row("bytes there", json!(length(&place.folder)? >> 20), "MB");
    let (before, started) = (resident(), Instant::now());
    let wish = json!({ "at": "latest", "dry_run": false });
    running.post(&format!("{STATUS}/restore"), &wish)?;
    row("restore to the last instant", seconds(started.elapsed()), "s");
    row("memory grown by that", json!(resident().saturating_sub(before)), "MB");
    end(running)
}

/// Declares a target and waits until it has its first snapshot.
fn begin(running: &Running, place: &Value) -> Done {
    let mut settings = json!({ "interval": "24h", "journal": true });
    for (name, value) in place.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    running.post(CONFIG, &settings)?;
    wait(running, |status| status["last_good"].is_object())
}

fn end(running: &Running) -> Done {
    running.client()?.send("DELETE", CONFIG, b"")?;
    Ok(())
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
