//! Shares of the unseal key as people give them, and the gathering of enough of them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::api::field::Field;
use crate::api::strict::Strict;
use crate::barrier::seal::shamir;
use crate::barrier::{Barrier, UnsealError, Unsealed};
use crate::base::fault::Fault;
use crate::base::hex;
use crate::base::pages::{Key, Locked};
use crate::base::secret::{Secret, same};
use crate::base::sync::lock;

const MIN: usize = 16;
const MAX: usize = 33;

/// The share.
pub const KEY: Field<String> = Field::new("key", "The share, in hex or base64.");
/// Of a rekey or the like.
pub const NONCE: Field<String> =
    Field::new("nonce", "The nonce that was answered when this was begun.");
/// How a key is split.
pub const SECRET_SHARES: Field<i64> = Field::new("secret_shares", "How many shares: 1 to 255.");
/// How many shares open.
pub const SECRET_THRESHOLD: Field<i64> =
    Field::new("secret_threshold", "How many of them are needed.");
/// To whom each share is encrypted.
pub const PGP_KEYS: Field<Vec<String>> = Field::new(
    "pgp_keys",
    "Public keys in base64 or ASCII armor, one for each share, which is then encrypted to it.",
);

/// What is said where a share must be sent and was not.
pub const MISSING: &str = "'key' must be specified in request body as JSON";

/// A share that may be one by its length: 16 to 33 bytes, in locked pages: it may wait there for
/// others for days. Compared in constant time.
pub struct Share {
    /// Zeros after its end.
    bytes: Locked<[u8; MAX]>,
    length: usize,
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && same(&*self.bytes, &*other.bytes)
    }
}

impl Eq for Share {}

/// Why a text is no share. The texts are Vault's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareError {
    /// Neither hex nor base64.
    Encoding,
    /// Under 16 bytes.
    Short,
    /// Over 33 bytes.
    Long,
}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("'key' must be a valid hex or base64 string"),
            Self::Short => write!(f, "key is shorter than minimum {MIN} bytes"),
            Self::Long => write!(f, "key is longer than maximum {MAX} bytes"),
        }
    }
}

impl Share {
    /// The share in a request's `key`. `said` stands before what is wrong with its length, and
    /// `missing` is said where none was sent.
    pub fn sent(body: &Strict, said: &str, missing: &'static str) -> Result<Self, Fault> {
        match body.text("Key")? {
            "" => Err(Fault::bad_request(missing)),
            text => Self::parse(text).map_err(|error| match error {
                ShareError::Encoding => Fault::bad_request(error.to_string()),
                ShareError::Short | ShareError::Long => {
                    Fault::bad_request(format!("{said}{error}"))
                }
            }),
        }
    }

    /// Reads hex or base64. Where a text is both, hex counts if it gives a share's length.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let hex = hex::decode(text).filter(|bytes| (MIN..=MAX).contains(&bytes.len()));
        let bytes = hex.or_else(|| STANDARD.decode(text).ok()).ok_or(ShareError::Encoding)?;
        Self::of(&Secret::new(bytes))
    }

    fn of(sent: &Secret) -> Result<Self, ShareError> {
        let sent = sent.expose();
        if sent.len() < MIN {
            return Err(ShareError::Short);
        }
        let mut bytes = Locked::new([0; MAX]);
        bytes.get_mut(..sent.len()).ok_or(ShareError::Long)?.copy_from_slice(sent);
        Ok(Self { bytes, length: sent.len() })
    }
}

/// Shares given so far, none of them twice.
#[derive(Default)]
pub struct Gathering(Vec<Share>);

/// What a share changed.
pub enum Step {
    /// It had been given before.
    Known,
    /// It counts, and more are needed.
    More,
    /// It was the last that was needed: the key they make, or that they make none. The gathering
    /// is empty again.
    Enough(Result<Key<32>, UnsealError>),
}

impl Gathering {
    /// How many were given.
    pub fn progress(&self) -> usize {
        self.0.len()
    }

