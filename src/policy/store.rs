//! The stored half of policies: an entry each, below `policy/acl/` in the system's part of the
//! store. It holds the hash of the policy's text, which stands in a part of its own: so a request
//! reads a few bytes for each of its token's policies, however long their texts are.

use serde::{Deserialize, Serialize};

use super::builtin;
use super::name::Name;
use super::names;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::digest::sha256;
use crate::base::policies;
use crate::base::record::{Record, RecordError};

/// Where they lie.
const FOLDER: &str = "policy/acl";

/// The part that holds the text.
const TEXT: u64 = 0;

/// The SHA-256 of a policy's text.
pub type Digest = [u8; 32];

#[derive(Serialize, Deserialize)]
struct Head {
    digest: Digest,
}

impl Record for Head {
    const VERSION: u8 = 1;
}

/// Writes what a new store begins with.
pub fn first(txn: &mut Txn) -> Result<(), TxnError> {
    write(txn, &Name::of(policies::DEFAULT), builtin::DEFAULT_TEXT)
}

/// Sets a policy's text, which the caller has parsed.
pub fn write(txn: &mut Txn, name: &Name, text: &str) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    let head = Head { digest: sha256(text.as_bytes()) };
    system.write(&place(name), &head)?;
    system.put_part(&place(name), TEXT, text.as_bytes())
}

/// The hash of a policy's text, if the policy is there.
pub fn digest(txn: &mut Txn, name: &Name) -> Result<Option<Digest>, TxnError> {
    let head: Option<Head> = txn.scope(MountId::SYSTEM).read(&place(name))?;
    Ok(head.map(|head| head.digest))
}

/// A policy's text, if the policy is there.
pub fn text(txn: &mut Txn, name: &Name) -> Result<Option<String>, TxnError> {
    match name.as_str() {
        policies::ROOT => return Ok(Some(String::new())),
        policies::RESPONSE_WRAPPING => return Ok(Some(builtin::RESPONSE_WRAPPING_TEXT.to_owned())),
        _ => {}
    }
    let stored = txn.scope(MountId::SYSTEM).get_part(&place(name), TEXT)?;
    let text = stored.map(|bytes| String::from_utf8(bytes.to_vec()));
    text.transpose().map_err(|_| RecordError::Malformed.into())
}

/// Whether a token may be given the policy and have something of it.
pub fn exists(txn: &mut Txn, name: &Name) -> Result<bool, TxnError> {
    Ok(name.as_str() == policies::ROOT || digest(txn, name)?.is_some())
}

/// Removes a policy, if it is there.
pub fn delete(txn: &mut Txn, name: &Name) -> Result<(), TxnError> {
    let mut system = txn.scope(MountId::SYSTEM);
    system.delete(&place(name))?;
    system.delete_part(&place(name), TEXT)
}

/// The name of what lies at an entry of the system's part of the store, if that is one of these.
pub fn name_at(entry: &str) -> Option<Name> {
    entry.strip_prefix(FOLDER)?.strip_prefix('/').map(Name::of)
}

/// The names of all policies that a token may be given, root last.
pub fn list(txn: &mut Txn) -> Result<Vec<String>, TxnError> {
    let mut names = names::below(&mut txn.scope(MountId::SYSTEM), FOLDER)?;
    names.push(policies::ROOT.to_owned());
    Ok(names)
}

fn place(name: &Name) -> String {
    format!("{FOLDER}/{name}")
}
