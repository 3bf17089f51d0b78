//! Clients that write all the time, and note what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::http::Client;

/// So many write at the same time.
const WRITERS: usize = 16;
/// How long a few thousand writes may take: a bound for a loaded machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// Over so many secrets each, again and again.
const SECRETS: u64 = 20;

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
}

/// What was acknowledged.
#[derive(Default)]
pub struct Written {
    /// What each secret was last.
    pub secrets: BTreeMap<String, Value>,
    /// How many writes.
    pub count: u64,
    /// The longest that one took.
    pub slowest: Duration,
}

impl Written {
    /// What was acknowledged later.
    pub fn add(&mut self, later: Self) {
        self.secrets.extend(later.secrets);
        self.count += later.count;
        self.slowest = self.slowest.max(later.slowest);
    }
}

/// Clients that write.
pub struct Writers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Written>>,
}

impl Writers {
    pub fn start(client: &Client) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..WRITERS).map(|writer| {
            let (client, shared) = (client.clone(), shared.clone());
            thread::spawn(move || write(writer, &client, &shared))
        });
        Self { threads: threads.collect(), shared }
    }

    /// Waits until so many more writes are acknowledged; how many in a second.
    pub fn more(&self, writes: u64) -> u64 {
        let answered = || self.shared.answered.load(Ordering::SeqCst);
        let (from, begun) = (answered(), Instant::now());
        while answered() < from + writes {
            assert!(begun.elapsed() < PATIENCE, "{} of {writes} writes", answered() - from);
            thread::sleep(Duration::from_millis(20));
        }
        writes * 1000 / (begun.elapsed().as_millis().max(1) as u64)
    }

    /// Ends when each has its answer.
    pub fn stop(self) -> Written {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut all = Written::default();
        for thread in self.threads {
            all.add(thread.join().unwrap());
        }
        all
    }
}

fn write(writer: usize, client: &Client, shared: &Shared) -> Written {
    let mut written = Written::default();
    let filling = "x".repeat(1024);
    for number in 0.. {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let path = format!("secret/{writer}-{}", number % SECRETS);
        let value = json!({ "number": number.to_string(), "filling": filling });
        let begun = Instant::now();
        let reply = client.post(&path, value.clone());
        assert_eq!(reply.status, 204, "{}", reply.json());
        written.slowest = written.slowest.max(begun.elapsed());
        written.secrets.insert(path, value);
        written.count += 1;
        shared.answered.fetch_add(1, Ordering::SeqCst);
    }
    written
}
