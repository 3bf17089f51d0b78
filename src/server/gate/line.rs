//! A kept connection to the inner HTTP server: one request at a time.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::net::SendFlags;

use super::answer::{self, Manner};
use super::body::Body;
use super::buffer::Buffer;
use super::desk::{Filled, Scratch};
use super::head::Framing;
use super::peer::WINDOW;
use super::slots::Key;
use crate::server::http::Connection;

/// A line that cannot be used any more.
#[derive(Debug)]
pub struct Dead;

/// Where the answer on a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Its head is still to come.
    Head,
    /// That many bytes of body are still to come.
    Body(u64),
    /// The body comes in chunks, and nobody knows for how long.
    Endless,
}

/// One line.
pub struct Line {
    socket: Connection,
    out: Buffer,
    /// What was read of a head, or of the framing of a chunk, that is not whole.
    held: Buffer,
    chunks: Body,
    /// Where the answer stands.
    pub progress: Progress,
    /// The answer is made as it goes out: it may wait here for its peer.
    pub streamed: bool,
    /// Bytes of room that its answer waits for.
    pub wanted: usize,
    /// Whose request it carries.
    pub peer: Option<Key>,
    /// It is of no use after this answer.
    pub last: bool,
    /// Another was asked for in its place.
    pub replaced: bool,
    /// The socket may have something to read.
    pub readable: bool,
    /// The socket may take something.
    pub writable: bool,
    /// The other end may be gone.
    pub hung_up: bool,
    deaf: bool,
}

impl Line {
    /// A line that carries nothing yet; `socket` does not block.
    pub fn new(socket: Connection) -> Self {
        Self {
            socket,
            out: Buffer::default(),
            held: Buffer::default(),
            chunks: Body::new(Framing::Chunked),
            progress: Progress::Head,
            streamed: false,
            wanted: 0,
            peer: None,
            last: false,
            replaced: false,
            readable: false,
            writable: true,
            hung_up: false,
            deaf: false,
        }
    }

    /// The socket, to be watched.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Begins a request of `peer`.
    pub fn begin(&mut self, peer: Key, request: Buffer, last: bool) {
        self.peer = Some(peer);
        self.last = last;
        self.progress = Progress::Head;
        self.wanted = 0;
        self.out = request;
        self.flush();
    }

    /// Whether it can carry another request.
    pub fn is_reusable(&self) -> bool {
        !self.last && !self.deaf && self.out.is_empty()
    }

    /// Adds a chunk of the request's body; an empty one is its end.
    pub fn send_chunk(&mut self, content: &[u8]) {
        self.out.append(format!("{:x}\r\n", content.len()).as_bytes());
        self.out.append(content);
        self.out.append(b"\r\n");
    }

    /// Writes what waits, as far as the socket takes it. An inner server that reads no more may
    /// have answered all the same: reading tells.
    pub fn flush(&mut self) {
        while self.writable && !self.out.is_empty() {
            match rustix::net::send(&self.socket, self.out.as_slice(), SendFlags::NOSIGNAL) {
                Ok(n) => self.out.consume(n),
                Err(Errno::AGAIN) => self.writable = false,
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.deaf = true;
                    self.readable = true;
                    self.out = Buffer::default();
                }
            }
        }
    }

    /// How much of a body it takes now; none when it reads no more.
    pub fn room(&self) -> usize {
        if self.deaf { 0 } else { WINDOW.saturating_sub(self.out.len()) }
    }

    /// Reads once; none when nothing is there.
    pub fn read<'a>(&mut self, scratch: &'a mut Scratch) -> Result<Option<Filled<'a>>, Dead> {
        let room = scratch.room();
        let most = room.len();
        match rustix::io::read(&self.socket, room) {
            Ok(0) => Err(Dead),
            Ok(n) => {
                self.readable = n == most || self.hung_up;
                Ok(Some(scratch.filled(n)))
            }
            Err(Errno::AGAIN) => {
                self.readable = false;
                Ok(None)
            }
            Err(Errno::INTR) => Ok(None),
            Err(_) => Err(Dead),
        }
    }

    /// Turns bytes of the answer into what the peer gets, behind `out`.
    pub fn pass(
        &mut self,
        mut bytes: &[u8],
        manner: Manner,
        out: &mut Vec<u8>,
    ) -> Result<(), Dead> {
        if self.progress == Progress::Head {
            let earlier = self.held.len();
            let whole = if earlier == 0 {
                answer::pass(bytes, manner, out)
            } else {
                self.held.append(bytes);
                answer::pass(self.held.as_slice(), manner, out)
            };
            match whole {
                Ok(Some(answer)) => {
                    bytes = &bytes[answer.length - earlier..];
                    self.held = Buffer::default();
                    self.progress = match answer.body {
                        Framing::Length(length) => Progress::Body(length),
                        Framing::Chunked => Progress::Endless,
                    };
                    // Who writes without an end has the line to the last.
                    self.last |= self.progress == Progress::Endless;
                    self.streamed = answer.streamed;
                }
                Ok(None) => {
                    if earlier == 0 {
                        self.held.append(bytes);
                    }
                    return Ok(());
                }
                Err(answer::Senseless) => return Err(Dead),
            }
        }
        if self.progress == Progress::Endless {
            return self.pass_chunks(bytes, manner, out);
        }
        let Progress::Body(left) = self.progress else { return Ok(()) };
        let left = left.checked_sub(bytes.len() as u64).ok_or(Dead)?;
        out.extend_from_slice(bytes);
        self.progress = Progress::Body(left);
        Ok(())
    }

    fn pass_chunks(&mut self, bytes: &[u8], manner: Manner, out: &mut Vec<u8>) -> Result<(), Dead> {
        let mut content = Buffer::default();
        self.held.append(bytes);
        self.chunks.take(&mut self.held, &mut content, usize::MAX).map_err(|_| Dead)?;
        if !content.is_empty() {
            answer::chunk(content.as_slice(), manner.chunks, out);
        }
        if self.chunks.is_whole() {
            answer::chunk(&[], manner.chunks, out);
            self.progress = Progress::Body(0);
        }
        Ok(())
    }
}
