//! `sys/auth`: which auth methods are enabled where.

use super::mounts::{
    INSTEAD, Mounts, Table, disable, enable, fields, list, read, read_tuning, recover_tuning,
    refuse_to_recover, tune,
};
use crate::api::ask::Verb;
use crate::api::engine::Bound;
use crate::api::route::{Access, Operation, Route};

/// The endpoints with their service.
pub fn engine(service: Mounts) -> Bound<Mounts> {
    Bound::new("Which auth methods are enabled.", ROUTES, service)
}

const ROUTES: &[Route<Mounts>] = &[
    Route {
        path: "auth",
        synopsis: "List the enabled auth methods.",
        description: "Each method's path, without `auth/`, with its type, options and \
                      configuration.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "List all auth methods.", |mounts, call| {
            list(Table::Auth, mounts, call)
        })
        .stored()],
    },
    Route {
        path: "auth/{path+}/tune",
        synopsis: "Read or change what can be set of an auth method.",
        description: "What is not sent stays as it is.",
        fields: fields::OF_TUNING,
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read it, with the TTLs that hold.", |mounts, call| {
                read_tuning(Table::Auth, mounts, call)
            })
            .stored(),
            Operation::system(Verb::Write, "Change it.", |mounts, call| {
                tune(Table::Auth, mounts, call)
            }),
            Operation::recover_system("Bring it back.", |mounts, call, then| {
                recover_tuning(Table::Auth, mounts, call, then)
            }),
        ],
    },
    Route {
        path: "auth/{path+}",
        synopsis: "Enable, read or disable an auth method.",
        description: "Disabling one ends the tokens that it gave.",
        fields: fields::OF_ENABLING,
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read an auth method.", |mounts, call| {
                read(Table::Auth, mounts, call)
            })
            .stored(),
            Operation::system(Verb::Write, "Enable an auth method.", |mounts, call| {
                enable(Table::Auth, mounts, call)
            }),
            Operation::recover_system(INSTEAD, |mounts, call, then| {
                refuse_to_recover(Table::Auth, mounts, call, then)
            }),
            Operation::system(Verb::Delete, "Disable it and delete its data.", |mounts, call| {
                disable(Table::Auth, mounts, call)
            }),
        ],
    },
];
