//! What is told of a target that hangs is told while it hangs.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::world::World;
use super::support::{data, eventually};

pub fn what_is_late_is_told_while_the_call_hangs() {
    let mute = Mute::listen();
    let world = mute.world(61);
    let root = world.root();
    let target = || data(&root.get("sys/snapshots/targets/mute"));
    assert_eq!(root.post("secret/a", json!({ "b": "c" })).status, 204);
    eventually("it is known what it lacks", || target()["journal"].is_object());
    assert_eq!(target()["late"], "");
    assert_eq!(target()["journal"]["behind"], Value::Null, "nobody knows what it has");
    world.advance(Duration::from_secs(70));
    let health = || world.client().get("sys/health?snapshots=1").json()["snapshots"].clone();
    eventually("health tells", || {
        health()[0].as_str().unwrap_or_default().contains("mute: no good snapshot is known there")
    });
    let late = target();
    assert!(late["journal"]["behind_seconds"].as_u64().unwrap() >= 70, "{late}");
    assert_eq!(late["error"], "", "it hung all the while: {late}");
}

pub fn what_was_wanted_when_the_server_was_sealed_is_refused_and_the_thread_rests() {
    let mute = Mute::listen();
    let world = mute.world(62);
    let root = world.root();
    eventually("its thread hangs", || mute.is_called());
    assert_eq!(root.post("sys/snapshots/targets/mute/verify", json!({})).status, 200);
    thread::scope(|scope| {
        let waits = scope.spawn(|| root.post("sys/snapshots/targets/mute/forget", json!({})));
        eventually("somebody waits for it", || {
            root.get("sys/in-flight-req").json().to_string().contains("/mute/forget")
        });
        assert_eq!(root.post("sys/seal", json!({})).status, 204);
        mute.hang_up();
        assert_eq!(waits.join().unwrap().status, 503);
    });
    let unsealed = world.client().post("sys/unseal", json!({ "key": world.unseal_key() }));
    assert_eq!(unsealed.json()["sealed"], false);
    let verification = data(&root.get("sys/snapshots/targets/mute"))["verification"].clone();
    assert_eq!(verification["error"], "the server was sealed", "{verification}");
}

/// A target that takes calls and never answers, until it hangs up for good.
struct Mute {
    url: String,
    /// The calls that it has taken; `None` when it has hung up.
    calls: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Mute {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Some(Vec::new())));
        let taken = Arc::clone(&calls);
        // It goes on until the end of the test's process.
        thread::spawn(move || {
            for call in listener.incoming().flatten() {
                if let Some(calls) = taken.lock().unwrap().as_mut() {
                    calls.push(call);
                }
            }
        });
        Self { url, calls }
    }

    /// A server that has nothing else.
    fn world(&self, seed: u64) -> World {
        let url = &self.url;
        World::configured(
            seed,
            &format!(
                "snapshot \"mute\" {{\n  type = \"http\"\n  http_url = \"{url}\"\n  \
                 http_allow_plain = true\n  interval = \"24h\"\n  journal = true\n}}"
            ),
        )
    }

    fn is_called(&self) -> bool {
        self.calls.lock().unwrap().as_ref().is_some_and(|calls| !calls.is_empty())
    }

    fn hang_up(&self) {
        self.calls.lock().unwrap().take();
    }
}
