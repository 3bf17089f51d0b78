//! The service manager: what it is told of this server (sd_notify(3)). Where there is none that
//! listens, nobody is told.

use std::time::Duration;

use sd_notify::NotifyState;

/// A word to the service manager.
#[derive(Clone, Copy, Debug)]
pub enum Word<'a> {
    /// It serves, or serves again after [`Reloading`](Self::Reloading).
    Ready,
    /// It reads its files anew.
    Reloading,
    /// It ends.
    Stopping,
    /// It was looked whether the server gets on, and it does.
    Alive,
    /// What takes long now may take so long from now on.
    Patience(Duration),
    /// What `systemctl status` shows.
    Status(&'a str),
}

/// Whether there is one that wants to be told.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// How long it waits for the next [`Word::Alive`] before it takes the server for hung; none where
/// it does not wait.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero())
}

/// Tells it, all in one message. A manager that cannot be told is none of the server's trouble.
pub fn tell(words: &[Word<'_>]) {
    let mut states = Vec::with_capacity(words.len() + 1);
    for word in words {
        match word {
            Word::Ready => states.push(NotifyState::Ready),
            Word::Reloading => {
                states.push(NotifyState::Reloading);
                // By it the manager knows which of several reloads that is.
                states.extend(NotifyState::monotonic_usec_now());
            }
            Word::Stopping => states.push(NotifyState::Stopping),
            Word::Alive => states.push(NotifyState::Watchdog),
            Word::Patience(span) => {
                let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
                states.push(NotifyState::ExtendTimeoutUsec(micros));
            }
            Word::Status(text) => states.push(NotifyState::Status(text)),
        }
    }
    let _ = sd_notify::notify(&states);
}
