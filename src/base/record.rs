//! Stored structs: postcard behind a version byte.
//!
//! Postcard has no defaults, so a changed struct is a new type beside the old one, with the next
//! version; `decode` of the new one reads both.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// A struct that is stored.
pub trait Record: Serialize + DeserializeOwned {
    /// The version byte in front.
    const VERSION: u8;

    /// The stored form, wiped when dropped: it may hold secrets.
    #[expect(clippy::expect_used, reason = "each record has a round-trip test")]
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Vec::with_capacity(64);
        out.push(Self::VERSION);
        let out = postcard::to_extend(self, out);
        Zeroizing::new(out.expect("only types that postcard cannot express fail, no record"))
    }

    /// Reads what [`encode`](Self::encode) wrote; nothing may be left over.
    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((version, body)) if *version == Self::VERSION => decode_body(body),
            Some((version, _)) => Err(RecordError::Version(*version)),
            None => Err(RecordError::Malformed),
        }
    }
}

/// Reads the body of one version of a record.
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, RecordError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        _ => Err(RecordError::Malformed),
    }
}

/// Why stored bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Written by a newer Edgekeep: the version found.
    Version(u8),
    /// Cut short, too long, or not of this type.
    Malformed,
}

impl std::fmt::Display for RecordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(v) => {
                write!(f, "a record of version {v}, newer than this edgekeep knows: upgrade it")
            }
            Self::Malformed => write!(f, "a record that cannot be read: the store is damaged"),
        }
    }
}

impl std::error::Error for RecordError {}
