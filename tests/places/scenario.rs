//! One trouble of one place, from before it to after it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::place::{Place, Trouble};
use super::restored;
use super::support::http::Client;
use super::support::store::Store;
use super::support::{TempDir, data};
use super::writers::{Writers, Written};

/// How long anything may take: a bound for a loaded machine, and above the longest pause between
/// two attempts.
const PATIENCE: Duration = Duration::from_secs(240);
/// No request takes longer, whatever befalls the target. A loaded machine, again.
const ANSWER: Duration = Duration::from_secs(10);
/// Nor are there many fewer in a second than before it: one part of so many, at least.
const SLOWED: u64 = 10;
/// So many writes are acknowledged before the trouble and after it, at least.
const WRITES: u64 = 300;
/// The name of the target.
const TARGET: &str = "disk";

/// What befalls a place, and how it is written to.
pub struct Scenario {
    trouble: Trouble,
    interval: &'static str,
    journal_max: u64,
    /// No more than this has the file of the store at the end.
    most: u64,
    /// So many writes are acknowledged while the trouble lasts.
    meanwhile: u64,
    /// Whether the server is killed then, and started again.
    killed: bool,
    /// Whether another target stands well all the time.
    beside: Option<TempDir>,
}

impl Scenario {
    /// Snapshots all the time, and a journal that has room for the time without the target.
    pub fn usual(trouble: Trouble) -> Self {
        let (interval, journal_max, most) = ("3s", 64 << 20, 160 << 20);
        Self { trouble, interval, journal_max, most, meanwhile: 2000, killed: false, beside: None }
    }

    /// The server dies while its target is away.
    pub fn killed() -> Self {
        Self { killed: true, ..Self::usual(Trouble::Cut) }
    }

    /// One snapshot, and a journal that has no room for long.
    pub fn limited() -> Self {
        let (interval, journal_max, most) = ("24h", 1 << 20, 24 << 20);
        Self { interval, journal_max, most, ..Self::usual(Trouble::Cut) }
    }

    /// Another target takes all, so that the journal does not wait for the one that is away.
    pub fn left_behind() -> Self {
        let (journal_max, most, beside) = (8 << 20, 48 << 20, Some(TempDir::new()));
        Self { journal_max, most, meanwhile: 8000, beside, ..Self::limited() }
    }

    /// Whether the target loses a part of the journal.
    fn has_gap(&self) -> bool {
        self.interval == "24h"
    }

    /// Runs it.
    pub fn run(&self, place: &mut dyn Place) {
        let home = TempDir::new();
        let (store, mut server) = Store::make(&home.path().join("data"));
        let mut root = store.root(&server);
        let kv = json!({ "type": "kv", "options": { "version": "1" } });
        assert_eq!(root.post("sys/mounts/secret", kv).status, 204);
        if let Some(folder) = &self.beside {
            let path = folder.path().display().to_string();
            let fields = vec![("storage_type", "file".into()), ("path_prefix", path.into())];
            self.declare("beside", fields, &root);
            until("the other has all", || has_all(&status("beside", &root)));
        }
        self.declare(TARGET, place.settings(), &root);
        until("it has all", || has_all(&status(TARGET, &root)));
        let snapshots = |root: &Client| status(TARGET, root)["snapshots"].as_u64();
        let mut writers = Writers::start(&root);
        let before = writers.more(WRITES);
        if !self.has_gap() {
            until("there are snapshots", || snapshots(&root) >= Some(2));
        }
        let earlier = snapshots(&root).unwrap();
        place.begin(self.trouble);
        self.wait_until_seen(place, &root);
        let mut written = Written::default();
        if self.killed {
            written.add(writers.stop());
            server.kill();
            server = store.start();
            root = store.root(&server);
            writers = Writers::start(&root);
        }
        let during = writers.more(self.meanwhile);
        assert!(during >= before / SLOWED, "{before} writes a second, and {during} in the trouble");
        if self.beside.is_some() {
            let good = status("beside", &root);
            assert_eq!(good["error"], "", "{good}");
        } else if self.has_gap() {
            until("the journal is cut", || status(TARGET, &root)["journal"]["cut"] == true);
        }
        place.end(self.trouble);
        writers.more(WRITES);
        written.add(writers.stop());
        assert!(written.slowest < ANSWER, "a write took {:?}", written.slowest);
        let healed = Instant::now();
        until("it caught up", || has_all(&status(TARGET, &root)));
        let caught_up = healed.elapsed();
        until("snapshots go on", || snapshots(&root) > Some(earlier));
        let length = std::fs::metadata(store.file()).unwrap().len();
        assert!(length <= self.most, "the file has {length} bytes");
        let gap = status(TARGET, &root)["journal"]["gap"].clone();
        assert_eq!(gap.is_array(), self.has_gap(), "{gap}\n{}", server.output());
        drop(server);
        let (_lent, snapshots) = restored::snapshots(place, &store);
        assert!(snapshots.len() as u64 > earlier, "{snapshots:?}");
        let first = format!("-revision={}", snapshots[0]);
        restored::restore(place, &first, &home.path().join("first"), true);
        let into = home.path().join("restored");
        restored::restore(place, "-at=latest", &into, false);
        restored::compare(&store, &into, &written);
        println!(
            "{} {:?}: {} writes, {before}/s before and {during}/s in it, the slowest {:.0?}, \
             caught up in {caught_up:.1?}, {} snapshots, the file {} KiB: passed",
            place.kind(),
            self.trouble,
            written.count,
            written.slowest,
            snapshots.len(),
            length >> 10
        );
    }

    fn declare(&self, name: &str, fields: Vec<(&'static str, Value)>, root: &Client) {
        let mut target = json!({
            "interval": self.interval,
            "keep_last": 99,
            "journal": true,
            "journal_max": self.journal_max,
        });
        for (field, value) in fields {
            target[field] = value;
        }
        let set = root.post(&format!("sys/storage/raft/snapshot-auto/config/{name}"), target);
        assert_eq!(set.status, 204, "{}", set.json());
    }

    /// Waits until the trouble is told; one that is only slow is no trouble to tell of.
    fn wait_until_seen(&self, place: &mut dyn Place, root: &Client) {
        until("it is seen", || {
            // What was being written is away, and left some room.
            if self.trouble == Trouble::Full {
                place.begin(Trouble::Full);
            }
            let status = status(TARGET, root);
            match self.trouble {
                Trouble::Slow => status["journal"]["behind"].as_u64() >= Some(WRITES),
                _ => status["error"] != "" && is_measured(root),
            }
        });
    }
}

/// Whether the metrics tell of trouble.
fn is_measured(root: &Client) -> bool {
    let metrics = root.get("sys/metrics?format=prometheus").body;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let line = |name: &str| format!("edgekeep_snapshot_target_{name}{{target=\"{TARGET}\"}} ");
    metrics.contains(&format!("{}0\n", line("good")))
        && !metrics.contains(&format!("{}0\n", line("errors_total")))
}

fn status(name: &str, root: &Client) -> Value {
    data(&root.get(&format!("sys/snapshots/targets/{name}")))
}

/// Whether the target has all that was written, and stands well.
fn has_all(status: &Value) -> bool {
    let journal = &status["journal"];
    let whole = journal["revision"].is_u64() && journal["behind"] == 0 && journal["cut"] == false;
    whole && status["error"] == ""
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
