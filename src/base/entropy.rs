//! The only place that reads the random source (TLS aside): everything else is handed an
//! [`Entropy`], so that a run can be replayed from a seed.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use rustix::fs::OFlags;

use super::digest::MacKey;
use super::hex;

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`; waits, at the first boot of a board, until the kernel's source is seeded.
    fn fill(&self, bytes: &mut [u8]);
}

/// The UUID (RFC 9562, version 4) that has these bytes, but for what tells its version.
pub fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random UUID (RFC 9562, version 4) as text.
    pub fn uuid(&self) -> String {
        uuid(self.bytes())
    }

    /// `len` random bytes in hex.
    pub fn hex(&self, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        hex::encode(&bytes)
    }

    /// `len` random letters and digits: Vault's form of a token's body and of an accessor.
    pub fn base62(&self, len: usize) -> String {
        let mut out = String::with_capacity(len);
        while out.len() < len {
            let chunk: [u8; 48] = self.bytes();
            let text = GeneralPurpose::new(&STANDARD, NO_PAD).encode(chunk);
            out.extend(text.chars().filter(char::is_ascii_alphanumeric).take(len - out.len()));
        }
        out
    }
}

/// The kernel's source (getrandom(2)).
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::expect_used, reason = "without randomness no secret may be made")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the kernel gives random bytes");
    }
}

/// Whether the kernel's source is seeded, so that nothing waits for it. Kernels before 5.6 may say
/// no although it is.
pub fn is_ready() -> io::Result<bool> {
    let mut options = OpenOptions::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut source = options.read(true).custom_flags(flags).open("/dev/random")?;
    match source.read_exact(&mut [0]) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Bytes that follow from a seed, for runs that must be repeatable. Never for real secrets.
pub struct SeededEntropy {
    key: MacKey,
    block: AtomicU64,
}

impl SeededEntropy {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self { key: MacKey::new(&key), block: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = self.block.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&self.key.mac(&[&block.to_le_bytes()])[..chunk.len()]);
        }
    }
}
