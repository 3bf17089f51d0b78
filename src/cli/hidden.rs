//! A terminal on which nothing that is typed is shown, and which is given back however that ends.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::base::sync::lock;

/// Such a terminal, until dropped.
pub struct Hidden(());

/// How the terminal was before, while it is hidden.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

impl Hidden {
    /// Hides what is typed from here on, and forgets what was typed before.
    pub fn begin() -> io::Result<Self> {
        static WATCH: Once = Once::new();
        let mut watched = Ok(());
        WATCH.call_once(|| watched = watch());
        watched?;
        let mut hidden = lock(&BEFORE);
        let before = tcgetattr(io::stdin())?;
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent(&before))?;
        *hidden = Some(before);
        Ok(Self(()))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = lock(&BEFORE).take() {
            set(&before);
        }
    }
}

/// Whatever ends the program, or stops it, and can be heard of before.
const ENDS: [i32; 14] = [
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU,
];

/// Lets Ctrl-C and what else ends or stops the program do so as ever, but only once the terminal
/// is as it was; where the program goes on after a stop, it is hidden again.
fn watch() -> io::Result<()> {
    let mut signals = Signals::new(ENDS)?;
    let give_back = move || {
        for signal in signals.forever() {
            let hidden = lock(&BEFORE);
            if let Some(before) = hidden.as_ref() {
                set(before);
                // Not to stdout, which may hold a result.
                let _ = io::stderr().write_all(b"\n");
            }
            let _ = emulate_default_handler(signal);
            if let Some(before) = hidden.as_ref() {
                set(&silent(before));
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(give_back).map(drop)
}

fn silent(before: &Termios) -> Termios {
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent
}

/// A terminal that is gone needs no echo.
fn set(modes: &Termios) {
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
}
