//! `sys/capabilities` and `sys/internal/ui/resultant-acl`: what tokens may do.

use std::sync::Arc;

use serde_json::{Map, json};

use crate::api::ask::Verb;
use crate::api::call::{Caller, SystemCall};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::secret::Secret;
use crate::pipeline::rights::Rights;
use crate::pipeline::tokens::{Found, Tokens};
use crate::policy::acl::Acl;

/// What these endpoints are given.
pub struct Capabilities {
    /// Finds the token that is asked of.
    pub tokens: Arc<Tokens>,
    /// Tells its rights.
    pub rights: Arc<Rights>,
}

/// The endpoints with their service.
pub fn engine(service: Capabilities) -> Bound<Capabilities> {
    Bound::new("What tokens may do.", ROUTES, service)
}

const TOKEN: Field<String> = Field::new("token", "The token that is asked of.");
const ACCESSOR: Field<String> = Field::new("accessor", "The accessor of the token asked of.");
const PATHS: Field<Vec<String>> = Field::new("paths", "The paths.");
const PATH: Field<Vec<String>> = Field::new("path", "The old name of `paths`.");

const ROUTES: &[Route<Capabilities>] = &[
    Route {
        path: "capabilities",
        synopsis: "What a token may do on paths.",
        description: "Its capabilities on each path. A path that several rules match is judged by \
                      the most specific one.",
        fields: &[&TOKEN.info, &PATHS.info, &PATH.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Ask of a token.", of_token)],
    },
    Route {
        path: "capabilities-self",
        synopsis: "What the caller may do on paths.",
        description: "As capabilities, of the token of the request.",
        fields: &[&PATHS.info, &PATH.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Ask of oneself.", of_caller)],
    },
    Route {
        path: "capabilities-accessor",
        synopsis: "What the token of an accessor may do on paths.",
        description: "As capabilities, for those who do not have the token.",
        fields: &[&ACCESSOR.info, &PATHS.info, &PATH.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Ask of an accessor.", of_accessor)],
    },
    Route {
        path: "internal/ui/resultant-acl",
        synopsis: "All that the caller may do.",
        description: "The rules of all its policies together, for web interfaces; those with a + \
                      in their path are left out.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Read the rules.", resultant)],
    },
];

fn of_token(service: &Capabilities, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.fields.get(&TOKEN).filter(|id| !id.is_empty());
    let id = Secret::new(id.ok_or_else(|| Fault::listed(500, "no token found"))?.as_str());
    let paths = paths(call)?;
    let found = service.tokens.find(call.txn, &id)?;
    let acl = service.acl_of(call.txn, found)?;
    shown(&acl, paths)
}

fn of_caller(service: &Capabilities, call: &mut SystemCall<'_>) -> Outcome {
    let paths = paths(call)?;
    let acl = service.rights.acl(call.txn, caller(call)?)?;
    shown(&acl, paths)
}

fn of_accessor(service: &Capabilities, call: &mut SystemCall<'_>) -> Outcome {
    let accessor = call.fields.get(&ACCESSOR).filter(|accessor| !accessor.is_empty());
    let accessor = accessor.ok_or_else(|| Fault::bad_request("missing accessor"))?;
    let found = service.tokens.find_by_accessor(call.txn, accessor)?;
    let found = found.ok_or_else(|| Fault::listed(400, "invalid accessor"))?;
    let paths = paths(call)?;
    let acl = service.acl_of(call.txn, Some(found))?;
    shown(&acl, paths)
}

fn resultant(service: &Capabilities, call: &mut SystemCall<'_>) -> Outcome {
    let acl = service.rights.acl(call.txn, caller(call)?)?;
    Ok(Reply::data(acl.resultant()))
}

impl Capabilities {
    /// The rights of a token. One that may do nothing, as its entity is disabled, is none.
    fn acl_of(&self, txn: &mut Txn, found: Option<Found>) -> Result<Acl, Fault> {
        let invalid = || Fault::listed(400, "invalid token");
        match self.rights.sender(txn, found.ok_or_else(invalid)?) {
            Err(fault) if fault.status == 403 => Err(invalid()),
            sender => Ok(sender?.acl),
        }
    }
}

fn caller<'c>(call: &SystemCall<'c>) -> Result<&'c Caller, Fault> {
    call.caller.ok_or_else(Fault::denied)
}

fn paths<'c>(call: &SystemCall<'c>) -> Result<&'c [String], Fault> {
    let sent = |field| call.fields.get(field).filter(|paths: &&Vec<String>| !paths.is_empty());
    let paths = sent(&PATHS).or_else(|| sent(&PATH));
    let paths = paths.ok_or_else(|| Fault::bad_request("paths must be supplied"))?;
    match paths.iter().any(String::is_empty) {
        true => Err(Fault::listed(400, "missing path")),
        false => Ok(paths),
    }
}

fn shown(acl: &Acl, paths: &[String]) -> Outcome {
    let of = |path: &String| (path.clone(), json!(acl.capabilities(path)));
    let mut shown: Map<_, _> = paths.iter().map(of).collect();
    if let [path] = paths {
        shown.insert("capabilities".to_owned(), json!(acl.capabilities(path)));
    }
    Ok(Reply::data_at_top(shown))
}
