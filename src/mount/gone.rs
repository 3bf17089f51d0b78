//! What ends with a mount that is no more where it was.

use super::table::Mount;
use crate::barrier::txn::{Txn, TxnError};
use crate::lease::store as leases;

/// Ends what was given out at the path of `mount`, which is unmounted or moved: the tokens that
/// logins through it made, and the leases of its secrets.
///
/// They are dead with this change, as their mount is there no more; they are removed by and by.
pub fn gone(txn: &mut Txn, mount: &Mount) -> Result<(), TxnError> {
    leases::end_below(txn, &mount.path)
}
