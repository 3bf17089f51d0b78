//! `sys/internal/specs/openapi`: every endpoint of this server as one document.

use std::sync::{Arc, OnceLock};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::{Bound, Declaration, Engine};
use crate::api::openapi::Document;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::mount::store::MountStore;
use crate::pipeline::rights::Rights;

/// What the builtins declare, with their prefixes; told once, when all of them are made.
#[derive(Clone, Default)]
pub struct Builtins(Arc<OnceLock<Vec<Declared>>>);

/// A prefix, and the endpoints of an engine under it.
type Declared = (&'static str, Vec<Declaration>);

impl Builtins {
    /// Tells it.
    pub fn tell<'a>(&self, builtins: impl Iterator<Item = (&'static str, &'a dyn Engine)>) {
        self.0.get_or_init(|| {
            builtins.map(|(prefix, engine)| (prefix, engine.declarations())).collect()
        });
    }
}

/// What this endpoint is given.
pub struct OpenApi {
    /// The endpoints of the builtins.
    pub builtins: Builtins,
    /// Knows what is mounted.
    pub mounts: Arc<MountStore>,
    /// Knows what of it a caller may see.
    pub rights: Arc<Rights>,
}

/// The endpoint with its service.
pub fn engine(service: OpenApi) -> Bound<OpenApi> {
    Bound::new("The description of the API.", ROUTES, service)
}

const ROUTES: &[Route<OpenApi>] = &[Route {
    path: "internal/specs/openapi",
    synopsis: "The API of this server as an OpenAPI document.",
    description: "The builtins, and of what is mounted that in which the policies of the caller \
                  allow something. It is dear to make, and so needs a token.",
    fields: &[],
    access: Access::Guest,
    operations: &[
        Operation::system(Verb::Read, "Describe all endpoints.", read),
        Operation::system(Verb::Write, "The same.", read),
    ],
}];

fn read(service: &OpenApi, call: &mut SystemCall<'_>) -> Outcome {
    let mut document = Document::default();
    for (prefix, declarations) in service.builtins.0.get().into_iter().flatten() {
        document.add(prefix, Some(tag(prefix)), declarations);
    }
    let acl = service.rights.acl(call.txn, call.caller.ok_or_else(Fault::denied)?)?;
    for mount in service.mounts.read(call.txn)?.iter().filter(|mount| acl.reaches(&mount.path)) {
        if let Some(engine) = mount.engine() {
            document.add(&mount.path, Some(tag(&mount.path)), &engine.declarations());
        }
    }
    Ok(Reply::bare(document.finish()))
}

/// Under which of Vault's headings the endpoints of a mount stand.
fn tag(path: &str) -> &'static str {
    match path {
        "sys/" => "system",
        "identity/" => "identity",
        path if path.starts_with("auth/") => "auth",
        _ => "secrets",
    }
}
