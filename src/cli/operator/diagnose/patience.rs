//! What may hang is not waited for for ever: a pipe that nobody writes to, a folder whose server of
//! files is gone.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long something may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What comes of it; `None` where it takes too long. Who still waits then ends with the process.
pub fn within<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = channel();
    let work = move || drop(tell.send(job()));
    thread::Builder::new().name("looking".into()).spawn(work).ok()?;
    told.recv_timeout(PATIENCE).ok()
}
