//! What may hang is not waited for for ever: a pipe that nobody writes to, a folder whose server of
//! files is gone.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long something may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What comes of it; `None` where it takes too long. Who still waits then ends with the process.
pub fn within<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = channel();
    let looking = thread::spawn(move || drop(tell.send(job())));
    match told.recv_timeout(PATIENCE) {
        Ok(came) => Some(came),
        Err(RecvTimeoutError::Timeout) => None,
        // It panicked, and that took no time.
        Err(RecvTimeoutError::Disconnected) => {
            looking.join().map(|()| None).unwrap_or_else(|why| resume_unwind(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    #[should_panic(expected = "a defect")]
    fn who_panics_does_not_count_as_late() {
        within(|| panic!("a defect"));
    }
}
