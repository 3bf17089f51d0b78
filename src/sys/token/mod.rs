//! `auth/token`: tokens made, looked at, renewed and revoked.

mod create;
mod fields;
mod lookup;
mod renew;
mod revoke;
mod roles;

use std::sync::Arc;

use self::fields::{ACCESSOR, CREATE, INCREMENT, TOKEN};
pub use self::roles::settings;
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::FieldInfo;
use crate::api::route::{Access, Operation, Route};
use crate::base::fault::Fault;
use crate::mount::config::Ttls;
use crate::pipeline::rights::Rights;
use crate::pipeline::tokens::{Found, Tokens};

/// What these endpoints are given.
pub struct Service {
    /// The life of tokens.
    pub tokens: Arc<Tokens>,
    /// What tokens may do.
    pub rights: Arc<Rights>,
    /// The system's TTLs.
    pub ttls: Ttls,
}

/// The endpoints with their service.
pub fn engine(service: Service) -> Bound<Service> {
    Bound::new("Tokens.", ROUTES, service)
}

const ROUTES: &[Route<Service>] = &[
    on_one(
        "create",
        "Make a child of the caller's token.",
        CREATE,
        &[Operation::system(Verb::Write, "Make it.", create::child)],
    ),
    on_one(
        "create-orphan",
        "Make a token without a parent.",
        CREATE,
        &[Operation::system(Verb::Write, "Make it.", create::orphan)],
    ),
    Route {
        path: "lookup-self",
        synopsis: "Look at the token of this request.",
        description: "Its policies, accessor and times.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Look at the caller's token.", lookup::own),
            Operation::system(Verb::Write, "The same.", lookup::own),
        ],
    },
    Route {
        path: "lookup",
        synopsis: "Look at a token.",
        description: "At the caller's own when none is named.",
        fields: &[&TOKEN.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Look at a token.", lookup::by_id),
            Operation::system(Verb::Write, "The same.", lookup::by_id),
        ],
    },
    on_one(
        "lookup-accessor",
        "Look at the token of an accessor.",
        BY_ACCESSOR,
        &[Operation::system(Verb::Write, "Look at it; its id is not told.", lookup::by_accessor)],
    ),
    on_one(
        "renew-self",
        "Renew the token of this request.",
        &[&INCREMENT.info],
        &[Operation::system(Verb::Write, "Renew the caller's token.", renew::own)],
    ),
    on_one(
        "renew",
        "Renew a token.",
        &[&TOKEN.info, &INCREMENT.info],
        &[Operation::system(Verb::Write, "Renew it.", renew::by_id)],
    ),
    on_one(
        "renew-accessor",
        "Renew the token of an accessor.",
        RENEW_BY_ACCESSOR,
        &[Operation::system(Verb::Write, "Renew it; its id is not told.", renew::by_accessor)],
    ),
    on_one(
        "revoke-self",
        "Revoke the token of this request.",
        &[],
        &[Operation::system(Verb::Write, "Revoke it and its children.", revoke::own).essential()],
    ),
    on_one(
        "revoke",
        "Revoke a token.",
        &[&TOKEN.info],
        &[Operation::system(Verb::Write, "Revoke it and its children.", revoke::by_id).essential()],
    ),
    on_one(
        "revoke-accessor",
        "Revoke the token of an accessor.",
        BY_ACCESSOR,
        &[Operation::system(Verb::Write, "Revoke it and its children.", revoke::by_accessor)
            .essential()],
    ),
    on_one(
        "revoke-orphan",
        "Revoke a token whose children live on.",
        &[&TOKEN.info],
        &[Operation::system(
            Verb::Write,
            "Revoke it; its children become orphans.",
            revoke::orphan,
        )
        .essential()],
    ),
    Route {
        path: "accessors/",
        synopsis: "All accessors.",
        description: "With one a token can be looked at and revoked, not used.",
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::List, "List them.", lookup::accessors)],
    },
    Route {
        path: "tidy",
        synopsis: "Clean up what is left of tokens.",
        description: "Nothing is left here by a crash: what dead tokens left is removed by itself.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(
            Verb::Write,
            "Taken, and never needed: nothing is left to tidy.",
            revoke::tidy,
        )],
    },
    on_one(
        "create/{role_name}",
        "Make a token by a role.",
        CREATE,
        &[Operation::system(Verb::Write, "Make it on the role's terms.", create::by_role)],
    ),
    on_one(
        "roles/?",
        "The roles by which tokens are made.",
        &[],
        &[Operation::system(Verb::List, "List them.", roles::list).stored()],
    ),
    on_one(
        "roles/{role_name}",
        "A role: the terms on which tokens are made.",
        roles::FIELDS,
        &[
            Operation::system(Verb::Read, "Read it.", roles::read).stored(),
            Operation::system(Verb::Write, "Make or change it.", roles::write)
                .creating_system(roles::exists),
            Operation::recover_system("Bring it back.", roles::recover),
            Operation::system(Verb::Delete, "Remove it.", roles::delete),
        ],
    ),
];

const BY_ACCESSOR: &[&FieldInfo] = &[&ACCESSOR.info];
const RENEW_BY_ACCESSOR: &[&FieldInfo] = &[&ACCESSOR.info, &INCREMENT.info];

const fn on_one(
    path: &'static str,
    synopsis: &'static str,
    fields: &'static [&'static FieldInfo],
    operations: &'static [Operation<Service>],
) -> Route<Service> {
    let description = "See Vault's documentation of auth/token.";
    Route { path, synopsis, description, fields, access: Access::Policy, operations }
}

/// The caller's own token. A request without one does not get here.
fn own(service: &Service, call: &mut SystemCall<'_>) -> Result<Found, Fault> {
    let id = call.ask.token.as_ref().ok_or_else(Fault::denied)?;
    service.tokens.find(call.txn, id)?.ok_or_else(Fault::denied)
}

/// The token of the accessor that was sent; the error is Vault's.
fn by_accessor(service: &Service, call: &mut SystemCall<'_>) -> Result<Option<Found>, Fault> {
    match call.fields.get(&ACCESSOR).map(String::as_str) {
        None | Some("") => Err(Fault::listed(400, "missing accessor")),
        Some(accessor) => Ok(service.tokens.find_by_accessor(call.txn, accessor)?),
    }
}
