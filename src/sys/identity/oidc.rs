//! `identity/oidc`: identity tokens, the keys that sign them and the roles that say what they are.
//! What Vault calls an OIDC provider is not here.

use std::time::Duration;

use serde_json::json;

use super::Identity;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::effect::{Done, Effect};
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo, Fields};
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::jose;
use crate::base::signature::Algorithm;
use crate::identity::oidc::config::Config;
use crate::identity::oidc::key::{self, Key};
use crate::identity::oidc::role::{self, Role};
use crate::identity::oidc::stock::{Halt, Stock, Supply};
use crate::identity::oidc::{ring, token};

/// What these endpoints are given.
pub struct Oidc {
    /// Where everything lies.
    pub identity: Identity,
    /// The URL at which the server is reached: the issuer, unless another is configured.
    pub address: String,
}

/// The endpoints with their service.
pub fn engine(service: Oidc) -> Bound<Oidc> {
    Bound::new("Identity tokens: who an entity is, for other services.", ROUTES, service)
}

static NAME: Field<String> = Field::new("name", "The name.");
static ISSUER: Field<String> = Field::new(
    "issuer",
    "Scheme, host and port under which other services reach this one; empty for api_addr.",
);
static ALGORITHM: Field<String> =
    Field::new("algorithm", "RS256, RS384, RS512, ES256, ES384, ES512 or EdDSA; at first RS256.");
static ROTATION_PERIOD: Field<Duration> = Field::new(
    "rotation_period",
    "How often a new key signs: at least a minute; at first 24 hours.",
);
static VERIFICATION_TTL: Field<Duration> = Field::new(
    "verification_ttl",
    "How long what a key has signed is verified after another signs: at most ten times \
     rotation_period; at first 24 hours.",
);
static CLIENT_IDS: Field<Vec<String>> = Field::new(
    "allowed_client_ids",
    "The client ids of roles whose tokens the key signs; * for all, none at first.",
);
static KEY: Field<String> = Field::new("key", "The name of the key that signs.");
static TEMPLATE: Field<String> = Field::new(
    "template",
    "What a token says beside who it is of: JSON, or the same as base64, in which \
     {{identity.entity.name}} and the like are filled in.",
);
static TTL: Field<Duration> = Field::new(
    "ttl",
    "How long a token lasts: at most the key's verification_ttl; at first 24 hours.",
);
static CLIENT_ID: Field<String> =
    Field::new("client_id", "For whom a token is; a random one when none is given.");
static TOKEN: Field<String> = Field::new("token", "The token.");

type Operations = &'static [Operation<Oidc>];

const CONFIG_FIELDS: &[&FieldInfo] = &[&ISSUER.info];
const KEY_FIELDS: &[&FieldInfo] =
    &[&NAME.info, &ALGORITHM.info, &ROTATION_PERIOD.info, &VERIFICATION_TTL.info, &CLIENT_IDS.info];
const ROTATE_FIELDS: &[&FieldInfo] = &[&NAME.info, &VERIFICATION_TTL.info];
const ROLE_FIELDS: &[&FieldInfo] =
    &[&NAME.info, &KEY.info, &TEMPLATE.info, &TTL.info, &CLIENT_ID.info];
const NAME_FIELDS: &[&FieldInfo] = &[&NAME.info];
const INTROSPECT_FIELDS: &[&FieldInfo] = &[&TOKEN.info, &CLIENT_ID.info];

const CONFIG: Operations = &[
    Operation::system(Verb::Read, "Reads the configuration.", read_config).stored(),
    Operation::system(Verb::Write, "Changes the configuration.", write_config),
];
const KEYS: Operations = &[Operation::system(Verb::List, "Lists the names.", list_keys).stored()];
const ONE_KEY: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_key).stored(),
    Operation::system(Verb::Write, "Makes it, or changes it.", write_key)
        .creating_system(key_exists),
    Operation::system(Verb::Delete, "Deletes it, unless a role has it.", delete_key),
];
const ROTATE: Operations = &[Operation::system(Verb::Write, "Lets the next one sign.", rotate)];
const ROLES: Operations = &[Operation::system(Verb::List, "Lists the names.", list_roles).stored()];
const ONE_ROLE: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_role).stored(),
    Operation::system(Verb::Write, "Makes it, or changes it.", write_role)
        .creating_system(role_exists),
    Operation::system(Verb::Delete, "Deletes it.", delete_role),
];
const ISSUE: Operations = &[Operation::system(Verb::Read, "Issues a token.", issue)];
const INTROSPECT: Operations =
    &[Operation::system(Verb::Write, "Tells whether a token holds.", introspect)];
