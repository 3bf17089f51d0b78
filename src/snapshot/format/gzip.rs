//! gzip (RFC 1952) around bytes that are stored, not deflated (RFC 1951, 3.2.4): sealed entries
//! do not compress, and so the length is known before the first byte is written.
//!
//! The reader takes only what the writer writes. A general inflater would not notice a changed
//! bit in the fields that carry nothing; here every bit counts.

use std::io::{self, Read, Write};

use crc32fast::Hasher;

use super::{broken, cut_short};

/// Magic, deflate, no flags, no time, no extra flags, unknown system.
pub const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

const BLOCK: usize = u16::MAX as usize;
/// What stands before the bytes of each block.
pub const BLOCK_HEADER: usize = 5;
const TRAILER: usize = 8;

/// How long `content` bytes are once wrapped.
pub fn wrapped(content: u64) -> u64 {
    let blocks = content.div_ceil(BLOCK as u64).max(1);
    (HEADER.len() + TRAILER) as u64 + content + blocks * BLOCK_HEADER as u64
}

/// Wraps what is written to it. Nothing is complete before [`finish`](Self::finish).
pub struct Wrap<W> {
    to: W,
    block: Vec<u8>,
    crc: Hasher,
    length: u64,
}

impl<W: Write> Wrap<W> {
    /// Begins with the header.
    pub fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&HEADER)?;
        Ok(Self { to, block: Vec::with_capacity(BLOCK), crc: Hasher::new(), length: 0 })
    }

    /// Writes the last block and the trailer.
    pub fn finish(mut self) -> io::Result<()> {
        self.put_block(true)?;
        self.to.write_all(&self.crc.finalize().to_le_bytes())?;
        // RFC 1952: the length modulo 2^32.
        self.to.write_all(&(self.length as u32).to_le_bytes())?;
        self.to.flush()
    }

    fn put_block(&mut self, last: bool) -> io::Result<()> {
        let [low, high] = (self.block.len() as u16).to_le_bytes();
        self.to.write_all(&[u8::from(last), low, high, !low, !high])?;
        self.to.write_all(&self.block)?;
        self.crc.update(&self.block);
        self.length += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for Wrap<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The last block is marked, so a full one waits until something follows it.
        if self.block.len() == BLOCK && !bytes.is_empty() {
            self.put_block(false)?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what [`Wrap`] wrote. Its end is the end of the stream, the trailer checked.
pub struct Unwrap<R> {
    from: R,
    left: usize,
    last: bool,
    ended: bool,
    crc: Hasher,
    length: u64,
}

impl<R: Read> Unwrap<R> {
    /// Reads on after [`HEADER`].
    pub fn after_header(from: R) -> Self {
        Self { from, left: 0, last: false, ended: false, crc: Hasher::new(), length: 0 }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let [marks, low, high, not_low, not_high] = self.array()?;
        if marks > 1 {
            return Err(broken(
                "it was compressed again by another program (decompress it with gunzip, and give \
                 the tar file), or is damaged",
            ));
        }
        if [!low, !high] != [not_low, not_high] {
            return Err(broken("the length of a block is damaged"));
        }
        self.last = marks == 1;
        self.left = usize::from(u16::from_le_bytes([low, high]));
        if self.left == 0 && !(self.last && self.length == 0) {
            return Err(broken("a block is empty"));
        }
        Ok(())
    }

    fn check_trailer(&mut self) -> io::Result<()> {
        let (crc, length) = (self.array()?, self.array()?);
        if u32::from_le_bytes(crc) != self.crc.clone().finalize() {
            return Err(broken("its CRC-32 does not match"));
        }
        if u32::from_le_bytes(length) != self.length as u32 {
            return Err(broken("its length does not match"));
        }
        super::must_end(&mut self.from)?;
        self.ended = true;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.from.read_exact(&mut out).map_err(cut_short)?;
        Ok(out)
    }
}

impl<R: Read> Read for Unwrap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        while self.left == 0 {
            if self.last {
                self.check_trailer()?;
                return Ok(0);
            }
            self.next_block()?;
        }
        let wanted = buffer.len().min(self.left);
        let read = self.from.read(&mut buffer[..wanted])?;
        if read == 0 {
            return Err(cut_short(io::ErrorKind::UnexpectedEof.into()));
        }
        self.crc.update(&buffer[..read]);
        self.left -= read;
        self.length += read as u64;
        Ok(read)
    }
}
