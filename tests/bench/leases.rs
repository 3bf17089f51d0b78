//! Many live leases: what they cost in memory and at an unseal, and what others feel when many end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::{self, Outcome, Shot};
use crate::machine;
use crate::server::Running;
use crate::tasks::{Done, micros, read as a_read};
use crate::{Options, Report};

/// Connections that make tokens, and that read.
const MANY: usize = 64;
const READERS: usize = 16;
/// Connections that log in where many logins have ended.
const COMING: usize = 2;

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

/// Removes an auth mount through which `--leases` logins came, while others come through a new one
/// at the same path.
pub fn ended(running: &Running, options: &Options, report: &mut Report) -> Done {
    running.post("sys/quotas/lease-count/bench", &json!({ "max_leases": 100_000_000 }))?;
    mount(running)?;
    let next = AtomicU64::new(0);
    let go_on = |_| next.load(Ordering::Relaxed) < options.leases;
    let made = load::run_while(running, MANY, &go_on, |_, _| log_in(&next))?;
    report.row("logins, 64 connections", json!(made.per_second.round()), "/s");
    let quiet = read(running, options.seconds)?;
    report.row("reads' p99 before a mount goes", micros(quiet.p99), "us");
    let (started, since, gone) = (Instant::now(), AtomicU64::new(0), AtomicBool::new(false));
    running.client()?.send("DELETE", "sys/auth/bench", b"")?;
    report.row("disabling the mount", micros(started.elapsed()), "us");
    mount(running)?;
    let go_on = |_: Instant| !gone.load(Ordering::Relaxed);
    let [reads, logins] = thread::scope(|scope| {
        let reads = scope.spawn(|| load::run_while(running, READERS, &go_on, a_read));
        let logins =
            scope.spawn(|| load::run_while(running, COMING, &go_on, |_, _| log_in(&since)));
        let waited = wait_for(running, &since);
        gone.store(true, Ordering::Relaxed);
        let outcomes = [reads, logins].map(|thread| thread.join().expect("no panic"));
        waited.map(|()| outcomes)
    })?;
    let span = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    report.row(&format!("removing {} leases of the mount", options.leases), json!(span), "s");
    report.row("reads' p99 meanwhile", micros(reads?.p99), "us");
    report.row("p99 of logins through the new mount meanwhile", micros(logins?.p99), "us");
    Ok(())
}

/// Waits until no more leases are left than logins were sent.
fn wait_for(running: &Running, sent: &AtomicU64) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = running.client()?;
    loop {
        let answer = client.send("GET", "sys/quotas/lease-count/bench", b"")?;
        let quota: Value = serde_json::from_slice(&answer.body)?;
        let left = quota["data"]["counter"].as_u64().ok_or("the leases are not counted")?;
        if left <= sent.load(Ordering::Relaxed) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

const ROLE: &str = "the role of the bench";

/// Mounts a method through which one can log in by the id of a role alone.
fn mount(running: &Running) -> Done {
    running.post("sys/auth/bench", &json!({ "type": "approle" }))?;
    let terms = json!({
        "role_id": ROLE,
        "bind_secret_id": false,
        "secret_id_bound_cidrs": ["127.0.0.0/8"],
        "token_ttl": "24h",
    });
    running.post("auth/bench/role/app", &terms)?;
    Ok(())
}

fn log_in(sent: &AtomicU64) -> Shot {
    sent.fetch_add(1, Ordering::Relaxed);
    ("POST", "auth/bench/login".to_owned(), json!({ "role_id": ROLE }).to_string().into_bytes())
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
    load::run(running, READERS, span, a_read)
}
