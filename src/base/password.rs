//! Passwords, kept as bcrypt hashes in the usual text form: those that Vault made verify here.
//!
//! A hash is meant to be slow, so few are made at once: as many as half of the cores, at least one.
//! With those who wait for their turn there are never more than [`PRESENT`]; whoever comes then is
//! told to try again. So nobody takes a board's cores or its workers by sending passwords.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::turns::Turns;

/// The longest password, in bytes: bcrypt reads no further.
pub const LONGEST: usize = 72;
/// How many passwords are hashed or wait for that at once: half of the server's workers.
pub const PRESENT: usize = 16;
/// Vault's: 2 to this power are the rounds.
const COST: u32 = 10;

/// The hash of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(String);

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// It is longer than [`LONGEST`].
    TooLong,
    /// [`PRESENT`] are at it already.
    Busy,
    /// What it is compared with is no hash: the store is damaged.
    Malformed,
}

impl PasswordHash {
    /// The hash of a new password; `salt` is random.
    pub fn of(password: &[u8], salt: [u8; 16]) -> Result<Self, PasswordError> {
        if password.len() > LONGEST {
            return Err(PasswordError::TooLong);
        }
        let _turn = TURNS.wait_among(PRESENT).ok_or(PasswordError::Busy)?;
        let parts = bcrypt::hash_with_salt(password, COST, salt);
        let parts = parts.map_err(|_| PasswordError::Malformed)?;
        Ok(Self(parts.format_for_version(bcrypt::Version::TwoA)))
    }

    /// The hash of no password that is known: comparing with it takes as long as with any.
    pub fn of_nobody() -> Self {
        let (salt, hash) = (".".repeat(22), ".".repeat(31));
        Self(format!("$2a${COST:02}${salt}{hash}"))
    }

    /// Whether it is that of `password`, found out in a time that does not depend on it. Of a
    /// longer one the first [`LONGEST`] bytes count, as they did when older servers took it.
    pub fn is_of(&self, password: &[u8]) -> Result<bool, PasswordError> {
        let _turn = TURNS.wait_among(PRESENT).ok_or(PasswordError::Busy)?;
        bcrypt::verify(password, &self.0).map_err(|_| PasswordError::Malformed)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "password length exceeds {LONGEST} bytes"),
            Self::Busy => f.write_str("too many passwords are being checked: try again"),
            Self::Malformed => f.write_str("a stored password is damaged"),
        }
    }
}

impl std::error::Error for PasswordError {}

impl From<PasswordError> for Fault {
    fn from(error: PasswordError) -> Self {
        let status = match error {
            PasswordError::TooLong => 400,
            PasswordError::Busy => 429,
            PasswordError::Malformed => 500,
        };
        let fault = Self::new(status, error.to_string());
        match error {
            PasswordError::Busy => fault.again_in("1"),
            PasswordError::TooLong | PasswordError::Malformed => fault,
        }
    }
}

/// Those of the whole process, however many mounts have passwords: the cores are its own.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(at_once()));

/// How many hashes are made at once.
fn at_once() -> usize {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    (cores / 2).clamp(1, PRESENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_others_verify() {
        for (password, hash) in [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            // Of 73 bytes the last does not count.
            (
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\
                 0123456789chars after 72 are ignored",
                "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            ),
        ] {
            let hash = PasswordHash(hash.to_owned());
            assert_eq!(hash.is_of(password.as_bytes()), Ok(true), "{password}");
            assert_eq!(hash.is_of(b"another"), Ok(false), "{password}");
        }
    }

    #[test]
    fn a_password_is_that_of_its_hash_alone() {
        let hash = PasswordHash::of(b"pw\0x", [1; 16]).unwrap();
        assert!(hash.0.starts_with("$2a$10$") && hash.0.len() == 60, "{}", hash.0);
        assert_ne!(hash, PasswordHash::of(b"pw\0x", [2; 16]).unwrap());
        assert_eq!(hash.is_of(b"pw\0x"), Ok(true));
        assert_eq!(hash.is_of(b"pw"), Ok(false));
        assert_eq!(PasswordHash::of_nobody().is_of(b"pw"), Ok(false));
        assert_eq!(PasswordHash::of(&[b'x'; 73], [1; 16]), Err(PasswordError::TooLong));
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }
}
