//! Recovery keys, which only an automatic seal has.

use super::RekeyService;
use crate::api::ask::DirectAsk;
use crate::api::call::SystemCall;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::base::fault::Fault;

/// Everything below `rekey-recovery-key`.
pub fn unsupported(service: &RekeyService, _: DirectAsk) -> Outcome {
    service.unsealed()?;
    Err(Fault::bad_request("recovery rekeying not supported"))
}

/// GET `rekey/recovery-key-backup`.
pub fn read_backup(_: &RekeyService, _: &mut SystemCall<'_>) -> Outcome {
    Err(Fault::bad_request("no backed-up keys found"))
}

/// DELETE `rekey/recovery-key-backup`.
pub fn delete_backup(_: &RekeyService, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::nothing())
}
