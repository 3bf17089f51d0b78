//! The SSH client as a child, and its pipes: neither it nor the host behind it holds anybody up
//! for longer than the patience.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::packet::MOST;
use crate::base::sync::lock;

/// How much of what the client says of itself is kept.
const MOST_TOLD: usize = 4 << 10;
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// Those that run. One may hang at a file that it reads, and would outlive this process.
static RUNNING: Mutex<Vec<Weak<Mutex<Child>>>> = Mutex::new(Vec::new());

/// Ends all clients, whoever waits for them: the process ends.
pub fn end_clients() {
    for client in lock(&RUNNING).iter().filter_map(Weak::upgrade) {
        let _ = lock(&client).kill();
    }
}

/// A running client.
pub(super) struct Wire {
    child: Arc<Mutex<Child>>,
    to: ChildStdin,
    from: ChildStdout,
    errors: Option<ChildStderr>,
    patience: Duration,
    /// What came and was not taken yet.
    input: Vec<u8>,
    /// The end of what the client said of itself.
    told: Vec<u8>,
}

/// Why nothing can be sent or received any more.
#[derive(Debug)]
pub(super) enum Gone {
    /// Nothing has moved for as long as the patience.
    Stuck,
    /// The client has ended.
    Ended,
    /// What came is no packet: its first bytes.
    Garbage(Vec<u8>),
    /// The machine failed.
    Failed(io::Error),
}

impl Wire {
    /// Starts the client.
    pub fn start(command: &mut Command, patience: Duration) -> io::Result<Self> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(to), Some(from), Some(errors)) = pipes else {
            return Err(io::Error::other("it has no pipes"));
        };
        let child = Arc::new(Mutex::new(child));
        let mut running = lock(&RUNNING);
        running.retain(|client| client.strong_count() > 0);
        running.push(Arc::downgrade(&child));
        drop(running);
        let mut wire =
            Self { child, to, from, errors: None, patience, input: Vec::new(), told: Vec::new() };
        for pipe in [wire.to.as_fd(), wire.from.as_fd(), errors.as_fd()] {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        wire.errors = Some(errors);
        Ok(wire)
    }

    /// Sends all of it; takes in meanwhile what comes.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let writable = self.wait(true, self.patience)?;
            if !writable {
                continue;
            }
            match self.to.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if is_passing(&error) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(Gone::Ended),
                Err(error) => return Err(Gone::Failed(error)),
            }
        }
        Ok(())
    }

    /// The next packet, without its length.
    pub fn receive(&mut self) -> Result<Vec<u8>, Gone> {
        loop {
            if let Some(length) = self.input.first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                if length == 0 || length > MOST {
                    self.input.truncate(80);
                    return Err(Gone::Garbage(std::mem::take(&mut self.input)));
                }
                if self.input.len() >= 4 + length {
                    let packet = self.input[4..4 + length].to_vec();
                    self.input.drain(..4 + length);
                    return Ok(packet);
                }
            }
            self.wait(false, self.patience)?;
        }
    }

    /// Whether nothing has come, not even the end.
    pub fn is_idle(&self) -> bool {
        let mut polled = [PollFd::new(&self.from, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.input.is_empty() && matches!(poll(&mut polled, Some(&now)), Ok(0))
    }

    /// What the client said of itself; waits a little for the end of that.
    pub fn told(&mut self) -> String {
        // Who talks without end is not listened to for ever.
        for _ in 0..1000 {
            let Some(errors) = &self.errors else { break };
            let mut polled = [PollFd::new(errors, PollFlags::IN)];
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            if !matches!(poll(&mut polled, Some(&second)), Ok(1..)) {
                break;
            }
            self.listen();
        }
        String::from_utf8_lossy(&self.told).into_owned()
    }

    /// Waits until something moves, and takes in what came. Whether more can be sent.
    fn wait(&mut self, sending: bool, patience: Duration) -> Result<bool, Gone> {
        let mut polled = vec![PollFd::new(&self.from, PollFlags::IN)];
        polled.extend(self.errors.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        if sending {
            polled.push(PollFd::new(&self.to, PollFlags::OUT));
        }
        let timeout = Timespec::try_from(patience).ok();
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => return Err(Gone::Stuck),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(Gone::Failed(error.into())),
        }
        let is_up = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let came = is_up(&polled[0]);
        let said = self.errors.is_some() && is_up(&polled[1]);
        let writable = sending && polled.last().is_some_and(is_up);
        drop(polled);
        if said {
            self.listen();
        }
        if came {
            self.take_in()?;
        }
        Ok(writable)
    }

    fn take_in(&mut self) -> Result<(), Gone> {
        let mut piece = vec![0; PIECE];
        match self.from.read(&mut piece) {
            Ok(0) => Err(Gone::Ended),
            Ok(read) => {
                self.input.extend_from_slice(&piece[..read]);
                Ok(())
            }
            Err(error) if is_passing(&error) => Ok(()),
            Err(error) => Err(Gone::Failed(error)),
        }
    }

    /// Takes in what the client says of itself, and keeps the end of it.
    fn listen(&mut self) {
        let mut piece = [0; 1024];
        let Some(errors) = &mut self.errors else { return };
        match errors.read(&mut piece) {
            Ok(0) => self.errors = None,
            Ok(read) => {
                self.told.extend_from_slice(&piece[..read]);
                let surplus = self.told.len().saturating_sub(MOST_TOLD);
                self.told.drain(..surplus);
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.errors = None,
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It holds nothing that would be lost: what was put and not renamed counts for nothing.
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}
