//! Has the kernel random bytes to give?

use super::finding::Finding;
use crate::base::entropy;

/// Asks it, without waiting.
pub fn look() -> Vec<Finding> {
    vec![match entropy::is_ready() {
        Ok(true) => Finding::ok("the kernel's random source is ready"),
        Ok(false) => Finding::warn(
            "the kernel's random source is not ready: the server waits for it at its first key",
            "wait, or give the machine a source (rng-tools, or a hardware generator)",
        ),
        Err(error) => Finding::warn(
            format!("the kernel's random source cannot be asked: {error}"),
            "let the server's user read /dev/random",
        ),
    }]
}