    /// Adds a share; `needed` make a key.
    pub fn give(&mut self, share: Share, needed: u8) -> Step {
        if self.0.contains(&share) {
            return Step::Known;
        }
        self.0.push(share);
        if self.0.len() < needed.into() {
            return Step::More;
        }
        let shares: Vec<Secret> =
            self.0.drain(..).map(|share| Secret::new(&share.bytes[..share.length])).collect();
        Step::Enough(shamir::combine(&shares).ok_or(UnsealError::WrongKey))
    }

    /// The same for what is begun and carried on, where giving a share twice is a mistake: the
    /// key, once there are enough. Vault calls it an `operation`.
    pub fn take(
        &mut self,
        share: Share,
        needed: u8,
        operation: &str,
    ) -> Result<Option<Result<Key<32>, UnsealError>>, Fault> {
        match self.give(share, needed) {
            Step::Known => Err(Fault::bad_request(format!(
                "given key has already been provided during this {operation} operation"
            ))),
            Step::More => Ok(None),
            Step::Enough(key) => Ok(Some(key)),
        }
    }
}

/// Whoever carries on what was begun names it by its `nonce`; Vault calls it an `operation`.
pub fn must_name(sent: &str, nonce: &str, operation: &str) -> Result<(), Fault> {
    if sent == nonce {
        return Ok(());
    }
    Err(Fault::bad_request(format!(
        "incorrect nonce supplied; nonce for this {operation} operation is {nonce:?}"
    )))
}

/// What is under way on an unsealed store, one at a time. It ends when the store is sealed,
/// whoever seals it: what was begun over other keys is never carried on.
pub struct Undertaking<T>(Mutex<State<T>>);

struct State<T> {
    on: Weak<Unsealed>,
    current: Option<T>,
}

impl<T> Default for Undertaking<T> {
    fn default() -> Self {
        Self(Mutex::new(State { on: Weak::new(), current: None }))
    }
}

impl<T> Undertaking<T> {
    /// What is under way on this store. Whoever holds it keeps others out.
    pub fn on(&self, unsealed: &Arc<Unsealed>) -> Held<'_, T> {
        let mut state = lock(&self.0);
        let on = Arc::downgrade(unsealed);
        if !state.on.ptr_eq(&on) {
            *state = State { on, current: None };
        }
        Held(state)
    }
}

/// The undertaking, held.
pub struct Held<'a, T>(MutexGuard<'a, State<T>>);

impl<T> std::ops::Deref for Held<'_, T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0.current
    }
}

impl<T> std::ops::DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut Option<T> {
        &mut self.0.current
    }
}

/// How many shares open an initialized store or, where it has an automatic seal, allow what only
/// those may who hold shares.
pub fn needed(barrier: &Barrier) -> Result<u8, Fault> {
    let settings = barrier.settings();
    let settings = settings.and_then(|settings| settings.ok_or(UnsealError::NotInitialized));
    let settings = settings.map_err(|error| Fault::internal(error.to_string()))?;
    Ok(settings.kind.split().threshold())
}

/// What a client is told when shares do not open the store. `doing` tells what failed.
pub fn refused(doing: &str, error: &UnsealError) -> Fault {
    match error {
        UnsealError::NotInitialized => Fault::bad_request("Vault is not initialized"),
        UnsealError::WrongKey => Fault::bad_request(format!(
            "{doing}: invalid key: these shares do not open the store: give those of its last \
             init or rekey, each once"
        )),
        _ => Fault::internal(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_hex_or_base64() {
        let share = |bytes: &[u8]| Share::of(&Secret::new(bytes));
        for (text, expected) in [
            (
                "000102030405060708090a0b0c0d0e0f",
                share(&std::array::from_fn::<u8, 16, _>(|i| i as u8)),
            ),
            ("AAECAwQFBgcICQoLDA0ODw==", share(&std::array::from_fn::<u8, 16, _>(|i| i as u8))),
            ("zz zz", Err(ShareError::Encoding)),
            ("abcd", Err(ShareError::Short)),
            ("abcd1234", Err(ShareError::Short)),
            (&"ab".repeat(34), Err(ShareError::Long)),
        ] {
            let parsed = Share::parse(text);
            assert!(parsed == expected, "{text}");
        }
        assert!(Share::parse(&"ab".repeat(33)).is_ok());
        // 64 hex digits are also base64 of 48 bytes: hex counts.
        assert!(Share::parse(&"ab".repeat(32)).is_ok());
    }
}
