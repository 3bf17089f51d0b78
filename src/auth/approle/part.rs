//! `role/NAME/FIELD`: each field of a role as an endpoint of its own, for policies that allow one
//! and not another.

use serde_json::{Map, Value};

use super::fields::{
    BIND_SECRET_ID, BOUND_CIDR_LIST, SECRET_ID_BOUND_CIDRS, SECRET_ID_NUM_USES, SECRET_ID_TTL,
};
use super::role::{Role, name};
use super::roles::{blocks, check_period, existing, show_bound_cidrs};
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::field::{FieldInfo, Fields};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::auth::terms::{self, Terms, addresses, count, whole};
use crate::base::cidr::Cidr;
use crate::base::fault::Fault;

/// One field of a role.
pub trait Part: 'static {
    /// How it is shown.
    fn show(role: &Role) -> Map<String, Value>;
    /// Sets what was sent; `longest` is how many seconds a lease of the mount lasts at most.
    fn set(role: &mut Role, fields: &Fields<'_>, longest: u64) -> Result<(), Fault>;
    /// Sets it to what it is in a new role.
    fn reset(role: &mut Role);
    /// Said when it is read.
    const WARNING: Option<&'static str> = None;
}

/// The endpoint of a field.
pub const fn route<P: Part>(
    path: &'static str,
    synopsis: &'static str,
    fields: &'static [&'static FieldInfo],
) -> Route<()> {
    Route {
        path,
        synopsis,
        description: "",
        fields,
        access: Access::Policy,
        operations: const {
            &[
                Operation::new(Verb::Read, "Reads it.", read::<P>),
                Operation::new(Verb::Write, "Sets it.", write::<P>),
                Operation::recover_with_whole(),
                Operation::new(Verb::Delete, "Sets it to its default.", delete::<P>),
            ]
        },
    }
}

fn read<P: Part>(_: &(), call: &mut Call<'_>) -> Outcome {
    let (_, role) = existing(call)?;
    let reply = Reply::data(P::show(&role));
    Ok(match P::WARNING {
        Some(warning) => reply.warn(warning),
        None => reply,
    })
}

fn write<P: Part>(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let role = Role::load(&mut call.scope, &name)?;
    let mut role = role.ok_or_else(|| Fault::listed(404, "unsupported path"))?;
    P::set(&mut role, call.fields, call.mount.max_lease_ttl)?;
    store(call, &name, &role)
}

fn delete<P: Part>(_: &(), call: &mut Call<'_>) -> Outcome {
    let name = name(call)?;
    let Some(mut role) = Role::load(&mut call.scope, &name)? else { return Ok(Reply::nothing()) };
    P::reset(&mut role);
    store(call, &name, &role)
}

fn store(call: &mut Call<'_>, name: &str, role: &Role) -> Outcome {
    role.save(&mut call.scope, name, Some(&role.id))?;
    Ok(Reply::nothing())
}

fn missing(what: &str) -> Fault {
    Fault::bad_request(format!("missing {what}"))
}

pub struct Policies;

impl Part for Policies {
    fn show(role: &Role) -> Map<String, Value> {
        let mut data = Map::new();
        role.terms.show_policies(&mut data);
        data
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        if role.terms.set_policies(fields) { Ok(()) } else { Err(missing("token_policies")) }
    }

    fn reset(role: &mut Role) {
        role.terms.token.policies.clear();
    }
}

pub struct BoundCidrs;

impl BoundCidrs {
    fn set(role: &mut Role, sent: Option<&Vec<String>>) -> Result<(), Fault> {
        let Some(sent) = sent else { return Ok(()) };
        if sent.is_empty() {
            return Err(missing("bound_cidr_list"));
        }
        let failed = |why| Fault::bad_request(format!("failed to validate CIDR blocks: {why}"));
        role.bound_cidrs = Some(blocks(sent).map_err(failed)?);
        Ok(())
    }
}

impl Part for BoundCidrs {
    fn show(role: &Role) -> Map<String, Value> {
        object([(SECRET_ID_BOUND_CIDRS.info.name, show_bound_cidrs(role))])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        Self::set(role, fields.get(&SECRET_ID_BOUND_CIDRS))
    }

    fn reset(role: &mut Role) {
        role.bound_cidrs = None;
    }
}

/// [`BoundCidrs`] under its old name.
pub struct BoundCidrList;

impl Part for BoundCidrList {
    fn show(role: &Role) -> Map<String, Value> {
        object([(BOUND_CIDR_LIST.info.name, show_bound_cidrs(role))])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        BoundCidrs::set(role, fields.get(&BOUND_CIDR_LIST))
    }

    fn reset(role: &mut Role) {
        BoundCidrs::reset(role);
    }

