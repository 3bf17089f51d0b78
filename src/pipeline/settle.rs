//! What becomes of a handler's reply before it is sent: here leases, logins and wrappings are
//! made of what engines and auth methods return.

use crate::api::ask::Ask;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

/// Whether the request asks for its answer to be wrapped.
pub struct Wrap(bool);

/// Reads `X-Vault-Wrap-TTL`, before anything is done.
pub fn wanted(ask: &Ask) -> Result<Wrap, Fault> {
    let text = ask.header("x-vault-wrap-ttl").unwrap_or_default();
    let bad =
        |why: &str| Fault::bad_request(format!("error parsing X-Vault-Wrap-TTL header: {why}"));
    match Ttl::parse(text) {
        Ok(ttl) if ttl.is_negative() => Err(bad("requested wrap ttl cannot be negative")),
        Ok(ttl) => Ok(Wrap(!ttl.is_zero())),
        Err(error) => Err(bad(&error.to_string())),
    }
}

/// Refuses rather than to send in the clear what was to be wrapped. The refusal undoes the
/// request: nothing of it has been committed yet.
pub fn settle(reply: Reply, wrap: Wrap) -> Outcome {
    if wrap.0 {
        let text = "response wrapping is not supported by this version: send the request without \
                    X-Vault-Wrap-TTL";
        return Err(Fault::bad_request(text));
    }
    Ok(reply)
}
