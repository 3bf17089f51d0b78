//! Many live leases: what they cost in memory and at an unseal, and what readers feel when many end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::load::{self, Outcome, Shot};
use crate::machine;
use crate::server::Running;
use crate::tasks::{Done, micros};
use crate::{Options, Report};

/// Connections that make tokens, and that read.
const MANY: usize = 64;
const READERS: usize = 16;

/// How many leases end within one minute.
const ENDING: u64 = 10_000;
/// How long they live: long enough to make them all.
const SHORT: Duration = Duration::from_secs(30);

/// Makes `--leases` tokens that live for a day, restarts over them, and lets others end.
pub fn leases(running: &Running, options: &Options, report: &mut Report) -> Done {
    let resident = || running.pid().and_then(machine::resident).unwrap_or(0) / 1024;
    let few = running.restart()?;
    let before = resident();
    let made = make(running, options.leases, "24h")?;
    report.row("tokens made, 64 connections", json!(made.per_second.round()), "/s");
    let many = running.restart()?;
    report.row("unseal with few leases", micros(few.unsealed), "us");
    report.row(&format!("unseal with {} leases", options.leases), micros(many.unsealed), "us");
    read(running, Duration::from_secs(2))?;
    report.row("resident memory with few leases", json!(before), "MB");
    report.row(&format!("resident memory with {} leases", options.leases), json!(resident()), "MB");
    let quiet = read(running, options.seconds)?;
    let started = Instant::now();
    make(running, ENDING, &format!("{}s", SHORT.as_secs()))?;
    // From the last one's end on, through the minute at whose begin they are looked for.
    thread::sleep(SHORT.saturating_sub(started.elapsed()));
    let ending = read(running, Duration::from_secs(75))?;
    report.row("reads' p99 while no lease ends", micros(quiet.p99), "us");
    report.row(&format!("reads' p99 while {ENDING} leases end"), micros(ending.p99), "us");
    Ok(())
}

fn make(running: &Running, count: u64, ttl: &str) -> std::io::Result<Outcome> {
    let next = AtomicU64::new(0);
    let go_on = |_| next.load(Ordering::Relaxed) < count;
    let body = json!({ "policies": ["default"], "ttl": ttl, "no_parent": true }).to_string();
    load::run_while(running, MANY, &go_on, |_, _| -> Shot {
        next.fetch_add(1, Ordering::Relaxed);
        ("POST", "auth/token/create".to_owned(), body.clone().into_bytes())
    })
}

fn read(running: &Running, span: Duration) -> std::io::Result<Outcome> {
    load::run(running, READERS, span, |connection, number| {
        let secret = (connection as u64 * 7919 + number * 31) % 1000;
        ("GET", format!("secret/data/app/s{secret}"), Vec::new())
    })
}
