//! `login/`: a name and a password for a token.

use std::collections::BTreeMap;

use serde_json::Value;

use super::user::{User, name};
use super::{NAME, PASSWORD};
use crate::api::call::Call;
use crate::api::effect::Effect;
use crate::api::field::Fields;
use crate::api::login::{Alias, Login, Renewal, TokenTerms};
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::auth::terms::same_policies;
use crate::base::fault::Fault;
use crate::base::password::PasswordHash;
use crate::base::secret::Secret;

/// Kept with the token.
const KEPT: &str = "username";

pub fn alias(fields: &Fields<'_>) -> Option<String> {
    fields.get(&NAME).map(|name| name.to_lowercase())
}

pub fn login(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let password = call.fields.get(&PASSWORD).filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| Fault::internal("missing password"))?;
    let user = User::load(&mut call.scope, &name)?;
    // Nobody is to learn from the time that it takes whether there is such a user.
    let hash = user.as_ref().map_or_else(PasswordHash::of_nobody, |user| user.password.clone());
    let done = call.done.and_then(|done| done.get::<Compared>());
    let Some(compared) = done.filter(|done| done.hash == hash) else {
        return Ok(Reply::after(Compared::effect(hash, password)));
    };
    match user {
        Some(user) if compared.right => log_in(call, name, user),
        Some(_) => Err(Fault::wrong_credentials("invalid username or password")),
        None => Err(Fault::unknown_user("invalid username or password")),
    }
}

fn log_in(call: &Call<'_>, name: String, user: User) -> Outcome {
    let terms = user.terms.token;
    if !terms.may_come_from(&call.ask.peer) {
        return Err(Fault::denied());
    }
    Ok(Reply::login(Login {
        display_name: name.clone(),
        alias: Some(Alias { name: name.clone(), metadata: BTreeMap::new() }),
        metadata: BTreeMap::from([("username".to_owned(), name.clone())]),
        terms,
        internal: object([(KEPT, name.into())]),
        ..Login::default()
    }))
}

/// What came of comparing the password that was sent: the user may have another since.
struct Compared {
    hash: PasswordHash,
    right: bool,
}

impl Compared {
    fn effect(hash: PasswordHash, password: &str) -> Effect {
        let password = Secret::new(password);
        Effect::new(move || Ok(Self { right: hash.is_of(password.expose())?, hash }))
    }
}

pub fn renew(_: &(), renewal: &mut Renewal<'_>) -> Result<Option<TokenTerms>, Fault> {
    let name = renewal.internal.get(KEPT).and_then(Value::as_str).unwrap_or_default();
    match User::load(&mut renewal.scope, name)? {
        None => Ok(None),
        Some(user) if same_policies(&user.terms.token.policies, renewal.policies) => {
            Ok(Some(user.terms.token))
        }
        Some(_) => Err(Fault::internal("policies have changed, not renewing")),
    }
}
