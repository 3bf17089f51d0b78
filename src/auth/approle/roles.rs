//! `role/`: which roles there are, and what each says.

use serde_json::Value;

use super::fields::{
    BIND_SECRET_ID, BOUND_CIDR_LIST, LOCAL_SECRET_IDS, ROLE_ID, SECRET_ID_BOUND_CIDRS,
    SECRET_ID_NUM_USES, SECRET_ID_TTL,
};
use super::role::{FOLDER, Role, fits, name};
use super::secret_id;
use crate::api::call::Call;
use crate::api::difference::{Change, Difference};
use crate::api::field::Fields;
use crate::api::login::TokenType;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::auth::terms::{self, count, whole};
use crate::barrier::txn::Scope;
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

pub fn list(_: &(), call: &mut Call<'_>) -> Outcome {
    Reply::list(call.scope.list(FOLDER)?)
}

pub fn exists(_: &(), call: &mut Call<'_>) -> Result<bool, Fault> {
    let name = name(call)?;
    Ok(Role::load(&mut call.scope, &name)?.is_some())
}

pub fn read(_: &(), call: &mut Call<'_>) -> Outcome {
    let (_, role) = existing(call)?;
    let mut data = object([
        (BIND_SECRET_ID.info.name, role.bind_secret_id.into()),
        (LOCAL_SECRET_IDS.info.name, role.local_secret_ids.into()),
        (SECRET_ID_BOUND_CIDRS.info.name, show_bound_cidrs(&role)),
        (SECRET_ID_NUM_USES.info.name, role.secret_id_num_uses.into()),
        (SECRET_ID_TTL.info.name, role.secret_id_ttl.as_secs().into()),
    ]);
    role.terms.show(&mut data);
    Ok(Reply::data(data))
}

pub fn write(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let known = Role::load(&mut call.scope, &name)?;
    let id_before = known.as_ref().map(|role| role.id.clone());
    let mut role = known.unwrap_or_else(|| Role::new(call.scope.entropy()));
    set(&mut role, call.fields, id_before.is_none())?;
    let longest = call.mount.max_lease_ttl;
    if role.terms.has_old_period() {
        check_period(&role, longest)?;
    }
    role.save(&mut call.scope, &name, id_before.as_deref())?;
    let mut reply = Reply::nothing();
    if id_before.as_ref() != Some(&role.id) {
        reply = reply.with_newcomer(role.id);
    }
    if let Some(warning) = meaningless(call.fields) {
        reply = reply.warn(warning);
    }
    if role.terms.token.max_ttl.as_secs() > longest {
        reply = reply.warn(
            "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' \
             max TTL value will be truncated",
        );
    }
    Ok(reply)
}

/// The secret ids that are good now stay so, and none of then is good again.
pub fn recover(_: &(), call: &mut Call<'_>, then: &mut Call<'_>) -> Outcome {
    let (name, source) = (name(call)?, name(then)?);
    let role = Role::load(&mut then.scope, &source)?.ok_or_else(Fault::not_in_snapshot)?;
    let standing = Role::load(&mut call.scope, &name)?;
    let id_before = standing.as_ref().map(|role| role.id.clone());
    let Role { drawer, .. } = standing.unwrap_or_else(|| Role::new(call.scope.entropy()));
    let role = Role { drawer, ..role };
    role.save(&mut call.scope, &name, id_before.as_deref())?;
    let is_known = id_before.as_ref() == Some(&role.id);
    Ok(if is_known { Reply::nothing() } else { Reply::nothing().with_newcomer(role.id) })
}

pub fn compare(
    _: &(),
    entry: &str,
    before: &mut Scope<'_>,
    after: &mut Scope<'_>,
) -> Result<Option<Difference>, Fault> {
    let folder = entry.strip_prefix(FOLDER);
    let Some(name) = folder.and_then(|rest| rest.strip_prefix('/')) else { return Ok(None) };
    let change = Change::between(&Role::load(before, name)?, &Role::load(after, name)?);
    Ok(change.map(|change| Difference::at(format!("role/{name}"), change)))
}

pub fn delete(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    if let Some(role) = Role::load(&mut call.scope, &name)? {
        role.remove(&mut call.scope, &name)?;
        secret_id::abandon(&mut call.scope, role.drawer)?;
    }
    Ok(Reply::nothing())
}

