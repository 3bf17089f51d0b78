//! A machine is lost: another takes its place from a target alone, or had followed it all along.

mod bare;
mod follower;
#[allow(dead_code, reason = "each test uses its own part")]
#[path = "../rewind/site.rs"]
mod site;
mod standby;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;

use serde_json::Value;
use support::http::Client;
use support::store::Store;
use support::{Server, data, eventually};

/// A store whose snapshots and journal go to the folder `disk`.
fn shipping(folder: &Path, disk: &Path) -> (Store, Server) {
    shipping_with(folder, disk, "")
}

/// The same with `more` about the target.
fn shipping_with(folder: &Path, disk: &Path, more: &str) -> (Store, Server) {
    let (store, server) = Store::configured(
        folder,
        &format!(
            "snapshot \"disk\" {{\n  type = \"file\"\n  path_prefix = \"{}\"\n  \
             interval = \"24h\"\n  journal = true\n{more}\n}}\n",
            disk.display()
        ),
    );
    let root = store.root(&server);
    let kv = serde_json::json!({ "type": "kv", "options": { "version": "1" } });
    assert_eq!(root.post("sys/mounts/secret", kv).status, 204);
    (store, server)
}

/// How the target stands.
fn target(root: &Client) -> Value {
    data(&root.get("sys/snapshots/targets/disk"))
}

/// Waits until the target has all that was committed by now.
fn shipped(root: &Client) {
    eventually("all is shipped", || {
        let target = target(root);
        target["journal"]["behind"] == 0 && target["journal"]["revision"].is_u64()
    });
}
