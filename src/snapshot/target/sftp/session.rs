//! A session with an SFTP server: requests, their answers, and what is said when it breaks.

use std::collections::{HashSet, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::super::TargetError;
use super::super::exactly::Exactly;
use super::idle::Idle;
use super::packet::{self, Answer, Attributes, Fields, Packet, Status, kind};
use super::wire::{Gone, Wire};

/// How much is written or read by one request: what each server must take.
const PIECE: usize = 32 << 10;
/// How many requests are under way at once: 2 MiB, a long and fast line's worth.
const WINDOW: usize = 64;

/// Flags of an opened file.
const READ: u32 = 1;
const WRITE_NEW: u32 = 2 | 8 | 32;

/// A session.
pub(super) struct Session {
    wire: Wire,
    /// What the other end is called.
    at: String,
    patience: Duration,
    next: u32,
    extensions: HashSet<String>,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server says so; the session goes on.
    Status(Status),
    /// The session is over.
    Over(TargetError),
}

/// An opened file or folder.
pub(super) struct Handle(Vec<u8>);

/// How much room a server has.
pub(super) struct Room {
    /// Bytes that may be written.
    pub free: u64,
    /// Files that may be made.
    pub files: u64,
    pub read_only: bool,
}

impl Session {
    /// Starts the client and greets the server.
    pub fn open(command: &mut Command, at: &str, patience: Duration) -> Result<Self, TargetError> {
        let wire = Wire::start(command, patience).map_err(|error| {
            TargetError::Failed(format!("the SSH client does not start: {error}"))
        })?;
        let (at, extensions) = (at.to_owned(), HashSet::new());
        let mut session = Self { wire, at, patience, next: 0, extensions };
        let begin = Packet::new(kind::INIT).u32(3);
        let sent = session.wire.send(begin.as_bytes()).and_then(|()| session.wire.receive());
        let answer = sent.map_err(|gone| session.over(gone))?;
        match packet::version(&answer) {
            Some(extensions) => session.extensions.extend(extensions),
            None => return Err(session.over(Gone::Garbage(answer))),
        }
        Ok(session)
    }

    /// Whether it can be used by somebody else: nothing has come, not even the end.
    pub fn is_idle(&self) -> bool {
        self.wire.is_idle()
    }

    /// What is to be said of a session that is over.
    fn over(&mut self, gone: Gone) -> TargetError {
        let at = &self.at;
        match gone {
            Gone::Stuck => TargetError::Away(format!(
                "{at} has not moved for {} seconds",
                self.patience.as_secs()
            )),
            Gone::Failed(error) => {
                TargetError::Failed(format!("the SSH client to {at} failed: {error}"))
            }
            Gone::Garbage(begin) => {
                let begin = String::from_utf8_lossy(&begin).escape_debug().to_string();
                let begin: String = begin.chars().take(100).collect();
                TargetError::Failed(format!(
                    "{at} does not speak SFTP, but begins with \"{begin}\": does a start-up file \
                     of its shell print something?"
                ))
            }
            Gone::Ended => super::trouble::told(&self.at, &self.wire.told()),
        }
    }

    fn send(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<u32, Failure> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let sent = self.wire.send(packet(id).as_bytes());
        sent.map_err(|gone| Failure::Over(self.over(gone)))?;
        Ok(id)
    }

    fn receive(&mut self) -> Result<(u32, Answer), Failure> {
        let packet = self.wire.receive().map_err(|gone| Failure::Over(self.over(gone)))?;
        packet::answer(&packet).ok_or_else(|| self.unexpected())
    }

    fn unexpected(&self) -> Failure {
        let text = format!("{} answers what was not asked", self.at);
        Failure::Over(TargetError::Failed(text))
    }

    fn ask(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<Answer, Failure> {
        let id = self.send(packet)?;
        match self.receive()? {
            (answered, answer) if answered == id => Ok(answer),
            _ => Err(self.unexpected()),
        }
    }

    /// Asks for something that is done or not.
    fn order(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<(), Failure> {
        match self.ask(packet)? {
            Answer::Status(status) if status.code == Status::OK => Ok(()),
            Answer::Status(status) => Err(Failure::Status(status)),
            _ => Err(self.unexpected()),
        }
    }

    fn open_with(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<Handle, Failure> {
        match self.ask(packet)? {
            Answer::Handle(handle) => Ok(Handle(handle)),
            Answer::Status(status) => Err(Failure::Status(status)),
            _ => Err(self.unexpected()),
        }
    }

    fn attributes(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<Attributes, Failure> {
        match self.ask(packet)? {
            Answer::Attributes(attributes) => Ok(attributes),
            Answer::Status(status) => Err(Failure::Status(status)),
            _ => Err(self.unexpected()),
        }
    }

    /// What is at a path.
    pub fn stat(&mut self, path: &str) -> Result<Attributes, Failure> {
        self.attributes(|id| Packet::new(kind::STAT).u32(id).bytes(path.as_bytes()))
    }

    /// How long an opened file is; `None` where it is no regular one.
    pub fn length(&mut self, handle: &Handle) -> Result<Option<u64>, Failure> {
        let told = self.attributes(|id| Packet::new(kind::FSTAT).u32(id).bytes(&handle.0))?;
        Ok(told.file())
    }

    /// Makes a file that must not be there, for its owner alone.
    pub fn create(&mut self, path: &str) -> Result<Handle, Failure> {
        self.open_with(|id| {
            let packet = Packet::new(kind::OPEN).u32(id).bytes(path.as_bytes());
            packet.u32(WRITE_NEW).mode(0o600)
        })
    }

    /// Opens a file to read it.
    pub fn read(&mut self, path: &str) -> Result<Handle, Failure> {
        self.open_with(|id| Packet::new(kind::OPEN).u32(id).bytes(path.as_bytes()).u32(READ).u32(0))
    }

    /// Writes all that `content` gives to a new file. The outer error is one of the content.
    pub fn write(
        &mut self,
        handle: &Handle,
        content: &mut Exactly<&mut dyn Read>,
    ) -> io::Result<Result<(), Failure>> {
        let mut piece = vec![0; PIECE];
        let (mut at, mut under_way, mut failed) = (0_u64, HashSet::new(), None);
        let outcome = loop {
            let read = match content.read(&mut piece) {
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            };
            if read == 0 || failed.is_some() {
                break Ok(());
            }
            let sent = self.send(|id| {
                let packet = Packet::new(kind::WRITE).u32(id).bytes(&handle.0);
                packet.u64(at).bytes(&piece[..read])
            });
            match sent {
                Ok(id) => drop(under_way.insert(id)),
                Err(failure) => return Ok(Err(failure)),
            }
            at += read as u64;
            if under_way.len() >= WINDOW
                && let Err(over) = self.written(&mut under_way, &mut failed)
            {
                return Ok(Err(over));
            }
        };
        // Answers that are on their way would be taken for those of what is asked next.
        while !under_way.is_empty() {
            if let Err(over) = self.written(&mut under_way, &mut failed) {
                return Ok(Err(over));
            }
        }
        outcome?;
        Ok(failed.map_or(Ok(()), |status| Err(Failure::Status(status))))
    }

    /// Takes one answer to a write.
    fn written(
        &mut self,
        under_way: &mut HashSet<u32>,
        failed: &mut Option<Status>,
    ) -> Result<(), Failure> {
        match self.receive()? {
            (id, Answer::Status(status)) if under_way.remove(&id) => {
                if status.code != Status::OK {
                    failed.get_or_insert(status);
                }
                Ok(())
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Waits until a file is on the server's disk, where the server can tell.
    pub fn sync(&mut self, handle: &Handle) -> Result<(), Failure> {
        const NAME: &str = "fsync@openssh.com";
        if !self.extensions.contains(NAME) {
            return Ok(());
        }
        self.order(|id| Packet::new(kind::EXTENDED).u32(id).bytes(NAME.as_bytes()).bytes(&handle.0))
    }

    pub fn close(&mut self, handle: &Handle) -> Result<(), Failure> {
        self.order(|id| Packet::new(kind::CLOSE).u32(id).bytes(&handle.0))
    }

    pub fn remove(&mut self, path: &str) -> Result<(), Failure> {
        self.order(|id| Packet::new(kind::REMOVE).u32(id).bytes(path.as_bytes()))
    }

    pub fn make_folder(&mut self, path: &str) -> Result<(), Failure> {
        self.order(|id| Packet::new(kind::MKDIR).u32(id).bytes(path.as_bytes()).mode(0o700))
    }

    /// Gives a file another name, in place of what has that.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        const NAME: &str = "posix-rename@openssh.com";
        let (from, to) = (from.as_bytes(), to.as_bytes());
        if self.extensions.contains(NAME) {
            return self.order(|id| {
                Packet::new(kind::EXTENDED).u32(id).bytes(NAME.as_bytes()).bytes(from).bytes(to)
            });
        }
        // Version 3 itself replaces nothing. What is absent in between is absent, not torn.
        let rename = |id| Packet::new(kind::RENAME).u32(id).bytes(from).bytes(to);
        match self.order(rename) {
            Err(Failure::Status(_)) => {
                let _ = self.order(|id| Packet::new(kind::REMOVE).u32(id).bytes(to));
                self.order(rename)
            }
            outcome => outcome,
        }
    }

    /// What lies in a folder.
    pub fn list(&mut self, path: &str, most: usize) -> Result<Vec<(Vec<u8>, Attributes)>, Failure> {
        let handle =
            self.open_with(|id| Packet::new(kind::OPENDIR).u32(id).bytes(path.as_bytes()))?;
        let mut all = Vec::new();
        loop {
            match self.ask(|id| Packet::new(kind::READDIR).u32(id).bytes(&handle.0))? {
                Answer::Names(names) if !names.is_empty() => all.extend(names),
                Answer::Status(status) if status.code == Status::EOF => break,
                Answer::Status(status) => return Err(Failure::Status(status)),
                _ => return Err(self.unexpected()),
            }
            if all.len() > most {
                let text = format!("there is more at {} than can be listed", self.at);
                return Err(Failure::Over(TargetError::Failed(text)));
            }
        }
        self.close(&handle)?;
        Ok(all)
    }

    /// How much room there is; `None` where the server cannot tell.
    pub fn room(&mut self, path: &str) -> Result<Option<Room>, Failure> {
        const NAME: &str = "statvfs@openssh.com";
        const READ_ONLY: u64 = 1;
        if !self.extensions.contains(NAME) {
            return Ok(None);
        }
        let packet =
            |id| Packet::new(kind::EXTENDED).u32(id).bytes(NAME.as_bytes()).bytes(path.as_bytes());
        let Answer::Extended(fields) = self.ask(packet)? else { return Ok(None) };
        let mut fields = Fields(&fields);
        let numbers: Vec<u64> = std::iter::from_fn(|| fields.u64()).take(11).collect();
        let [_, unit, _, _, free, _, _, files, _, flags, _] = numbers[..] else { return Ok(None) };
        let (free, read_only) = (free.saturating_mul(unit), flags & READ_ONLY != 0);
        Ok(Some(Room { free, files, read_only }))
    }

    fn ask_for(&mut self, handle: &Handle, from: u64, length: usize) -> Result<Asked, Failure> {
        let id = self.send(|id| {
            let packet = Packet::new(kind::READ).u32(id).bytes(&handle.0).u64(from);
            packet.u32(u32::try_from(length).unwrap_or(u32::MAX))
        })?;
        Ok(Asked { id, from, length, came: None })
    }

    /// Reads an opened file of that length to its end; who has done so gives the session back.
    pub fn object(self, handle: Handle, length: u64, idle: &Arc<Idle>) -> Object {
        let (asked, left, piece, at) = (0, length, Vec::new(), 0);
        let (session, idle, under_way) = (Some(self), Arc::clone(idle), VecDeque::new());
        Object { session, idle, handle, length, asked, left, under_way, piece, at }
    }
}

/// A file that is read: several requests are under way, and their answers are handed on in order.
pub(super) struct Object {
    /// None when all has come, or nothing more will.
    session: Option<Session>,
    idle: Arc<Idle>,
    handle: Handle,
    length: u64,
    /// How much was asked for.
    asked: u64,
    /// How much is still to come.
    left: u64,
    under_way: VecDeque<Asked>,
    /// What came and was not handed on, from `at`.
    piece: Vec<u8>,
    at: usize,
}

struct Asked {
    id: u32,
    from: u64,
    length: usize,
    came: Option<Vec<u8>>,
}

impl Object {
    /// The next piece of the file.
    fn next(&mut self, session: &mut Session) -> Result<Vec<u8>, Failure> {
        while self.under_way.len() < WINDOW && self.asked < self.length {
            let left = self.length - self.asked;
            let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let asked = session.ask_for(&self.handle, self.asked, length)?;
            self.asked += length as u64;
            self.under_way.push_back(asked);
        }
        loop {
            let Some(first) = self.under_way.front_mut() else { return Err(session.unexpected()) };
            if let Some(came) = first.came.take() {
                let (from, wanted) = (first.from + came.len() as u64, first.length - came.len());
                self.under_way.pop_front();
                if wanted > 0 {
                    let rest = session.ask_for(&self.handle, from, wanted)?;
                    self.under_way.push_front(rest);
                }
                self.left -= came.len() as u64;
                return Ok(came);
            }
            let (id, answer) = session.receive()?;
            let asked = self.under_way.iter_mut().find(|asked| asked.id == id);
            match (asked, answer) {
                (Some(asked), Answer::Data(data))
                    if !data.is_empty() && data.len() <= asked.length && asked.came.is_none() =>
                {
                    asked.came = Some(data);
                }
                (Some(_), Answer::Status(status)) => return Err(Failure::Status(status)),
                _ => return Err(session.unexpected()),
            }
        }
    }
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() && self.left > 0 && !buffer.is_empty() {
            let mut session = self.session.take().ok_or(ErrorKind::ConnectionAborted)?;
            self.piece = self.next(&mut session).map_err(|failure| match failure {
                Failure::Status(status) if status.code == Status::EOF => {
                    io::Error::new(ErrorKind::UnexpectedEof, "it became shorter meanwhile")
                }
                Failure::Status(status) => io::Error::other(status.message),
                Failure::Over(error) => io::Error::new(ErrorKind::ConnectionAborted, error),
            })?;
            self.at = 0;
            if self.left > 0 {
                self.session = Some(session);
            } else if session.close(&self.handle).is_ok() {
                self.idle.give(session);
            }
        }
        let length = buffer.len().min(self.piece.len() - self.at);
        buffer[..length].copy_from_slice(&self.piece[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