pub fn read_id(_: &(), call: &mut Call<'_>) -> Outcome {
    let (_, role) = existing(call)?;
    Ok(Reply::data(object([(ROLE_ID.info.name, role.id.into())])))
}

pub fn set_id(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let role = Role::load(&mut call.scope, &name)?;
    let mut role = role.ok_or_else(|| Fault::listed(404, "unsupported path"))?;
    let sent = call.fields.get(&ROLE_ID).filter(|id| !id.is_empty());
    let sent = sent.ok_or_else(|| Fault::bad_request("missing role_id"))?;
    fits(sent, ROLE_ID.info.name)?;
    let before = std::mem::replace(&mut role.id, sent.clone());
    role.save(&mut call.scope, &name, Some(&before))?;
    Ok(if role.id == before { Reply::nothing() } else { Reply::nothing().with_newcomer(role.id) })
}

pub fn read_local(_: &(), call: &mut Call<'_>) -> Outcome {
    let (_, role) = existing(call)?;
    Ok(Reply::data(object([(LOCAL_SECRET_IDS.info.name, role.local_secret_ids.into())])))
}

/// The role that is read, with its name.
pub fn existing(call: &mut Call<'_>) -> Result<(String, Role), Fault> {
    let name = name(call)?;
    let role = Role::load(&mut call.scope, &name)?.ok_or_else(Fault::not_found)?;
    Ok((name, role))
}

/// From where logins come, as it is shown.
pub fn show_bound_cidrs(role: &Role) -> Value {
    match &role.bound_cidrs {
        None => Value::Null,
        Some(cidrs) => cidrs.iter().map(Cidr::to_block).collect(),
    }
}

/// Networks, with Vault's error.
pub fn blocks(sent: &[String]) -> Result<Vec<Cidr>, String> {
    let block =
        |text: &String| Cidr::block(text).map_err(|_| format!("invalid CIDR address: {text}"));
    sent.iter().map(block).collect()
}

/// Refuses a period that is longer than any lease of the mount.
pub fn check_period(role: &Role, longest: u64) -> Result<(), Fault> {
    let period = role.terms.token.period;
    if period.as_secs() <= longest {
        return Ok(());
    }
    let (period, longest) = (Ttl::from(period), Ttl::from_secs(longest.try_into().unwrap_or(0)));
    Err(Fault::bad_request(format!(
        "period of \"{period}\" is greater than the backend's maximum lease TTL of \"{longest}\""
    )))
}

fn set(role: &mut Role, fields: &Fields<'_>, is_new: bool) -> Result<(), Fault> {
    role.terms.set(fields, kind)?;
    if let Some(sent) = fields.get(&LOCAL_SECRET_IDS) {
        if !is_new {
            return Err(Fault::bad_request(
                "local_secret_ids can only be modified during role creation",
            ));
        }
        role.local_secret_ids = *sent;
    }
    if let Some(sent) = fields.get(&ROLE_ID) {
        if sent.is_empty() {
            return Err(Fault::bad_request(
                "invalid role_id supplied, or failed to generate a role_id",
            ));
        }
        fits(sent, ROLE_ID.info.name)?;
        role.id.clone_from(sent);
    }
    if let Some(sent) = fields.get(&BIND_SECRET_ID) {
        role.bind_secret_id = *sent;
    }
    if let Some(sent) = fields.get(&SECRET_ID_BOUND_CIDRS).or(fields.get(&BOUND_CIDR_LIST)) {
        let failed = |why| Fault::listed(500, &format!("failed to validate CIDR blocks: {why}"));
        role.bound_cidrs = Some(blocks(sent).map_err(failed)?);
    }
    if let Some(sent) = fields.get(&SECRET_ID_NUM_USES) {
        role.secret_id_num_uses = count(*sent, SECRET_ID_NUM_USES.info.name)?;
    }
    if let Some(sent) = fields.get(&SECRET_ID_TTL) {
        role.secret_id_ttl = whole(*sent);
    }
    Ok(())
}

/// Here the types of mounts are taken for those of roles.
fn kind(sent: &str) -> Option<TokenType> {
    match sent {
        "default-service" => Some(TokenType::Service),
        "default-batch" => Some(TokenType::Batch),
        other => terms::kind(other),
    }
}

fn meaningless(fields: &Fields<'_>) -> Option<String> {
    let sent = fields.get(&terms::TYPE)?;
    let taken_for = sent.strip_prefix("default-")?;
    Some(format!("{sent} has no useful meaning; adjusting to {taken_for}"))
}
