//! What helps where a server refused. It is said after the server's own words, on a line that
//! Vault's command line does not print.

use super::context::Context;
use crate::client::{Call, Error, Refusal};

const INIT: &str = "Initialise it: `edgekeep operator init`";
const UNSEAL: &str = "Unseal it: `edgekeep operator unseal`";
const LOG_IN: &str = "No token was sent. Log in: `edgekeep login`";

/// What to do about an error, where that is known.
pub fn of(cx: &mut Context, error: &Error) -> Option<&'static str> {
    let Error::Refused(refusal) = error else { return None };
    let says = |text: &str| refusal.errors.iter().flatten().any(|error| error.contains(text));
    if says("is not initialized") {
        return Some(INIT);
    }
    // A standby says itself how it comes to serve.
    if says("is a standby") {
        return None;
    }
    if says("is sealed") {
        return Some(if is_new(cx) { INIT } else { UNSEAL });
    }
    (is_about_rights(refusal) && cx.lacks_token()).then_some(LOG_IN)
}

/// Whether a server that says to be sealed was never initialised.
fn is_new(cx: &mut Context) -> bool {
    let status = cx.look_up(&Call::get("sys/seal-status"));
    status.is_some_and(|status| status.body["initialized"] == false)
}

/// Newer servers than ours tell one who has no token by a status of its own.
fn is_about_rights(refusal: &Refusal) -> bool {
    let mut errors = refusal.errors.iter().flatten();
    refusal.status == 403 || errors.any(|error| error.contains("missing client token"))
}
