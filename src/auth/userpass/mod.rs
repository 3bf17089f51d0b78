//! userpass: people with a name and a password.
//!
//! | entry | value |
//! |---|---|
//! | `user/NAME` | the [`user::User`]; names are in lower case |

mod login;
mod user;
mod users;

use crate::api::ask::Verb;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::route::{Access, Operation, Route};
use crate::auth::terms;

/// Type `userpass`.
pub static METHOD: Bound<()> =
    Bound::new("Lets people log in by their name and password.", &ROUTES, ())
        .renewing(login::renew)
        .comparing(users::compare);

static NAME: Field<String> = Field::new("username", "The user's name; its case does not matter.");
static PASSWORD: Field<String> =
    Field::new("password", "The user's password, of at most 72 bytes.");

static ROUTES: [Route<()>; 6] = [
    Route {
        path: "users/?",
        synopsis: "The users.",
        description: "",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::new(Verb::List, "Lists the users' names.", users::list)],
    },
    Route {
        path: "users/{username:name}",
        synopsis: "A user.",
        description: "What is not sent stays as it is. A new user needs a password. Who is logged \
                      in stays so when the user is deleted, until the token's end: it is not \
                      renewed.\n",
        fields: &USER,
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads a user.", users::read),
            Operation::new(Verb::Write, "Makes or changes a user.", users::write)
                .creating(users::exists),
            Operation::recover("Brings a user back, with the password of then.", users::recover),
            Operation::new(Verb::Delete, "Deletes a user.", users::delete),
        ],
    },
    Route {
        path: "users/{username:name}/password",
        synopsis: "A user's password.",
        description: "",
        fields: &[&NAME.info, &PASSWORD.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Write, "Sets the password.", users::set_password),
            Operation::recover_with_whole(),
        ],
    },
    Route {
        path: "users/{username:name}/policies",
        synopsis: "A user's policies.",
        description: "They hold for later logins; tokens with others are not renewed.\n",
        fields: &[&NAME.info, &terms::POLICIES.info, &terms::OLD_POLICIES.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Write, "Sets the policies.", users::set_policies),
            Operation::recover_with_whole(),
        ],
    },
    Route {
        path: "login/{username:name}",
        synopsis: "Logs a user in.",
        description: "Answers with a token.\n",
        fields: &[&NAME.info, &PASSWORD.info],
        access: Access::Unauthenticated,
        operations: &[Operation::new(Verb::Write, "Logs in.", login::login)
            .naming_alias(login::alias)
            .slow()],
    },
    // Nobody needs a token to hear that there is nothing.
    Route {
        path: "login/{username..}",
        synopsis: "No user.",
        description: "",
        fields: &[],
        access: Access::Unauthenticated,
        operations: &[],
    },
];

static USER: [&FieldInfo; 15] = terms::fields([
    &NAME.info,
    &PASSWORD.info,
    &terms::OLD_BOUND_CIDRS.info,
    &terms::OLD_MAX_TTL.info,
    &terms::OLD_POLICIES.info,
    &terms::OLD_TTL.info,
]);
