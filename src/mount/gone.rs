//! What ends with a mount that is no more where it was.

use super::table::Mount;
use crate::barrier::txn::{Txn, TxnError};

/// Ends what was given out at the path of `mount`, which is unmounted or moved: the tokens that
/// logins through it made, and the leases of its secrets.
pub fn gone(_txn: &mut Txn, _mount: &Mount) -> Result<(), TxnError> {
    // There are neither logins nor leases yet.
    Ok(())
}
