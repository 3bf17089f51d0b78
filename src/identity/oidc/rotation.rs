//! Keys are rotated when their time has come.

use std::sync::Arc;

use super::key::{self, Key};
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
    let after = key::generate(algorithm)?;
    unsealed.transact(|txn| {
        let mut scope = txn.scope(mount);
        let now = scope.expiry_now();
        match Key::by_name(&mut scope, &name)? {
            Some(key) if key.is_due(now) && key.algorithm == algorithm => {
                key.rotate(&mut scope, &name, &after, None, entropy)
            }
            // Somebody has changed it meanwhile.
            _ => Ok(()),
        }
    })?;
    Ok(true)
}
