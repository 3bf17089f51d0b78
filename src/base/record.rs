//! Stored structs: postcard behind a version byte.
//!
//! Postcard has no defaults, so a changed struct is a new type beside the old one, with the next
//! version; `decode` of the new one reads both.

use postcard::ser_flavors::Size;
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
        // Measured first: a buffer that grows leaves what was in it behind, unwiped.
        let written = postcard::serialize_with_flavor(self, Size::default()).and_then(|length| {
            let mut out = Zeroizing::new(vec![Self::VERSION; 1 + length]);
            postcard::to_slice(self, &mut out[1..])?;
            Ok(out)
        });
        written.expect("only types that postcard cannot express fail, no record")
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Two(String, Vec<u64>);

    impl Record for Two {
        const VERSION: u8 = 7;
    }

    #[test]
    fn it_is_written_into_memory_of_its_own_length() {
        for length in [0, 1, 63, 64, 65, 100_000] {
            let record = Two("a".repeat(length), vec![u64::MAX; length]);
            let written = record.encode();
            assert_eq!((written[0], written.capacity()), (7, written.len()));
            assert_eq!(Two::decode(&written), Ok(record));
        }
    }
}
