//! Real servers on other machines' behalf, which a test starts, kills and cuts off.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod nginx;
pub mod process;
pub mod proxy;
pub mod sshd;
pub mod versitygw;

/// Says that something is not tested here.
pub fn skipped(what: &str, why: &str) {
    crate::environment::say(&format!("skipped: {what}: {why}"));
}
