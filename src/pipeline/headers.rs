//! Vault's own headers: what a request asks for by them beside its token.

use super::wrapping::Wanted;
use crate::api::request::Request;
use crate::base::fault::Fault;
use crate::base::golang;

/// Whether the answer is to be wrapped. The others apply to nothing here: they are passed over
/// unless they are malformed, or name another namespace than the one there is.
pub fn read(request: &Request) -> Result<Wanted, Fault> {
    let wanted = Wanted::read(request)?;
    let all = |name| request.headers.iter().filter(move |(n, _)| n == name).map(|(_, v)| &**v);
    for given in all("x-vault-mfa") {
        match given.split_once(':') {
            Some(("", _)) => return Err(bad_mfa("missing method name or ID")),
            Some((_, "")) => return Err(bad_mfa("missing method value")),
            _ => {}
        }
    }
    if let Some(text) = request.header("x-vault-policy-override").filter(|text| !text.is_empty()) {
        golang::parse_bool(text).map_err(|why| {
            Fault::bad_request(format!(
                "failed to parse X-Vault-Policy-Override header: cannot parse '' as bool: {why}"
            ))
        })?;
    }
    match request.header("x-vault-namespace").unwrap_or_default().trim_matches('/') {
        "" | "root" => Ok(wanted),
        _ => Err(Fault::bad_request(
            "there is only the root namespace: send the request without X-Vault-Namespace",
        )),
    }
}

fn bad_mfa(why: &str) -> Fault {
    Fault::bad_request(format!(
        "failed to parse X-Vault-MFA header: invalid data in header \"X-Vault-MFA\"; {why}"
    ))
}
