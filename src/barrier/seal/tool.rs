//! A program of the system that does something for a seal. A secret goes to it and comes back by
//! pipes alone: arguments are for all to see.

use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use zeroize::Zeroizing;

use super::auto::SealError;
use crate::base::said::said;

/// How long one may take, all in all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// So many looks one that is killed is waited for.
const ENDING: u32 = 200;

/// What it may print, in bytes.
const MOST: usize = 64 << 10;

type Printed = Zeroizing<Vec<u8>>;

/// What the variables begin with that are of this program, of the service manager's talk with it,
/// and of the places that snapshots go to. Tools see nothing of them.
const OURS: [&str; 8] = [
    "EDGEKEEP_",
    "VAULT_",
    "BAO_",
    "AWS_",
    "LISTEN_",
    "WATCHDOG_",
    "NOTIFY_SOCKET",
    "CREDENTIALS_DIRECTORY",
];

/// Runs them, until it is told to stop.
pub struct Tools {
    patience: Duration,
    /// More variables that they see nothing of.
    hidden: Vec<String>,
    stopped: AtomicBool,
}

impl Default for Tools {
    fn default() -> Self {
        Self { patience: PATIENCE, hidden: Vec::new(), stopped: AtomicBool::new(false) }
    }
}

impl Tools {
    /// Those that see nothing of these variables either.
    pub fn hiding(variables: &[String]) -> Self {
        Self { hidden: variables.to_vec(), ..Self::default() }
    }

    /// Ends the one that runs, and begins none any more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Runs one to its end, with `input` to read. What it prints.
    pub fn run(&self, command: &mut Command, input: &[u8]) -> Result<Printed, SealError> {
        let name = command.get_program().to_string_lossy().into_owned();
        let failed = |why: String| SealError::Away(format!("{name} {why}"));
        if self.is_stopped() {
            return Err(failed("is not run: the server ends".to_owned()));
        }
        self.hide(command);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, which is ended with all that it has started.
        let child = piped.process_group(0).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => failed("is not installed".to_owned()),
            _ => failed(format!("cannot be run: {error}")),
        })?;
        let mut running = Running::new(child);
        if let Some(mut stdin) = running.child.stdin.take() {
            // One that ends without reading says why.
            let _ = stdin.write_all(input);
        }
        let mut left = self.patience;
        let ended = loop {
            match running.look() {
                Err(error) => return Err(failed(format!("cannot be waited for: {error}"))),
                Ok(Some(ended)) => break ended,
                Ok(None) if self.is_stopped() => {
                    return Err(failed("was ended: the server ends".to_owned()));
                }
                Ok(None) if left.is_zero() => {
                    let patience = self.patience.as_secs();
                    return Err(SealError::Silent(format!("{name} has not ended in {patience} s")));
                }
                Ok(None) => thread::sleep(LOOK),
            }
            left = left.saturating_sub(LOOK);
        };
        match ended.status.success() {
            true => Ok(ended.printed),
            false => Err(failed(format!("failed: {}", told(&ended.complaint)))),
        }
    }

    /// Takes out of its environment what is none of its business, and leaves the rest: by what a
    /// module is configured only its maker knows.
    fn hide(&self, command: &mut Command) {
        let given: Vec<OsString> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for (name, _) in env::vars_os().filter(|(name, _)| !given.contains(name)) {
            let begins = |with: &&str| name.as_bytes().starts_with(with.as_bytes());
            if OURS.iter().any(begins) || self.hidden.iter().any(|hidden| name == hidden.as_str()) {
                command.env_remove(name);
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// One that runs. It is ended when this is dropped before it has. While it may have to be, the
/// system keeps its number for it, so that nobody else's group is ended: it is not asked for its
/// status before all else that it started is done, too.
struct Running {
    child: Child,
    printed: Stream,
    complaint: Stream,
    ended: bool,
}

/// What one has left.
struct Ended {
    status: ExitStatus,
    printed: Printed,
    complaint: Printed,
}

impl Running {
    fn new(mut child: Child) -> Self {
        let printed = Stream::listen(child.stdout.take());
        let complaint = Stream::listen(child.stderr.take());
        Self { child, printed, complaint, ended: false }
    }

    /// Whether it has ended, and all that it has started and that holds its streams.
    fn look(&mut self) -> io::Result<Option<Ended>> {
        let both = self.printed.is_whole() & self.complaint.is_whole();
        if !(both && self.has_exited()?) {
            return Ok(None);
        }
        let status = self.child.wait()?;
        self.ended = true;
        let (printed, complaint) = (self.printed.take(), self.complaint.take());
        Ok(Some(Ended { status, printed, complaint }))
    }

    fn has_exited(&self) -> io::Result<bool> {
        let Some(id) = self.id() else { return Ok(false) };
        let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::Pid(id), how)?.is_some())
    }

    fn id(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.id().map(|group| kill_process_group(group, Signal::KILL));
            // One that hangs in the kernel ends when that lets it: nobody waits for it.
            for _ in 0..ENDING {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                thread::sleep(LOOK);
            }
        }
    }
}

