//! Batch tokens: the token itself, sealed, is its own id, so that nothing is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::record::Token;
use crate::barrier::txn::Txn;
use crate::base::record::Record;
use crate::base::secret::Secret;

/// What every batch token's id begins with.
pub const PREFIX: &[u8] = b"hvb.";

/// What it is sealed for, so that nothing else that leaves the store opens as one.
const PURPOSE: &[u8] = b"batch token";

/// The longest id that is looked at, in bytes: none that was made here is longer.
const LONGEST: usize = 64 << 10;

/// The id that is the token; `None` when it would be longer than any that is taken.
pub fn id(txn: &Txn, token: &Token) -> Option<Secret> {
    let sealed = txn.seal_outside(PURPOSE, &token.encode());
    let mut id = PREFIX.to_vec();
    id.extend(URL_SAFE_NO_PAD.encode(sealed).into_bytes());
    (id.len() <= LONGEST).then(|| Secret::new(id))
}

/// The token in an id; `None` when it is none that was made here.
pub fn open(txn: &Txn, id: &Secret) -> Option<Token> {
    let text = id.expose().strip_prefix(PREFIX).filter(|_| id.expose().len() <= LONGEST)?;
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    Token::decode(&txn.open_outside(PURPOSE, &sealed)?).ok()
}
