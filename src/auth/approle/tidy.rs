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
    Ok(Reply::tidying())
}

pub fn tend(_: &(), scope: &mut Scope<'_>) -> Result<bool, Fault> {
    Ok(secret_id::tidy(scope)?)
}