const DISCOVERY: Operations =
    &[Operation::system(Verb::Read, "Tells where everything is.", discovery)];
const PUBLIC_KEYS: Operations =
    &[Operation::system(Verb::Read, "Shows what verifies tokens.", public_keys)];

const ROUTES: &[Route<Oidc>] = &[
    route("oidc/config", "Who issues tokens.", CONFIG_FIELDS, CONFIG),
    route("oidc/key/?", "Lists keys.", &[], KEYS),
    route("oidc/key/{name}", "A key, which signs tokens.", KEY_FIELDS, ONE_KEY),
    route("oidc/key/{name}/rotate", "Rotates a key.", ROTATE_FIELDS, ROTATE),
    route("oidc/role/?", "Lists roles.", &[], ROLES),
    route("oidc/role/{name}", "A role: what its tokens are.", ROLE_FIELDS, ONE_ROLE),
    route("oidc/token/{name}", "A token of the sender's entity.", NAME_FIELDS, ISSUE),
    route("oidc/introspect", "Checks a token.", INTROSPECT_FIELDS, INTROSPECT),
    open("oidc/.well-known/openid-configuration", "For other services.", DISCOVERY),
    open("oidc/.well-known/keys", "The public keys of all keys with roles.", PUBLIC_KEYS),
];

const fn route(
    path: &'static str,
    synopsis: &'static str,
    fields: &'static [&'static FieldInfo],
    operations: Operations,
) -> Route<Oidc> {
    Route { path, synopsis, description: "", fields, access: Access::Policy, operations }
}

/// What needs no token.
const fn open(path: &'static str, synopsis: &'static str, operations: Operations) -> Route<Oidc> {
    let mut route = route(path, synopsis, &[], operations);
    route.access = Access::Unauthenticated;
    route
}

impl Oidc {
    fn open<'c>(&self, call: &'c mut SystemCall<'_>) -> Result<(&'c Fields<'c>, Scope<'c>), Fault> {
        let (_, scope) = self.identity.open(call.txn)?;
        Ok((call.fields, scope))
    }

    fn issuer(&self, scope: &mut Scope<'_>) -> Result<String, Fault> {
        Ok(Config::load(scope)?.issuer(&self.address))
    }

    fn supply<'a>(&'a self, done: Option<&'a Done>) -> Supply<'a> {
        Supply { stock: done.and_then(Done::get), entropy: &*self.identity.entropy }
    }
}

/// The answer to a change; before there is one the key pairs are made that it wants.
fn changed(outcome: Result<(), Halt>) -> Outcome {
    match outcome {
        Ok(()) => Ok(Reply::nothing()),
        Err(Halt::Fault(fault)) => Err(fault),
        Err(Halt::Wanted(wanted)) => Ok(Reply::after(Effect::new(move || Stock::make(wanted)))),
    }
}

fn read_config(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = oidc.open(call)?;
    Ok(Reply::data(object([("issuer", Config::load(&mut scope)?.issuer.into())])))
}

fn write_config(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    let Some(issuer) = fields.get(&ISSUER) else { return Ok(Reply::nothing()) };
    if !issuer.is_empty() && !is_origin(issuer) {
        return Err(Fault::bad_request(
            "invalid issuer, which must include only a scheme, host, and optional port (e.g. \
             https://example.com:8200)",
        ));
    }
    Config { issuer: issuer.clone() }.store(&mut scope)?;
    if issuer.is_empty() {
        return Ok(Reply::nothing());
    }
    Ok(Reply::nothing().warn(
        "If \"issuer\" is set explicitly, all tokens must be validated against that address, \
         including those issued by secondary clusters. Setting issuer to \"\" will restore the \
         default behavior of using the cluster's api_addr as the issuer.",
    ))
}

/// Whether a URL is a scheme and a host, with or without a port, and nothing more.
fn is_origin(url: &str) -> bool {
    let host = ["http://", "https://"].into_iter().find_map(|scheme| url.strip_prefix(scheme));
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#@\\\"<>{}|^`%".contains(c);
    host.is_some_and(|host| !host.is_empty() && !host.contains(odd))
}

fn list_keys(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = oidc.open(call)?;
    Reply::list(Key::list(&mut scope)?)
}

fn key_exists(oidc: &Oidc, call: &mut SystemCall<'_>) -> Result<bool, Fault> {
    let (fields, mut scope) = oidc.open(call)?;
    Ok(Key::by_name(&mut scope, fields.need(&NAME)?)?.is_some())
}

