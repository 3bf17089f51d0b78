//! The stored half of tokens.

use serde::{Deserialize, Serialize};

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::record::Record;
use crate::base::secret::Secret;

/// What is stored of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// By which it is named without being shown.
    pub accessor: String,
    /// Where its private secrets lie; never shown.
    pub cubbyhole: String,
    /// Its policies.
    pub policies: Vec<String>,
    /// The path of the request that made it.
    pub path: String,
    /// Shown in the audit log.
    pub display_name: String,
    /// When it was made.
    pub created: Timestamp,
}

impl Record for Token {
    const VERSION: u8 = 1;
}

impl Token {
    /// Whether everything is allowed to it.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }
}

/// Makes a root token that never expires. `id` is given in dev mode; else it is random.
pub fn create_root(
    txn: &mut Txn,
    entropy: &dyn Entropy,
    path: &str,
    id: Option<Secret>,
) -> Result<Secret, TxnError> {
    let id = id.unwrap_or_else(|| Secret::new(format!("hvs.{}", entropy.base62(24))));
    let token = Token {
        accessor: entropy.base62(24),
        cubbyhole: entropy.uuid(),
        policies: vec!["root".to_owned()],
        path: path.to_owned(),
        display_name: "root".to_owned(),
        created: txn.now(),
    };
    let place = place(txn, &id);
    txn.scope(MountId::SYSTEM)
        .put(&format!("token/accessor/{}", token.accessor), place.as_bytes())?;
    txn.scope(MountId::SYSTEM).write(&place, &token)?;
    Ok(id)
}

/// The token of that id, if there is one.
pub fn lookup(txn: &mut Txn, id: &Secret) -> Result<Option<Token>, TxnError> {
    let place = place(txn, id);
    txn.scope(MountId::SYSTEM).read(&place)
}

/// Makes the token useless. Returns what it was, so that the caller removes what goes with it.
pub fn revoke(txn: &mut Txn, id: &Secret) -> Result<Option<Token>, TxnError> {
    let place = place(txn, id);
    let token = txn.scope(MountId::SYSTEM).read::<Token>(&place)?;
    if let Some(token) = &token {
        txn.scope(MountId::SYSTEM).delete(&format!("token/accessor/{}", token.accessor))?;
        txn.scope(MountId::SYSTEM).delete(&place)?;
    }
    Ok(token)
}

fn place(txn: &Txn, id: &Secret) -> String {
    format!("token/id/{}", hex::encode(&txn.token_mac(id.expose())))
}
