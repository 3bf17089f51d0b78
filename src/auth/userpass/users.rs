//! `users/`: who can log in, and with what.

use serde_json::Map;

use super::PASSWORD;
use super::user::{FOLDER, User, name};
use crate::api::call::Call;
use crate::api::difference::{Change, Difference};
use crate::api::effect::Effect;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::auth::terms::kind;
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;
use crate::base::password::{LONGEST, PasswordError, PasswordHash};
use crate::base::secret::Secret;

pub fn list(_: &(), call: &mut Call<'_>) -> Outcome {
    Reply::list(call.scope.list(FOLDER)?)
}

pub fn exists(_: &(), call: &mut Call<'_>) -> Result<bool, Fault> {
    let name = name(call)?;
    Ok(User::load(&mut call.scope, &name)?.is_some())
}

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let user = User::load(&mut call.scope, &name)?.ok_or_else(Fault::not_found)?;
    let mut data = Map::new();
    user.terms.show(&mut data);
    Ok(Reply::data(data))
}

pub fn write(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let known = User::load(&mut call.scope, &name)?;
    let is_new = known.is_none();
    let sent = call.fields.get(&PASSWORD);
    let (terms, password) = match known {
        Some(known) => (known.terms, Some(known.password)),
        None if sent.is_none() => return Err(missing_password()),
        None => Default::default(),
    };
    let mut terms = terms;
    terms.set(call.fields, kind)?;
    let password = match (sent, password) {
        (None, Some(known)) => known,
        (sent, _) => match hash(call, sent)? {
            Hash::Made(hash) => hash,
            Hash::Wanted(effect) => return Ok(Reply::after(effect)),
        },
    };
    User { password, terms }.save(&mut call.scope, &name)?;
    Ok(if is_new { Reply::nothing().with_newcomer(name) } else { Reply::nothing() })
}

pub fn recover(_: &(), call: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
    let (name, source) = (name(call)?, name(then)?);
    let user = User::load(&mut then.scope, &source)?.ok_or_else(Fault::not_in_snapshot)?;
    let is_new = User::load(&mut call.scope, &name)?.is_none();
    user.save(&mut call.scope, &name)?;
    Ok(if is_new { Reply::nothing().with_newcomer(name) } else { Reply::nothing() })
}

pub fn compare(
    _: &(),
    entry: &str,
    before: &mut Scope<'_>,
    after: &mut Scope<'_>,
) -> Result<Option<Difference>, Fault> {
    let folder = entry.strip_prefix(FOLDER);
    let Some(name) = folder.and_then(|rest| rest.strip_prefix('/')) else { return Ok(None) };
    let change = Change::between(&User::load(before, name)?, &User::load(after, name)?);
    Ok(change.map(|change| Difference::at(format!("users/{name}"), change)))
}

pub fn delete(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    call.scope.delete(&format!("{FOLDER}/{name}"))?;
    Ok(Reply::nothing())
}

pub fn set_password(_: &(), call: &mut Call<'_>) -> Outcome {
    let (name, mut user) = existing(call)?;
    match hash(call, call.fields.get(&PASSWORD))? {
        Hash::Made(hash) => user.password = hash,
        Hash::Wanted(effect) => return Ok(Reply::after(effect)),
    }
    user.save(&mut call.scope, &name)?;
    Ok(Reply::nothing())
}

pub fn set_policies(_: &(), call: &mut Call<'_>) -> Outcome {
    let (name, mut user) = existing(call)?;
    if user.terms.set_policies(call.fields) {
        user.save(&mut call.scope, &name)?;
    }
    Ok(Reply::nothing())
}

fn existing(call: &mut Call<'_>) -> Result<(String, User), Fault> {
    let name = name(call)?;
    match User::load(&mut call.scope, &name)? {
        Some(user) => Ok((name, user)),
        None => Err(Fault::listed(500, "username does not exist")),
    }
}

/// The hash of a password: making it is slow, so it is not done while a transaction stands.
enum Hash {
    Made(PasswordHash),
    Wanted(Effect),
}

fn hash(call: &Call<'_>, password: Option<&String>) -> Result<Hash, Fault> {
    let password = password.filter(|password| !password.is_empty()).ok_or_else(missing_password)?;
    if password.len() > LONGEST {
        return Err(PasswordError::TooLong.into());
    }
    if let Some(hash) = call.done.and_then(|done| done.get()) {
        return Ok(Hash::Made(PasswordHash::clone(hash)));
    }
    let (password, salt) = (Secret::new(password.as_bytes()), call.scope.entropy().bytes());
    Ok(Hash::Wanted(Effect::new(move || Ok(PasswordHash::of(password.expose(), salt)?))))
}

fn missing_password() -> Fault {
    Fault::bad_request("missing password")
}
