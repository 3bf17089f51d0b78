//! Real servers on other machines' behalf, which a test starts, kills and cuts off.
#![allow(dead_code, reason = "each test uses its own part")]

#[path = "../../clients/environment.rs"]
pub mod environment;
pub mod nginx;
pub mod places;
pub mod process;
pub mod proxy;
pub mod sshd;
pub mod versitygw;

use std::path::{Path, PathBuf};

use crate::support;

/// Where the pins of a program lie.
fn folder(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/remote").join(program)
}
