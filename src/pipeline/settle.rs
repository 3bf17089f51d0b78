//! What becomes of a handler's reply before it is sent: it is not wrapped yet, so who asks for
//! that is refused.

use crate::api::reply::Reply;
use crate::api::request::Request;
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

/// Whether the request asks for its answer to be wrapped.
#[derive(Clone, Copy)]
pub struct Wrap(bool);

/// Reads `X-Vault-Wrap-TTL`, before anything is done.
pub fn wanted(request: &Request) -> Result<Wrap, Fault> {
    let text = request.header("x-vault-wrap-ttl").unwrap_or_default();
    let bad =
        |why: &str| Fault::bad_request(format!("error parsing X-Vault-Wrap-TTL header: {why}"));
    match Ttl::parse(text) {
        Ok(ttl) if ttl.is_negative() => Err(bad("requested wrap ttl cannot be negative")),
        Ok(ttl) => Ok(Wrap(!ttl.is_zero())),
        Err(error) => Err(bad(&error.to_string())),
    }
}

impl Wrap {
    /// Refuses rather than to send in the clear what was to be wrapped.
    pub fn refuse(self) -> Result<(), Fault> {
        match self {
            Self(false) => Ok(()),
            Self(true) => Err(Fault::bad_request(
                "response wrapping is not supported by this version: send the request without \
                 X-Vault-Wrap-TTL",
            )),
        }
    }
}

/// A refusal here undoes the request: nothing of it has been committed yet.
pub fn settle(reply: Reply, wrap: Wrap) -> Outcome {
    wrap.refuse().map(|()| reply)
}
