//! Ctrl-C where something has to be brought to its end first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::stop::{Exit, Stop};

/// Is set by Ctrl-C from here on. What is under way then is brought to its end; whoever presses it
/// again does not want to wait for that.
pub fn hear() -> Result<Arc<AtomicBool>, Stop> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let (again, once) = (Arc::clone(&interrupted), Arc::clone(&interrupted));
        flag::register_conditional_shutdown(signal, Exit::Usage as i32, again)
            .and_then(|_| flag::register(signal, once))
            .map_err(|e| Stop::Failed(format!("signals cannot be caught: {e}")))?;
    }
    Ok(interrupted)
}
