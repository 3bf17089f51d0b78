//! Automatic seals, through the built program: a machine that reboots alone, recovery keys, and the
//! change from one seal to another.

#[path = "../clients/environment.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod environment;
mod house;
mod migration;
mod peer;
mod pkcs11;
#[path = "../support/peers/process.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod process;
mod reboot;
mod recovery;
mod slow;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod tool;
mod tpm2;
mod transit;
mod typed;

use std::path::{Path, PathBuf};

/// Where the tests of a client are; `environment` gets OpenBao by that.
fn folder(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(client)
}