    const WARNING: Option<&'static str> = Some(
        "The \"bound_cidr_list\" parameter is deprecated and will be removed. Please use \
         \"secret_id_bound_cidrs\" instead.",
    );
}

pub struct TokenBoundCidrs;

impl Part for TokenBoundCidrs {
    fn show(role: &Role) -> Map<String, Value> {
        let cidrs = &role.terms.token.bound_cidrs;
        let shown = match cidrs.is_empty() {
            true => Value::Null,
            false => cidrs.iter().map(Cidr::to_string).collect(),
        };
        object([(terms::BOUND_CIDRS.info.name, shown)])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        if let Some(sent) = fields.get(&terms::BOUND_CIDRS) {
            let failed =
                |why| Fault::bad_request(format!("failed to parse token_bound_cidrs: {why}"));
            role.terms.token.bound_cidrs = addresses(sent).map_err(failed)?;
        }
        Ok(())
    }

    fn reset(role: &mut Role) {
        role.terms.token.bound_cidrs.clear();
    }
}

pub struct BindSecretId;

impl Part for BindSecretId {
    fn show(role: &Role) -> Map<String, Value> {
        object([(BIND_SECRET_ID.info.name, role.bind_secret_id.into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        role.bind_secret_id = *fields.need(&BIND_SECRET_ID)?;
        Ok(())
    }

    fn reset(role: &mut Role) {
        role.bind_secret_id = true;
    }
}

pub struct SecretIdNumUses;

impl Part for SecretIdNumUses {
    fn show(role: &Role) -> Map<String, Value> {
        object([(SECRET_ID_NUM_USES.info.name, role.secret_id_num_uses.into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        let sent = *fields.need(&SECRET_ID_NUM_USES)?;
        role.secret_id_num_uses = count(sent, SECRET_ID_NUM_USES.info.name)?;
        Ok(())
    }

    fn reset(role: &mut Role) {
        role.secret_id_num_uses = 0;
    }
}

pub struct SecretIdTtl;

impl Part for SecretIdTtl {
    fn show(role: &Role) -> Map<String, Value> {
        object([(SECRET_ID_TTL.info.name, role.secret_id_ttl.as_secs().into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        role.secret_id_ttl = whole(*fields.need(&SECRET_ID_TTL)?);
        Ok(())
    }

    fn reset(role: &mut Role) {
        role.secret_id_ttl = Default::default();
    }
}

pub struct Period;

impl Part for Period {
    fn show(role: &Role) -> Map<String, Value> {
        let mut data = Map::new();
        role.terms.show_period(&mut data);
        data
    }

    fn set(role: &mut Role, fields: &Fields<'_>, longest: u64) -> Result<(), Fault> {
        if !role.terms.set_period(fields) {
            return Err(missing("period"));
        }
        check_period(role, longest)
    }

    fn reset(role: &mut Role) {
        role.terms.token.period = Default::default();
    }
}

pub struct TokenNumUses;

impl Part for TokenNumUses {
    fn show(role: &Role) -> Map<String, Value> {
        object([(terms::NUM_USES.info.name, role.terms.token.num_uses.into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        let sent = *fields.need(&terms::NUM_USES)?;
        role.terms.token.num_uses = count(sent, terms::NUM_USES.info.name)?;
        Ok(())
    }

    fn reset(role: &mut Role) {
        role.terms.token.num_uses = 0;
    }
}

pub struct TokenTtl;

impl Part for TokenTtl {
    fn show(role: &Role) -> Map<String, Value> {
        object([(terms::TTL.info.name, role.terms.token.ttl.as_secs().into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        role.terms.token.ttl = whole(*fields.need(&terms::TTL)?);
        match ends_in_time(&role.terms) {
            true => Ok(()),
            false => Err(Fault::bad_request("token_ttl should not be greater than token_max_ttl")),
        }
    }

    fn reset(role: &mut Role) {
        role.terms.token.ttl = Default::default();
    }
}

pub struct TokenMaxTtl;

impl Part for TokenMaxTtl {
    fn show(role: &Role) -> Map<String, Value> {
        object([(terms::MAX_TTL.info.name, role.terms.token.max_ttl.as_secs().into())])
    }

    fn set(role: &mut Role, fields: &Fields<'_>, _: u64) -> Result<(), Fault> {
        role.terms.token.max_ttl = whole(*fields.need(&terms::MAX_TTL)?);
        match ends_in_time(&role.terms) {
            true => Ok(()),
            false => Err(Fault::bad_request(
                "token_max_ttl should be greater than or equal to token_ttl",
            )),
        }
    }

    fn reset(role: &mut Role) {
        role.terms.token.max_ttl = Default::default();
    }
}

fn ends_in_time(terms: &Terms) -> bool {
    terms.token.max_ttl.is_zero() || terms.token.ttl <= terms.token.max_ttl
}
