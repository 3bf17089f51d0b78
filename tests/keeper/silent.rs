//! What is told of a target that hangs is told while it hangs.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::world::World;
use super::support::{data, eventually};

#[test]
fn what_is_late_is_told_while_the_call_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It accepts and never answers, until the end of the test's process.
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    let world = World::configured(
        61,
        &format!(
            "snapshot \"mute\" {{\n  type = \"http\"\n  http_url = \"{url}\"\n  \
             http_allow_plain = true\n  interval = \"24h\"\n  journal = true\n}}"
        ),
    );
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
