//! Can keys be kept out of swap?

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Subject;
use super::finding::{Finding, size};
use crate::base::pages;

/// What the keys of a store take, and some room.
const ENOUGH: u64 = 64 << 10;

const REMEDY: &str = "raise LimitMEMLOCK in the unit (ulimit -l), or set disable_mlock = true \
                      where swap is off or encrypted";

/// Looks whether memory can be locked, or whether it need not be.
pub fn look(subject: &Subject) -> Vec<Finding> {
    let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
    if !subject.config.lock_memory {
        return vec![unlocked(swaps.lines().count() > 1)];
    }
    let limit = match &subject.running {
        Some(server) => server.limit("Max locked memory"),
        None => Some(getrlimit(Resource::Memlock).current.unwrap_or(u64::MAX)),
    };
    // Root may lock more than its limit says, which the server's user may not.
    let works = pages::check_locking();
    vec![match (works, limit) {
        (Err(error), _) if subject.running.is_none() => {
            Finding::fail(format!("memory cannot be locked: {error}"), REMEDY)
        }
        (_, Some(limit)) if limit < ENOUGH => Finding::warn(
            format!("only {} of memory may be locked, which root may overstep", size(limit)),
            REMEDY,
        ),
        (_, Some(u64::MAX)) => Finding::ok("any memory may be locked"),
        (_, Some(limit)) => Finding::ok(format!("{} of memory may be locked", size(limit))),
        (_, None) => Finding::skipped("the server's limit cannot be read"),
    }]
}

fn unlocked(swaps: bool) -> Finding {
    if swaps {
        return Finding::warn(
            "disable_mlock is set and swap is on: keys may come to lie on the disk",
            "take disable_mlock out, turn swap off (swapoff -a), or encrypt it",
        );
    }
    Finding::ok("memory is not locked (disable_mlock), and there is no swap")
}
