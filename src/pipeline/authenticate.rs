//! Who sends a request: its token, looked up in the request's own transaction.

use super::tokens::{Found, Tokens};
use crate::api::ask::Ask;
use crate::barrier::txn::Txn;
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;

/// The sender's token, of which this is a use. `None` when none was sent; one that is unknown or
/// dead, or is used from where it may not be, is refused.
pub fn sender(tokens: &Tokens, txn: &mut Txn, ask: &Ask) -> Result<Option<Found>, Fault> {
    let id = ask.token.as_ref().filter(|id| !id.expose().is_empty());
    let Some(id) = id else { return Ok(None) };
    let mut found = tokens.find(txn, id)?.ok_or_else(Fault::denied)?;
    if !Cidr::admit(&found.token.bound_cidrs, ask.peer.address) {
        return Err(Fault::denied());
    }
    tokens.use_once(txn, &mut found)?;
    Ok(Some(found))
}

/// The token of a request that needs none. It is no use of it, and one that is no good is as none.
pub fn guest(tokens: &Tokens, txn: &mut Txn, ask: &Ask) -> Result<Option<Found>, Fault> {
    let Some(id) = ask.token.as_ref().filter(|id| !id.expose().is_empty()) else { return Ok(None) };
    let found = tokens.find(txn, id)?;
    Ok(found.filter(|found| Cidr::admit(&found.token.bound_cidrs, ask.peer.address)))
}
