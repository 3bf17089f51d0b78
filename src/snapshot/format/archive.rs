//! The tar archive (GNU form) in its gzip wrapping.
//!
//! Each header is compared with the one that would be written for the same name, length and time,
//! so that no changed byte goes unseen.

use std::io::{self, BufReader, Cursor, Read, Write};

use tar::Header;

use super::gzip::{self, Unwrap, Wrap};
use super::{broken, cut_short};
use crate::base::clock::Timestamp;
use crate::base::digest::Sha256;
use crate::snapshot::SnapshotError;

/// Members other than the state are shorter than this, in bytes: HashiCorp's readers stop there.
pub const SMALL: usize = 8192;

const BLOCK: usize = 512;
/// Two blocks of zeros.
const END: usize = 2 * BLOCK;

/// What [`is_foreign`] looks at: the wrapping's beginning and the first header.
pub const START: usize = gzip::HEADER.len() + gzip::BLOCK_HEADER + BLOCK;

/// Whether what begins so is a gzip that no Edgekeep can have begun, however it was damaged since
/// in a few bits: HashiCorp's programs do not write GNU's form of tar.
pub fn is_foreign(start: &[u8]) -> bool {
    let first = start.last_chunk().filter(|_| start.len() == START);
    let gnu = |block: &[u8; BLOCK]| Header::from_byte_slice(block).as_gnu().is_some();
    start.starts_with(&gzip::HEADER[..2]) && first.is_some_and(|block| !gnu(block))
}

/// How long an archive is whose members have these lengths, wrapping included.
pub fn length(members: &[u64]) -> u64 {
    let block = BLOCK as u64;
    let content: u64 = members.iter().map(|length| block + length.next_multiple_of(block)).sum();
    gzip::wrapped(content + END as u64)
}

/// Writes an archive.
pub struct Writer<W: Write> {
    to: Wrap<W>,
    time: Timestamp,
}

impl<W: Write> Writer<W> {
    /// Begins an archive whose members are from `time`.
    pub fn new(to: W, time: Timestamp) -> io::Result<Self> {
        Ok(Self { to: Wrap::new(to)?, time })
    }

    /// Adds a member that is `length` bytes long.
    pub fn member(&mut self, name: &str, length: u64, content: &mut dyn Read) -> io::Result<()> {
        self.to.write_all(header(name, length, self.time.as_secs())?.as_bytes())?;
        if io::copy(&mut content.take(length), &mut self.to)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.to.write_all(&[0; BLOCK][..padding(length)])
    }

    /// Ends the archive.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.write_all(&[0; END])?;
        self.to.finish()
    }
}

/// Reads an archive, wrapped or as a plain tar file.
pub struct Reader<R> {
    from: BufReader<Wrapping<R>>,
}

enum Wrapping<R> {
    Gzip(Unwrap<R>),
    Plain(io::Chain<Cursor<[u8; gzip::HEADER.len()]>, R>),
}

impl<R: Read> Reader<R> {
    /// Looks at the first bytes.
    pub fn new(mut from: R) -> io::Result<Self> {
        let mut start = gzip::HEADER;
        from.read_exact(&mut start).map_err(cut_short)?;
        let wrapping = match start {
            gzip::HEADER => Wrapping::Gzip(Unwrap::after_header(from)),
            [0x1f, 0x8b, ..] => {
                return Err(broken(
                    "its gzip header is not Edgekeep's: it is of another program, or was \
                     compressed again (decompress it with gunzip, and give the tar file), or is \
                     damaged",
                ));
            }
            _ => Wrapping::Plain(Cursor::new(start).chain(from)),
        };
        Ok(Self { from: BufReader::with_capacity(64 << 10, wrapping) })
    }

    /// Reads a member below [`SMALL`] whole, with its SHA-256.
    pub fn small(&mut self, name: &str) -> Result<(Vec<u8>, [u8; 32]), SnapshotError> {
        self.member(name, |length, content| {
            if length == 0 || length >= SMALL as u64 {
                return Err(broken(format!("the length of {name} cannot be right")).into());
            }
            let mut bytes = Vec::with_capacity(SMALL);
            content.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// Hands the next member, which must be of that name, to `read` with its length, and returns
    /// what that makes of it with the SHA-256.
    pub fn member<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(u64, &mut dyn Read) -> Result<T, SnapshotError>,
    ) -> Result<(T, [u8; 32]), SnapshotError> {
        let mut block = [0; BLOCK];
        self.from.read_exact(&mut block).map_err(cut_short)?;
        let found = Header::from_byte_slice(&block);
        if *found.path_bytes() != *name.as_bytes() {
            return Err(broken(format!("it is no snapshot, or {name} is not in its place")).into());
        }
        let damaged = || broken(format!("the tar header of {name} is damaged"));
        let length = found.entry_size().map_err(|_| damaged())?;
        let time = found.mtime().map_err(|_| damaged())?;
        if header(name, length, time)?.as_bytes() != found.as_bytes() {
            return Err(damaged().into());
        }
        let mut content = Content { from: &mut self.from, left: length, hash: Sha256::new() };
        let made = read(length, &mut content)?;
        if content.left > 0 {
            return Err(broken(format!("{name} holds more than it should")).into());
        }
        let hash = content.hash.finish();
        self.zeros(padding(length))?;
        Ok((made, hash))
    }

    /// Passes over all that is left, of which the wrapping is checked alone.
    pub fn pass(&mut self) -> io::Result<()> {
        io::copy(&mut self.from, &mut io::sink()).map(drop)
    }

    /// The end of the archive and of the stream.
    pub fn end(&mut self) -> io::Result<()> {
        self.zeros(END)?;
        super::must_end(&mut self.from)
    }

    fn zeros(&mut self, count: usize) -> io::Result<()> {
        let mut block = [0; END];
        self.from.read_exact(&mut block[..count]).map_err(cut_short)?;
        if block.iter().all(|byte| *byte == 0) {
            Ok(())
        } else {
            Err(broken("something stands where nothing should"))
        }
    }
}

impl<R: Read> Read for Wrapping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(from) => from.read(buffer),
            Self::Plain(from) => from.read(buffer),
        }
    }
}

/// The inside of a member: an early end of the archive is an error.
struct Content<'a, R> {
    from: &'a mut R,
    left: u64,
    hash: Sha256,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.from.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(cut_short(io::ErrorKind::UnexpectedEof.into()));
        }
        self.hash.update(&buffer[..read]);
        self.left -= read as u64;
        Ok(read)
    }
}

fn header(name: &str, length: u64, time: u64) -> io::Result<Header> {
    // GNU's form: it can say lengths above 8 GiB, and everything reads it.
    let mut header = Header::new_gnu();
    header.set_path(name)?;
    header.set_size(length);
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_cksum();
    Ok(header)
}

fn padding(length: u64) -> usize {
    (length.next_multiple_of(BLOCK as u64) - length) as usize
}
