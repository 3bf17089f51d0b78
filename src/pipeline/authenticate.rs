//! Who sends a request: its token, looked up in the request's own transaction.

use crate::api::call::Caller;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::token::store;

/// The sender; `None` when no token was sent. A token that is unknown is refused at once.
pub fn caller(txn: &mut Txn, token: Option<&Secret>) -> Result<Option<Caller>, Fault> {
    let Some(id) = token.filter(|id| !id.expose().is_empty()) else { return Ok(None) };
    let token = store::lookup(txn, id)?.ok_or_else(Fault::denied)?;
    let root = token.is_root();
    Ok(Some(Caller {
        accessor: token.accessor,
        display_name: token.display_name,
        entity_id: String::new(),
        policies: token.policies,
        cubbyhole: token.cubbyhole,
        root,
        sudo: root,
    }))
}
