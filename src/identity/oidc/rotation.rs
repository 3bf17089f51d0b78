//! Keys are rotated when their time has come.

use std::sync::Arc;

use super::key::Key;
use super::stock::{Halt, Stock, Supply, Wanted};
use crate::barrier::Unsealed;
use crate::barrier::names::MountId;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;

/// Rotates one of the keys that are due, which lie in that mount; whether there was one. Its
/// successor is made outside of any transaction, as RSA's takes a while.
pub fn step(
    unsealed: &Arc<Unsealed>,
    mount: MountId,
    entropy: &dyn Entropy,
) -> Result<bool, Fault> {
    let due = unsealed.transact(|txn| Key::due(&mut txn.scope(mount)))?;
    let Some((name, algorithm)) = due else { return Ok(false) };
    let stock = Stock::make(Wanted { algorithm, number: 1 })?;
    let supply = Supply { stock: Some(&stock), entropy };
    let rotated = unsealed.transact(|txn| {
        let mut scope = txn.scope(mount);
        let now = scope.expiry_now();
        match Key::by_name(&mut scope, &name)? {
            Some(key) if key.is_due(now) => key.rotate(&mut scope, &name, None, supply),
            _ => Ok(()),
        }
    });
    match rotated {
        // Or somebody has changed its algorithm meanwhile.
        Ok(()) | Err(Halt::Wanted(_)) => Ok(true),
        Err(Halt::Fault(fault)) => Err(fault),
    }
}
