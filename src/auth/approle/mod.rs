//! approle: machines that log in by a role, most often with a secret id beside its id.
//!
//! | entry | value |
//! |---|---|
//! | `role/NAME` | the [`role::Role`]; names are in lower case |
//! | `role-id/MAC` | the name of the role with that id |
//! | `secret-id/DRAWER/MAC` | a [`secret_id::SecretId`]; each role has its own drawer |
//! | `accessor/ACCESSOR` | the secret id's [`secret_id::Place`] |
//! | `end/DAY/MINUTE/ACCESSOR` | the same, where the secret id ends by itself |
//! | `gone/DRAWER` | the drawer of a deleted role, not empty yet |
//!
//! A secret id is good for no moment longer than it says and for no login more, whether or not what
//! is left of it has been tidied up.

mod fields;
mod issue;
mod login;
mod lookup;
mod part;
mod role;
mod roles;
mod secret_id;
mod tidy;

use crate::api::ask::Verb;
use crate::api::engine::Bound;
use crate::api::field::FieldInfo;
use crate::api::route::{Access, Operation, Route};
use crate::auth::terms;

/// Type `approle`.
pub static METHOD: Bound<()> =
    Bound::new("Lets machines log in by a role's id and a secret id.", &ROUTES, ())
        .renewing(login::renew)
        .tending(tidy::tend)
        .comparing(roles::compare);

