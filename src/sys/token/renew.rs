//! Renewing tokens.

use super::fields::{INCREMENT, TOKEN};
use super::{Service, by_accessor as found_by_accessor, own as own_token};
use crate::api::call::SystemCall;
use crate::api::reply::{Auth, Content, Reply};
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::pipeline::renew::renew;
use crate::pipeline::tokens::Found;

pub fn own(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = own_token(service, call)?;
    let id = call.ask.token.clone().unwrap_or_default();
    renewed(service, call, found, &id)
}

pub fn by_id(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.fields.get(&TOKEN).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Fault::bad_request("missing token ID"))?;
    let id = Secret::new(id.as_str());
    // A wrapping token is none that anybody may prolong.
    let found = service.tokens.find(call.txn, &id)?.filter(|found| !found.token.is_wrapping());
    let found = found.ok_or_else(|| Fault::bad_request("token not found"))?;
    renewed(service, call, found, &id)
}

pub fn by_accessor(service: &Service, call: &mut SystemCall<'_>) -> Outcome {
    let found = found_by_accessor(service, call)?;
    let found = found.ok_or_else(|| Fault::listed(400, "invalid accessor"))?;
    if !found.token.life.renewable {
        return Err(Fault::listed(400, "invalid request"));
    }
    renewed(service, call, found, &Secret::default())
}

fn renewed(service: &Service, call: &mut SystemCall<'_>, mut found: Found, id: &Secret) -> Outcome {
    let increment = call.fields.get(&INCREMENT).copied().unwrap_or_default();
    let granted =
        renew((&service.tokens, &service.rights), service.ttls, call.txn, &mut found, increment)?;
    let Some((shown, warnings)) = granted else { return Ok(Reply::nothing()) };
    let mut reply = Reply::of(200, Content::Data(None));
    let mut shown = shown;
    shown.insert("client_token".to_owned(), String::from_utf8_lossy(id.expose()).into());
    reply.auth = Auth::Shown(shown);
    reply.warnings = warnings;
    Ok(reply)
}