fn read_key(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    let key = Key::by_name(&mut scope, fields.need(&NAME)?)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(object([
        ("algorithm", key.algorithm.name().into()),
        ("allowed_client_ids", key.allowed_client_ids.into()),
        ("rotation_period", key.rotation_period.as_secs().into()),
        ("verification_ttl", key.verification_ttl.as_secs().into()),
    ])))
}

fn write_key(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let supply = oidc.supply(call.done);
    let (fields, mut scope) = oidc.open(call)?;
    let change = key::Change {
        algorithm: fields.get(&ALGORITHM).cloned(),
        rotation_period: seconds(fields, &ROTATION_PERIOD),
        verification_ttl: seconds(fields, &VERIFICATION_TTL),
        allowed_client_ids: fields.get(&CLIENT_IDS).cloned(),
    };
    changed(Key::set(&mut scope, fields.need(&NAME)?, change, supply))
}

fn delete_key(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    Key::delete(&mut scope, fields.need(&NAME)?)?;
    Ok(Reply::nothing())
}

fn rotate(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let supply = oidc.supply(call.done);
    let (fields, mut scope) = oidc.open(call)?;
    let name = fields.need(&NAME)?;
    let Some(key) = Key::by_name(&mut scope, name)? else {
        let text = format!("no named key found at {}", golang::quote(name));
        return Err(Fault::bad_request(text));
    };
    changed(key.rotate(&mut scope, name, seconds(fields, &VERIFICATION_TTL), supply))
}

fn list_roles(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = oidc.open(call)?;
    Reply::list(Role::list(&mut scope)?)
}

fn role_exists(oidc: &Oidc, call: &mut SystemCall<'_>) -> Result<bool, Fault> {
    let (fields, mut scope) = oidc.open(call)?;
    Ok(Role::by_name(&mut scope, fields.need(&NAME)?)?.is_some())
}

fn read_role(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    let role = Role::by_name(&mut scope, fields.need(&NAME)?)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(object([
        ("client_id", role.client_id.into()),
        ("key", role.key.into()),
        ("template", role.template.into()),
        ("ttl", role.ttl.as_secs().into()),
    ])))
}

fn write_role(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let supply = oidc.supply(call.done);
    let (fields, mut scope) = oidc.open(call)?;
    let change = role::Change {
        key: fields.get(&KEY).cloned(),
        template: fields.get(&TEMPLATE).cloned(),
        ttl: seconds(fields, &TTL),
        client_id: fields.get(&CLIENT_ID).cloned(),
    };
    changed(Role::set(&mut scope, fields.need(&NAME)?, change, supply))
}

fn delete_role(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    Role::delete(&mut scope, fields.need(&NAME)?)?;
    Ok(Reply::nothing())
}

fn issue(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let entity_id = call.caller.map_or("", |caller| &caller.entity_id);
    let (fields, mut scope) = oidc.open(call)?;
    let issuer = oidc.issuer(&mut scope)?;
    let issued = token::issue(&mut scope, fields.need(&NAME)?, entity_id, &issuer)?;
    let reply = Reply::data(object([
        ("client_id", issued.client_id.into()),
        ("token", issued.token.into()),
        ("ttl", issued.ttl.as_secs().into()),
    ]));
    Ok(match issued.shortened {
        None => reply,
        Some(ttl) => reply.warn(format!(
            "a role's token ttl cannot be longer than the verification_ttl of the key it \
             references, setting token ttl to {}",
            ttl.as_secs()
        )),
    })
}

fn introspect(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (fields, mut scope) = oidc.open(call)?;
    let sent = |field| fields.get(field).map_or("", String::as_str);
    let issuer = oidc.issuer(&mut scope)?;
    let why = token::inspect(&mut scope, sent(&TOKEN), sent(&CLIENT_ID), &issuer)?;
    Ok(Reply::bare(match why {
        None => json!({ "active": true }),
        Some(why) => json!({ "active": false, "error": why }),
    }))
}

fn discovery(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = oidc.open(call)?;
    let issuer = oidc.issuer(&mut scope)?;
    Ok(Reply::bare(json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/keys"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
    })))
}

fn public_keys(oidc: &Oidc, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = oidc.open(call)?;
    let keys = ring::list(&mut scope)?.into_iter();
    let keys: Vec<_> = keys.filter_map(|(id, key)| jose::jwk(&id, &key)).collect();
    Ok(Reply::bare(json!({ "keys": keys })))
}

/// Whole seconds, as Vault keeps durations.
fn seconds(fields: &Fields<'_>, field: &Field<Duration>) -> Option<Duration> {
    fields.get(field).map(|span| Duration::from_secs(span.as_secs()))
}