static ROUTES: [Route<()>; 23] = [
    Route {
        path: "role/?",
        synopsis: "The roles.",
        description: "",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::new(Verb::List, "Lists the roles' names.", roles::list)],
    },
    Route {
        path: "role/{role_name:name}",
        synopsis: "A role.",
        description: "What is not sent stays as it is. With a role its secret ids are deleted; \
                      tokens that it made last until their end, and are not renewed.\n",
        fields: &ROLE,
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads a role.", roles::read),
            Operation::new(Verb::Write, "Makes or changes a role.", roles::write)
                .creating(roles::exists),
            Operation::recover("Brings a role back, without its secret ids.", roles::recover),
            Operation::new(Verb::Delete, "Deletes a role.", roles::delete),
        ],
    },
    part::route::<part::Policies>(
        "role/{role_name:name}/policies",
        "The policies of a role's tokens.",
        &[&fields::ROLE_NAME.info, &terms::POLICIES.info, &terms::OLD_POLICIES.info],
    ),
    part::route::<part::BoundCidrs>(
        "role/{role_name:name}/secret-id-bound-cidrs",
        "From where logins by a role come.",
        &[&fields::ROLE_NAME.info, &fields::SECRET_ID_BOUND_CIDRS.info],
    ),
    part::route::<part::BoundCidrList>(
        "role/{role_name:name}/bound-cidr-list",
        "The old name of secret-id-bound-cidrs.",
        &[&fields::ROLE_NAME.info, &fields::BOUND_CIDR_LIST.info],
    ),
    part::route::<part::TokenBoundCidrs>(
        "role/{role_name:name}/token-bound-cidrs",
        "From where a role's tokens can be used.",
        &[&fields::ROLE_NAME.info, &terms::BOUND_CIDRS.info],
    ),
    part::route::<part::BindSecretId>(
        "role/{role_name:name}/bind-secret-id",
        "Whether a login by a role needs a secret id.",
        &[&fields::ROLE_NAME.info, &fields::BIND_SECRET_ID.info],
    ),
    part::route::<part::SecretIdNumUses>(
        "role/{role_name:name}/secret-id-num-uses",
        "How many logins a role's secret ids are good for.",
        &[&fields::ROLE_NAME.info, &fields::SECRET_ID_NUM_USES.info],
    ),
    part::route::<part::SecretIdTtl>(
        "role/{role_name:name}/secret-id-ttl",
        "How long a role's secret ids are good.",
        &[&fields::ROLE_NAME.info, &fields::SECRET_ID_TTL.info],
    ),
    part::route::<part::Period>(
        "role/{role_name:name}/period",
        "The period of a role's tokens.",
        &[&fields::ROLE_NAME.info, &terms::PERIOD.info, &terms::OLD_PERIOD.info],
    ),
    part::route::<part::TokenNumUses>(
        "role/{role_name:name}/token-num-uses",
        "How often a role's tokens can be used.",
        &[&fields::ROLE_NAME.info, &terms::NUM_USES.info],
    ),
    part::route::<part::TokenTtl>(
        "role/{role_name:name}/token-ttl",
        "How long a role's tokens last at first.",
        &[&fields::ROLE_NAME.info, &terms::TTL.info],
    ),
    part::route::<part::TokenMaxTtl>(
        "role/{role_name:name}/token-max-ttl",
        "How long a role's tokens last at most.",
        &[&fields::ROLE_NAME.info, &terms::MAX_TTL.info],
    ),
    Route {
        path: "role/{role_name:name}/role-id",
        synopsis: "The id of a role.",
        description: "",
        fields: &[&fields::ROLE_NAME.info, &fields::ROLE_ID.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads it.", roles::read_id),
            Operation::new(Verb::Write, "Sets it.", roles::set_id),
            Operation::recover_with_whole(),
        ],
    },
    Route {
        path: "role/{role_name:name}/local-secret-ids",
        synopsis: "Whether a role's secret ids were to stay in one cluster.",
        description: "",
        fields: &[&fields::ROLE_NAME.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads it.", roles::read_local),
            Operation::recover_with_whole(),
        ],
    },
    Route {
        path: "role/{role_name:name}/secret-id/?",
        synopsis: "The secret ids of a role.",
        description: "A secret id is shown once, when it is made.\n",
        fields: &[
            &fields::ROLE_NAME.info,
            &fields::METADATA.info,
            &fields::CIDR_LIST.info,
            &fields::SECRET_ID_TOKEN_CIDRS.info,
            &fields::NUM_USES.info,
            &fields::TTL.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Write, "Makes one.", issue::generate),
            Operation::recover("Says what to do instead.", issue::recover),
            Operation::new(Verb::List, "Lists their accessors.", lookup::list),
        ],
    },
    Route {
        path: "role/{role_name:name}/custom-secret-id",
        synopsis: "A secret id of one's own.",
        description: "It should be as hard to guess as a random one.\n",
        fields: &[
            &fields::ROLE_NAME.info,
            &fields::SECRET_ID.info,
            &fields::METADATA.info,
            &fields::CIDR_LIST.info,
            &fields::SECRET_ID_TOKEN_CIDRS.info,
            &fields::NUM_USES.info,
            &fields::TTL.info,
        ],
        access: Access::Policy,
        operations: &[Operation::new(Verb::Write, "Takes one.", issue::custom)],
    },
    Route {
        path: "role/{role_name:name}/secret-id/lookup/?",
        synopsis: "What is known of a secret id.",
        description: "",
        fields: &[&fields::ROLE_NAME.info, &fields::SECRET_ID.info],
        access: Access::Policy,
        operations: &[Operation::new(Verb::Write, "Reads it.", lookup::look_up)],
    },
    Route {
        path: "role/{role_name:name}/secret-id/destroy/?",
        synopsis: "The end of a secret id.",
        description: "",
        fields: &[&fields::ROLE_NAME.info, &fields::SECRET_ID.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Write, "Destroys it.", lookup::destroy).essential(),
            Operation::new(Verb::Delete, "The same.", lookup::destroy),
        ],
    },
    Route {
        path: "role/{role_name:name}/secret-id-accessor/lookup/?",
        synopsis: "What is known of the secret id of an accessor.",
        description: "",
        fields: &[&fields::ROLE_NAME.info, &fields::SECRET_ID_ACCESSOR.info],
        access: Access::Policy,
        operations: &[Operation::new(Verb::Write, "Reads it.", lookup::look_up_accessor)],
    },
    Route {
        path: "role/{role_name:name}/secret-id-accessor/destroy/?",
        synopsis: "The end of the secret id of an accessor.",
        description: "",
        fields: &[&fields::ROLE_NAME.info, &fields::SECRET_ID_ACCESSOR.info],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Write, "Destroys it.", lookup::destroy_accessor).essential(),
            Operation::new(Verb::Delete, "The same.", lookup::destroy_accessor),
        ],
    },
    Route {
        path: "tidy/secret-id",
        synopsis: "Removes what is left of secret ids that have ended.",
        description: "That happens by itself each minute.\n",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::new(Verb::Write, "Tidies up.", tidy::start).essential()],
    },
    Route {
        path: "login",
        synopsis: "Logs a machine in.",
        description: "Answers with a token.\n",
        fields: &[&fields::ROLE_ID.info, &fields::SECRET_ID.info],
        access: Access::Unauthenticated,
        operations: &[Operation::new(Verb::Write, "Logs in.", login::login)
            .naming_alias(login::alias)
            .naming_role(login::role)],
    },
];

static ROLE: [&FieldInfo; 19] = terms::fields([
    &fields::ROLE_NAME.info,
    &fields::ROLE_ID.info,
    &fields::BIND_SECRET_ID.info,
    &fields::SECRET_ID_BOUND_CIDRS.info,
    &fields::BOUND_CIDR_LIST.info,
    &fields::SECRET_ID_NUM_USES.info,
    &fields::SECRET_ID_TTL.info,
    &fields::LOCAL_SECRET_IDS.info,
    &terms::OLD_PERIOD.info,
    &terms::OLD_POLICIES.info,
]);