/// What comes out of a stream, which is read to its end beside us.
struct Stream {
    reader: Receiver<Printed>,
    whole: Option<Printed>,
}

impl Stream {
    fn listen(stream: Option<impl Read + Send + 'static>) -> Self {
        let (tell, reader) = channel();
        let read = move || {
            // In one piece: a vector that grows would leave copies behind.
            let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
            if let Some(stream) = stream {
                let _ = stream.take(MOST as u64).read_to_end(&mut bytes);
            }
            let _ = tell.send(bytes);
        };
        let _ = thread::Builder::new().name("seal tool".to_owned()).spawn(read);
        Self { reader, whole: None }
    }

    fn is_whole(&mut self) -> bool {
        if self.whole.is_none() {
            self.whole = match self.reader.try_recv() {
                Ok(bytes) => Some(bytes),
                Err(TryRecvError::Disconnected) => Some(Printed::default()),
                Err(TryRecvError::Empty) => None,
            };
        }
        self.whole.is_some()
    }

    fn take(&mut self) -> Printed {
        self.whole.take().unwrap_or_default()
    }
}

/// The last lines of a complaint, as one.
fn told(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    said(&lines[lines.len().saturating_sub(3)..].join("; "))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;

    fn run(tools: &Tools, script: &str, input: &[u8]) -> Result<Vec<u8>, String> {
        let run = tools.run(Command::new("sh").args(["-c", script]), input);
        run.map(|printed| printed.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_given_and_gives_bytes() {
        let tools = Tools::default();
        assert_eq!(run(&tools, "cat", b"\0\xff\n").unwrap(), b"\0\xff\n");
        assert_eq!(run(&tools, "true", &[1; 1 << 17]).unwrap(), b"");
        let failed = run(&tools, "echo no >&2; echo; exit 3", b"").unwrap_err();
        assert_eq!(failed, "sh failed: no");
        let absent = tools.run(&mut Command::new("edgekeep-no-such-tool"), b"").unwrap_err();
        assert_eq!(absent.to_string(), "edgekeep-no-such-tool is not installed");
    }

    /// It sleeps, it has closed its streams and sleeps, what it has started sleeps.
    const HANG: [&str; 3] = ["sleep 600; true", "exec sleep 600 >&- 2>&-", "sleep 600 & exit 0"];

    #[test]
    fn one_that_hangs_is_ended() {
        let tools = Tools { patience: Duration::from_secs(1), ..Tools::default() };
        for script in HANG {
            assert_eq!(run(&tools, script, b"").unwrap_err(), "sh has not ended in 1 s");
        }
    }

    #[test]
    fn its_number_is_not_given_away_while_its_group_may_be_ended() {
        let tools = Arc::new(Tools::default());
        let name = format!("edgekeep-tool-{}", std::process::id());
        let file = env::temp_dir().join(name);
        let script =
            format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 600 & exit 0", file.display());
        let runner = tools.clone();
        let run = thread::spawn(move || run(&runner, &script, b""));
        let until = |what: &str, holds: &dyn Fn() -> bool| {
            for _ in 0..6000 {
                if holds() {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
            panic!("it never came to be that {what}");
        };
        until("it says its number", &|| file.exists());
        let number = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let stat = format!("/proc/{}/stat", number.trim());
        let state = || fs::read_to_string(&stat).unwrap_or_default();
        until("it has ended", &|| !state().contains(") S ") && !state().contains(") R "));
        // However often it is looked.
        for _ in 0..40 {
            assert!(state().contains(") Z "), "it has its number still: {}", state());
            thread::sleep(LOOK);
        }
        tools.stop();
        assert!(run.join().unwrap().is_err());
        assert_eq!(state(), "", "it was asked then");
    }

    #[test]
    fn one_that_runs_when_all_is_to_stop_is_ended() {
        for script in HANG {
            let tools = Arc::new(Tools::default());
            let stop = tools.clone();
            let stopper = thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                stop.stop();
            });
            assert_eq!(run(&tools, script, b"").unwrap_err(), "sh was ended: the server ends");
            stopper.join().unwrap();
            assert_eq!(run(&tools, "true", b"").unwrap_err(), "sh is not run: the server ends");
        }
    }
}
