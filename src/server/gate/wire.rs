//! A peer's socket, with or without TLS over it. Never waits.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown};
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use super::buffer::Buffer;
use super::desk::Scratch;
use crate::server::counters::Counters;

/// Room that TLS adds to 16 KiB of content at most, a key update included.
const RECORD_OVERHEAD: usize = 256;
const RECORD_CONTENT: usize = 16 << 10;

/// What one attempt to read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Something was read; there may be more.
    Some,
    /// Nothing is there now.
    Blocked,
    /// The peer sends nothing more.
    End,
}

/// A connection that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The socket failed: reset, or gone.
    Socket,
    /// What arrived is no TLS, or nothing that both sides speak. An alert may wait to be sent.
    Tls,
    /// What arrived looks like HTTP where TLS is spoken.
    Plain,
}

/// The transport of one connection.
pub struct Wire {
    socket: OwnedFd,
    tls: Option<Box<UnbufferedServerConnection>>,
    /// Whether the handshake verifies the peer's certificate.
    verified: bool,
    /// TLS records that are not whole yet.
    raw: Buffer,
    /// What waits to be sent.
    out: Buffer,
    /// The socket may have something to read.
    pub readable: bool,
    /// The socket may take something.
    pub writable: bool,
    /// The peer has said its last, though it may not be read yet.
    pub hung_up: bool,
    ended: bool,
    /// TLS failed: nothing more is said but its alert, which waits.
    failed: bool,
}

impl Wire {
    /// A new connection's.
    pub fn new(
        socket: OwnedFd,
        tls: Option<Box<UnbufferedServerConnection>>,
        verified: bool,
    ) -> Self {
        let (raw, out) = (Buffer::default(), Buffer::default());
        Self {
            socket,
            tls,
            verified,
            raw,
            out,
            readable: false,
            writable: true,
            hung_up: false,
            ended: false,
            failed: false,
        }
    }

    /// The socket, to be watched.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether the TLS handshake, if there is one, still goes on.
    pub fn is_greeting(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// The peer's certificates, leaf first, DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let chain = self.tls.as_ref().and_then(|tls| tls.peer_certificates()).unwrap_or_default();
        chain.iter().map(|certificate| certificate.to_vec()).collect()
    }

    /// The serial number of the peer's certificate, where it was verified.
    pub fn serial(&self) -> Option<String> {
        let chain = self.tls.as_ref().filter(|_| self.verified)?.peer_certificates()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(chain.first()?).ok()?;
        Some(certificate.tbs_certificate.serial.to_string())
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self) -> usize {
        self.out.len()
    }

    /// Whether bytes were received that nobody has looked at.
    pub fn has_unread(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Bytes of memory that they take up.
    pub fn unread_size(&self) -> usize {
        self.raw.size()
    }

    /// Reads once, through `scratch`, and appends what it means to `plain`.
    pub fn fill(
        &mut self,
        scratch: &mut Scratch,
        plain: &mut Buffer,
        counters: &Counters,
    ) -> Result<Fill, Lost> {
        if self.ended {
            return Ok(Fill::End);
        }
        if !self.readable {
            return Ok(Fill::Blocked);
        }
        let room = scratch.room();
        let most = room.len();
        let mut received = match rustix::io::read(&self.socket, room) {
            Ok(0) => {
                self.ended = true;
                return Ok(Fill::End);
            }
            Ok(n) => scratch.filled(n),
            Err(Errno::AGAIN) => {
                self.readable = false;
                return Ok(Fill::Blocked);
            }
            Err(Errno::INTR) => return Ok(Fill::Some),
            Err(_) => return Err(Lost::Socket),
        };
        counters.bytes_in.add(received.len() as u64);
        // A short read means that nothing is left (epoll(7)), but perhaps the end.
        self.readable = received.len() == most || self.hung_up;
        let Some(tls) = &mut self.tls else {
            plain.append(&received);
            return Ok(Fill::Some);
        };
        if self.raw.is_empty() && tls.is_handshaking() && received[0].is_ascii_uppercase() {
            return Err(Lost::Plain);
        }
        let read = if self.raw.is_empty() {
            let read = decrypt(tls, &mut received, plain, &mut self.out);
            self.raw.append(&received[read.used..]);
            read
        } else {
            self.raw.append(&received);
            let read = decrypt(tls, self.raw.as_mut_slice(), plain, &mut self.out);
            self.raw.consume(read.used);
            read
        };
        self.ended |= read.ended;
        self.failed |= read.failed;
        if read.failed { Err(Lost::Tls) } else { Ok(Fill::Some) }
    }

    /// Reads and throws away; whether the peer has ended.
    pub fn discard(&mut self, scratch: &mut Scratch) -> Result<Fill, Lost> {
        match rustix::io::read(&self.socket, scratch.room()) {
            Ok(0) => Ok(Fill::End),
            Ok(n) => {
                drop(scratch.filled(n));
                Ok(Fill::Some)
            }
            Err(Errno::INTR) => Ok(Fill::Some),
            Err(Errno::AGAIN) => Ok(Fill::Blocked),
            Err(_) => Err(Lost::Socket),
        }
    }

    /// Puts `plain` behind what waits to be sent.
    pub fn send(&mut self, plain: &[u8]) -> Result<(), Lost> {
        let Some(tls) = &mut self.tls else {
            self.out.append(plain);
            return Ok(());
        };
        if self.failed {
            return Err(Lost::Tls);
        }
        let room = plain.len() + (plain.len() / RECORD_CONTENT + 1) * RECORD_OVERHEAD;
        match tls.process_tls_records(self.raw.as_mut_slice()).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => self
                .out
                .append_with(room, |out| traffic.encrypt(plain, out))
                .map_err(|_: EncryptError| Lost::Tls),
            _ => Err(Lost::Tls),
        }
    }

