//! Where tokens lie: each under the HMAC of its id, so that no bearer token can be read out of the
//! store, not even with its keys.
//!
//! | entry of the system | value |
//! |---|---|
//! | `token/id/KEY` | the [`Token`] |
//! | `token/accessor/ACCESSOR` | the key, in hex |
//! | `token/child/ACCESSOR/KEY` | nothing: ACCESSOR is the parent's |
//! | `token/fallen/ACCESSOR` | nothing: it is gone, and its children are still to be removed |
//! | `token/returned/RESTORE-N` | [`Returned`]: they came back by it, and are still to be revoked |

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;
use crate::base::secret::Secret;

use super::record::{Returned, Token, TokenKey};

const FALLEN: &str = "token/fallen";
const RETURNED: &str = "token/returned";

/// The folder of the system in which all tokens lie, each under its key in hex.
pub const FOLDER: &str = "token/id";

/// The key of the token of that id.
pub fn key(txn: &Txn, id: &Secret) -> TokenKey {
    TokenKey::new(txn.token_mac(id.expose()))
}

/// The token, dead or alive.
pub fn get(txn: &mut Txn, key: TokenKey) -> Result<Option<Token>, TxnError> {
    txn.scope(MountId::SYSTEM).read(&entry(key))
}

/// Writes a token that is there already.
pub fn put(txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).write(&entry(key), token)
}

/// Adds a token.
pub fn insert(txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), TxnError> {
    put(txn, key, token)?;
    let mut system = txn.scope(MountId::SYSTEM);
    system.put(&accessor(&token.accessor), key.hex().as_bytes())?;
    match &token.parent {
        Some(parent) => system.put(&child(&parent.accessor, key), &[]),
        None => Ok(()),
    }
}

/// Removes a token. It takes its children with it: without it they are dead, and what is stored of
/// them is removed by and by.
pub fn remove(txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), TxnError> {
    remove_alone(txn, key, token)?;
    let mut system = txn.scope(MountId::SYSTEM);
    if system.is_folder(&children(&token.accessor))? {
        system.put(&format!("{FALLEN}/{}", token.accessor), &[])?;
    }
    Ok(())
}

/// Removes a token whose children were taken from it.
pub fn remove_alone(txn: &mut Txn, key: TokenKey, token: &Token) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    system.delete(&entry(key))?;
    system.delete(&accessor(&token.accessor))?;
    match &token.parent {
        Some(parent) => system.delete(&child(&parent.accessor, key)),
        None => Ok(()),
    }
}

/// Makes a child an orphan.
pub fn orphan(txn: &mut Txn, key: TokenKey, mut token: Token) -> Result<(), TxnError> {
    if let Some(parent) = token.parent.take() {
        txn.scope(MountId::SYSTEM).delete(&child(&parent.accessor, key))?;
    }
    put(txn, key, &token)
}

/// The key of the token that has that accessor.
pub fn by_accessor(txn: &mut Txn, name: &str) -> Result<Option<TokenKey>, TxnError> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = txn.scope(MountId::SYSTEM).get(&accessor(name))?;
    let name = found.as_deref().and_then(|name| std::str::from_utf8(name).ok());
    Ok(name.and_then(TokenKey::from_hex))
}

/// How many tokens there are, dead ones too that nobody has removed yet.
pub fn count(txn: &mut Txn) -> Result<u64, TxnError> {
    txn.scope(MountId::SYSTEM).count("token/id")
}

/// Shows each of them.
pub fn each(txn: &mut Txn, mut look: impl FnMut(Token)) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).each("token/id", |token| {
        look(Token::decode(token)?);
        Ok(())
    })
}

/// At most `most` of the children of the token of that accessor.
pub fn some_children(
    txn: &mut Txn,
    accessor: &str,
    most: usize,
) -> Result<Vec<TokenKey>, TxnError> {
    let names = txn.scope(MountId::SYSTEM).list_some(&children(accessor), most)?;
    Ok(names.iter().filter_map(|name| TokenKey::from_hex(name)).collect())
}

/// The accessor of a token that is gone and may have left children.
pub fn a_fallen(txn: &mut Txn) -> Result<Option<String>, TxnError> {
    Ok(txn.scope(MountId::SYSTEM).list_some(FALLEN, 1)?.pop())
}

/// Notes that no child is left.
pub fn forget_fallen(txn: &mut Txn, accessor: &str) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&format!("{FALLEN}/{accessor}"))
}

/// Removes the link to a child that is there no more.
pub fn unlink(txn: &mut Txn, parent: &str, key: TokenKey) -> Result<(), TxnError> {
    txn.scope(MountId::SYSTEM).delete(&child(parent, key))
}

/// Where the tokens stand, and as what, that come back by a restore of that name and are to be
/// revoked.
pub fn returned(restore: &str, keys: &[TokenKey], most: usize) -> Vec<(String, Vec<u8>)> {
    let parts = keys.chunks(most).enumerate().map(|(number, keys)| {
        let returned = Returned { keys: keys.to_vec() };
        (format!("{RETURNED}/{restore}-{number}"), returned.encode().to_vec())
    });
    parts.collect()
}

/// Whether any such token is noted.
pub fn has_returned(txn: &mut Txn) -> Result<bool, TxnError> {
    Ok(!txn.scope(MountId::SYSTEM).list_some(RETURNED, 1)?.is_empty())
}

/// Some of these tokens, and where they are noted: no more, unless they are put back.
pub fn take_returned(txn: &mut Txn) -> Result<Option<(String, Vec<TokenKey>)>, TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let Some(name) = system.list_some(RETURNED, 1)?.pop() else { return Ok(None) };
    let path = format!("{RETURNED}/{name}");
    let returned = system.read(&path)?.map(|Returned { keys }| keys);
    system.delete(&path)?;
    Ok(returned.map(|keys| (path, keys)))
}

/// Notes those of them again that are left for another step.
pub fn put_back_returned(txn: &mut Txn, path: &str, keys: &[TokenKey]) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    if keys.is_empty() { Ok(()) } else { system.write(path, &Returned { keys: keys.to_vec() }) }
}

fn entry(key: TokenKey) -> String {
    format!("token/id/{}", key.hex())
}

fn accessor(accessor: &str) -> String {
    format!("token/accessor/{accessor}")
}

fn children(parent: &str) -> String {
    format!("token/child/{parent}")
}

fn child(parent: &str, key: TokenKey) -> String {
    format!("{}/{}", children(parent), key.hex())
}
