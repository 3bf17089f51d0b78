//! Revoking tokens. All that descend from one fall with it, in the same change.

use super::fields::TOKEN;
use super::{Service, by_accessor as found_by_accessor, own as own_token};
use crate::api::call::SystemCall;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::pipeline::tokens::Found;
use crate::token::record::Kind;

pub fn own(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = revocable(own_token(service, call)?)?;
    service.tokens.revoke(call.txn, &found)?;
    Ok(Reply::nothing())
}

pub fn by_id(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    if let Some(found) = named(service, call)? {
        service.tokens.revoke(call.txn, &found)?;
    }
    Ok(Reply::nothing())
}

pub fn by_accessor(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    match found_by_accessor(service, call)? {
        Some(found) => {
            service.tokens.revoke(call.txn, &found)?;
            Ok(Reply::nothing())
        }
        None => Ok(Reply::nothing().warn("No token found with this accessor")),
    }
}

pub fn orphan(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = named(service, call)?;
    if !call.caller.is_some_and(|caller| caller.sudo) {
        let text = "root or sudo privileges required to revoke and orphan";
        return Err(Fault::bad_request(text));
    }
    let found = found.ok_or_else(|| Fault::bad_request("token to revoke not found"))?;
    service.tokens.revoke_orphan(call.txn, &found)?;
    Ok(Reply::nothing())
}

/// Vault looks for accessors, links to parents and cubbyholes that a token left behind. Here they
/// are removed by the same change as the token, and its children by and by, in the background.
pub fn tidy(_: &Service, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::tidying())
}

fn named(service: &Service, call: &mut SystemCall<'_>) -> Result<Option<Found>, Fault> {
    let id = call.fields.get(&TOKEN).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Fault::bad_request("missing token ID"))?;
    let found = service.tokens.find(call.txn, &Secret::new(id.as_str()))?;
    found.map(revocable).transpose()
}

/// Nothing is stored of a batch token that could be removed.
fn revocable(found: Found) -> Result<Found, Fault> {
    match found.token.kind {
        Kind::Service => Ok(found),
        Kind::Batch => Err(Fault::bad_request("batch tokens cannot be revoked")),
    }
}
