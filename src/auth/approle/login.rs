//! `login`: a role's id and a secret id for a token.

use serde_json::Value;

use super::fields::{ROLE_ID, SECRET_ID};
use super::issue::{no_role, within};
use super::role::Role;
use super::secret_id::{Place, SecretId};
use crate::api::call::Call;
use crate::api::field::{Field, Fields};
use crate::api::login::{Alias, Login, Renewal, TokenTerms};
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;
use crate::base::golang::quote;

/// Kept with the token, and shown in its metadata.
const KEPT: &str = "role_name";
/// The same for an unknown role and an unknown secret id, so that nobody learns which roles
/// there are.
const INVALID: &str = "invalid role or secret ID";

pub fn alias(fields: &Fields<'_>) -> Option<String> {
    sent(fields, &ROLE_ID).map(str::to_owned)
}

pub fn role(_: &(), call: &mut Call<'_>) -> Result<Option<String>, Fault> {
    let Some(id) = sent(call.fields, &ROLE_ID) else { return Ok(None) };
    Ok(Role::by_id(&mut call.scope, id)?.map(|(name, _)| name))
}

pub fn login(_: &(), call: &mut Call<'_>) -> Outcome {
    let missing = |what| move || Fault::bad_request(format!("missing {what}"));
    let id = sent(call.fields, &ROLE_ID).ok_or_else(missing("role_id"))?;
    let role = Role::by_id(&mut call.scope, id)?;
    let (name, role) = role.ok_or_else(|| Fault::unknown_user(INVALID))?;
    let mut metadata = Default::default();
    let mut terms = role.terms.token.clone();
    if role.bind_secret_id {
        let secret_id = sent(call.fields, &SECRET_ID).ok_or_else(missing("secret_id"))?;
        let secret_id = spend(call, &role, secret_id)?;
        metadata = secret_id.metadata;
        if !secret_id.token_cidrs.is_empty() {
            terms.bound_cidrs = secret_id.token_cidrs;
        }
    }
    if let Some(cidrs) = &role.bound_cidrs {
        comes_from(call, cidrs, "by CIDR restrictions on the role")?;
    }
    metadata.insert(KEPT.to_owned(), name.clone());
    Ok(Reply::login(Login {
        alias: Some(Alias { name: role.id, metadata: metadata.clone() }),
        role: name.clone(),
        metadata,
        terms,
        internal: object([(KEPT, name.into())]),
        ..Login::default()
    }))
}

/// The secret id, of which this login is a use: the last one is its end.
fn spend(call: &mut Call<'_>, role: &Role, secret_id: &str) -> Result<SecretId, Fault> {
    let place = Place::of(&call.scope, role.drawer, secret_id);
    let mut id = SecretId::load(&mut call.scope, &place)?
        .ok_or_else(|| Fault::wrong_credentials(INVALID))?;
    within(&id.cidrs, role.bound_cidrs.as_deref().unwrap_or_default()).map_err(Fault::internal)?;
    comes_from(call, &id.cidrs, "through CIDR restrictions on the secret ID")?;
    match id.num_uses {
        0 => {}
        1 => id.remove(&mut call.scope, &place)?,
        _ => {
            id.num_uses -= 1;
            id.updated = call.scope.now();
            id.update(&mut call.scope, &place)?;
        }
    }
    Ok(id)
}

fn comes_from(call: &Call<'_>, cidrs: &[Cidr], restriction: &str) -> Result<(), Fault> {
    let address = call.ask.peer.address;
    let within = |address| cidrs.iter().any(|cidr| cidr.contains(address));
    if cidrs.is_empty() || address.is_some_and(within) {
        return Ok(());
    }
    let address = quote(&address.map(|address| address.to_string()).unwrap_or_default());
    Err(Fault::bad_request(format!("source address {address} unauthorized {restriction}")))
}

/// What was sent, without spaces around it; `None` when that is nothing.
fn sent<'f>(fields: &'f Fields<'_>, field: &Field<String>) -> Option<&'f str> {
    fields.get(field).map(|sent| sent.trim()).filter(|sent| !sent.is_empty())
}

pub fn renew(_: &(), renewal: &mut Renewal<'_>) -> Result<Option<TokenTerms>, Fault> {
    let name = renewal.internal.get(KEPT).and_then(Value::as_str).unwrap_or_default();
    match Role::load(&mut renewal.scope, name)? {
        Some(role) => Ok(Some(role.terms.token)),
        None => Err(Fault::internal(format!("{} during renewal", no_role(name)))),
    }
}
