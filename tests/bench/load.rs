//! Load: some connections, each sending its next request when the one before is answered.

use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::Running;

/// What a load gave.
pub struct Outcome {
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    /// Of the server, user and system, for each request.
    pub cpu: Option<Duration>,
}

/// A request: method, path and body.
pub type Shot = (&'static str, String, Vec<u8>);

/// Runs `next` on `connections` connections for `span`; it is given the connection's number and
/// the request's.
pub fn run(
    running: &Running,
    connections: usize,
    span: Duration,
    next: impl Fn(usize, u64) -> Shot + Sync,
) -> io::Result<Outcome> {
    run_while(running, connections, &|started| started.elapsed() < span, next)
}

/// The same until `go_on` says no.
pub fn run_while(
    running: &Running,
    connections: usize,
    go_on: &(impl Fn(Instant) -> bool + Sync),
    next: impl Fn(usize, u64) -> Shot + Sync,
) -> io::Result<Outcome> {
    let ready = Barrier::new(connections + 1);
    let failed = AtomicBool::new(false);
    let work = |connection: usize| -> io::Result<Vec<Duration>> {
        let client = running.client();
        ready.wait();
        let mut client = client?;
        let (mut spans, started) = (Vec::with_capacity(1 << 16), Instant::now());
        for number in 0.. {
            if failed.load(Ordering::Relaxed) || !go_on(started) {
                break;
            }
            let (method, path, body) = next(connection, number);
            let sent = Instant::now();
            shoot(&mut client, method, &path, &body)
                .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            spans.push(sent.elapsed());
        }
        Ok(spans)
    };
    let (results, elapsed, cpu) = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..connections).map(|connection| scope.spawn(move || work(connection))).collect();
        ready.wait();
        let (started, cpu) = (Instant::now(), running.cpu());
        let results: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
        let cpu = cpu.zip(running.cpu()).map(|(before, after)| after - before);
        (results, started.elapsed(), cpu)
    });
    let mut spans = Vec::new();
    for result in results {
        spans.extend(result?);
    }
    if spans.is_empty() {
        return Err(io::Error::other("no request was answered"));
    }
    spans.sort_unstable();
    let at = |share: f64| spans[((spans.len() - 1) as f64 * share) as usize];
    Ok(Outcome {
        per_second: spans.len() as f64 / elapsed.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        cpu: cpu.map(|cpu| cpu / spans.len() as u32),
    })
}

fn shoot(client: &mut Client, method: &str, path: &str, body: &[u8]) -> io::Result<()> {
    let answer = client.send(method, path, body)?;
    if answer.status >= 300 {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        return Err(io::Error::other(format!("{method} {path}: {} {text}", answer.status)));
    }
    Ok(())
}
