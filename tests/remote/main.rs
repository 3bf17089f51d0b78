//! The targets behind a network, each against the real server, which the test starts here: nginx
//! and Apache with dav, an S3 server, OpenSSH's sshd.
//!
//! Where a program is missing its tests are skipped, and that is printed, captured or not.

mod apache;
#[allow(dead_code, reason = "each test uses its own part")]
#[path = "../clients/environment.rs"]
mod environment;
mod http;
#[path = "../support/peers/mod.rs"]
mod peers;
mod s3;
mod sftp;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::path::{Path, PathBuf};

/// Where the pins of a program lie.
fn folder(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/remote").join(program)
}
