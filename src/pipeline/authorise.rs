//! Whether the sender may do it.

use crate::api::call::Caller;
use crate::api::route::Access;
use crate::base::fault::Fault;

/// Refuses who may not call an endpoint of that access.
pub fn check(caller: Option<&Caller>, access: Access) -> Result<(), Fault> {
    match (access, caller) {
        (Access::Sealed | Access::Unauthenticated, _) => Ok(()),
        (Access::Policy | Access::Sudo | Access::SudoUnlessSealed, Some(caller)) if caller.root => {
            Ok(())
        }
        (Access::Policy | Access::Sudo | Access::SudoUnlessSealed, _) => Err(Fault::denied()),
    }
}
