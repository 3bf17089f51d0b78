//! `tidy/secret-id`: what is left of secret ids that have ended is removed.

use super::secret_id;
use crate::api::call::Call;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;

/// Removes a first batch at once; the others follow when this is done by itself.
pub fn start(_: &(), call: &mut Call<'_>) -> Outcome {
    secret_id::tidy(&mut call.scope)?;
    let reply = Reply::nothing().warn(
        "Tidy operation successfully started. Any information from the operation will be printed \
         to Vault's server logs.",
    );
    Ok(reply.with_status(202))
}

pub fn tend(_: &(), scope: &mut Scope<'_>) -> Result<bool, Fault> {
    Ok(secret_id::tidy(scope)?)
}