    /// Puts bytes of no protocol behind what waits: what tells a peer that it speaks the wrong one.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.out.append(bytes);
    }

    /// Says, over TLS, that nothing more comes: a cut is told from an end by this.
    pub fn say_goodbye(&mut self) {
        let Some(tls) = self.tls.as_mut().filter(|_| !self.failed) else { return };
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) =
            tls.process_tls_records(self.raw.as_mut_slice()).state
        {
            // A peer that cannot be told is closed all the same.
            let _: Result<(), EncryptError> =
                self.out.append_with(RECORD_OVERHEAD, |out| traffic.queue_close_notify(out));
        }
    }

    /// Sends what waits, as far as the socket takes it; how many bytes it took.
    pub fn flush(&mut self, counters: &Counters) -> Result<usize, Lost> {
        let mut sent = 0;
        while self.writable && !self.out.is_empty() {
            match rustix::net::send(&self.socket, self.out.as_slice(), SendFlags::NOSIGNAL) {
                Ok(n) => {
                    self.writable = n == self.out.len();
                    self.out.consume(n);
                    sent += n;
                }
                Err(Errno::AGAIN) => self.writable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Lost::Socket),
            }
        }
        counters.bytes_out.add(sent as u64);
        Ok(sent)
    }

    /// Ends our side of the connection; what is still received is only thrown away.
    pub fn shut(&mut self) {
        self.raw = Buffer::default();
        // It may be gone already.
        let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
    }
}

/// What became of received records.
struct Read {
    used: usize,
    ended: bool,
    failed: bool,
}

/// Works through whole records: handshake answers go to `out`, content to `plain`.
fn decrypt(
    tls: &mut UnbufferedServerConnection,
    records: &mut [u8],
    plain: &mut Buffer,
    out: &mut Buffer,
) -> Read {
    let mut read = Read { used: 0, ended: false, failed: false };
    loop {
        let UnbufferedStatus { discard, state, .. } =
            tls.process_tls_records(&mut records[read.used..]);
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(Ok(record)) = traffic.next_record() {
                    plain.append(record.payload);
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                let is_last = read.failed;
                read.failed |= encode(&mut data, out).is_err();
                if is_last {
                    return read;
                }
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => read.ended = true,
            // An alert may follow. With that encoded it is over: rustls, asked once more, would
            // meet the cause anew, which it must not.
            Err(_) if !read.failed => read.failed = true,
            _ => {
                read.used += discard;
                return read;
            }
        }
        read.used += discard;
    }
}

fn encode<D>(
    data: &mut rustls::unbuffered::EncodeTlsData<'_, D>,
    out: &mut Buffer,
) -> Result<(), EncodeError> {
    let size = match data.encode(&mut []) {
        Err(EncodeError::InsufficientSize(size)) => size.required_size,
        other => return other.map(drop),
    };
    out.append_with(size, |room| data.encode(room))
}
