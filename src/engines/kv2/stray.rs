//! Paths that are no endpoints, most often those of a client that takes the mount for one of
//! version 1: Vault answers them with 404 and a warning that says what to do.

use super::fields::PATH;
use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::reply::{Content, Reply};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;

/// `data` without a path, and its like.
pub const fn root(path: &'static str) -> Route<()> {
    Route {
        path,
        synopsis: "Has no value.",
        description: "Only what lies below it can be read and written.\n",
        fields: &[],
        access: Access::Policy,
        operations: ON_ROOT,
    }
}

/// Everything that is no endpoint.
pub const ELSEWHERE: Route<()> = Route {
    path: "{path..}",
    synopsis: "No endpoint of a versioned mount.",
    description: "Secrets lie below `data/`.\n",
    fields: &[&PATH.info],
    access: Access::Policy,
    operations: &[
        Operation::new(Verb::Read, WRONG, |_, _| elsewhere("get")).signpost(),
        Operation::new(Verb::Write, WRONG, |_, _| elsewhere("put")).signpost(),
        Operation::new(Verb::Patch, WRONG, |_, _| elsewhere("patch")).signpost(),
        Operation::recover(WRONG, |_, call, _| recover(call)),
        Operation::new(Verb::Delete, WRONG, |_, _| elsewhere("delete")).signpost(),
        Operation::new(Verb::List, WRONG, |_, _| elsewhere("list")).signpost(),
    ],
};

const ON_ROOT: &[Operation<()>] = &[
    Operation::new(Verb::Read, WRONG, no_root).signpost(),
    Operation::new(Verb::Write, WRONG, no_root).signpost(),
    Operation::new(Verb::Patch, WRONG, no_root).signpost(),
    Operation::new(Verb::Delete, WRONG, no_root).signpost(),
];

const WRONG: &str = "Says which path to use instead.";

fn no_root(_: &(), _: &mut Call<'_>) -> Outcome {
    nowhere("Non-listing operations on the root of a K/V v2 mount are not supported.")
}

fn elsewhere(command: &str) -> Outcome {
    nowhere(format!(
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API \
         endpoints to use. If using the Vault CLI, use 'vault kv {command}' for this operation."
    ))
}

fn recover(call: &Call<'_>) -> Outcome {
    let (mount, path) = (&call.mount.path, call.path);
    Err(Fault::unsupported_operation().saying(format!(
        "{mount} is of version 2: the value is at {mount}data/{path}, and all its versions are at \
         {mount}metadata/{path}"
    )))
}

fn nowhere(warning: impl Into<String>) -> Outcome {
    Ok(Reply::of(404, Content::Data(None)).warn(warning))
}
