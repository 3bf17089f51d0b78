//! kv version 2: secrets with versions.
//!
//! A secret's metadata is the entry at its path, and version n is part n of that entry, so that
//! both lie side by side. `a` and `a/b` may both be secrets. The mount's configuration is the
//! entry without a name, which no secret can have.
//!
//! A mount of version 1 is upgraded by one record: its values stay where they are and are read as
//! secrets whose only version is 1, each until its own next write. So an upgrade takes no longer
//! for a large mount, is never seen half done, and needs no room.

mod compare;
mod config;
mod custom;
mod data;
mod fields;
mod import;
mod metadata;
mod record;
mod recover;
mod secret;
mod stray;
mod subkeys;
mod versions;

use crate::api::ask::Verb;
use crate::api::call::Call;
use crate::api::engine::Bound;
use crate::api::route::{Access, Operation, Route};
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;

/// Type `kv` with the option `version=2`.
pub static ENGINE: Bound<()> =
    Bound::new("Keeps secrets with their versions, their metadata and check-and-set.", &ROUTES, ())
        .counting(count)
        .comparing(compare::compare);

fn count((): &(), scope: &mut Scope<'_>) -> Result<u64, Fault> {
    let configured = u64::from(record::Config::is_stored(scope)?);
    Ok(scope.count("")?.saturating_sub(configured))
}

/// Makes a mount of version 1 one of version 2, in the transaction that changes its options.
pub fn upgrade(scope: &mut Scope<'_>) -> Result<(), Fault> {
    let config = record::Config { upgraded: Some(scope.now()), ..Default::default() };
    config.store(scope)
}

static ROUTES: [Route<()>; 14] = [
    Route {
        path: "config",
        synopsis: "What holds for all secrets of the mount.",
        description: "What is not sent stays as it is.\n",
        fields: &[
            &fields::MAX_VERSIONS.info,
            &fields::CAS_REQUIRED.info,
            &fields::MOUNT_DELETE_AFTER.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads the configuration.", config::read),
            Operation::new(Verb::Write, "Changes the configuration.", config::write),
            Operation::recover("Brings the configuration back.", recover::config),
        ],
    },
    Route {
        path: "data/{path..}",
        synopsis: "Reads and writes secrets.",
        description: "Each write makes a new version. A deleted version can be brought back; a \
                      destroyed one cannot.\n",
        fields: &[
            &fields::PATH.info,
            &fields::VERSION.info,
            &fields::DATA.info,
            &fields::OPTIONS.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads a version.", data::read),
            Operation::new(Verb::Write, "Makes a version.", data::write).creating(exists),
            Operation::new(Verb::Patch, "Makes a version by a merge patch.", data::patch),
            Operation::recover("Makes a version of one of then.", recover::value),
            Operation::new(Verb::Delete, "Deletes the latest version.", data::delete),
        ],
    },
    Route {
        path: "subkeys/{path..}",
        synopsis: "Reads the names in a secret without its values.",
        description: "Every value is shown as null.\n",
        fields: &[&fields::PATH.info, &fields::VERSION.info, &fields::DEPTH.info],
        access: Access::Policy,
        operations: &[Operation::new(Verb::Read, "Reads the names.", subkeys::read)],
    },
    Route {
        path: "metadata/{path..}",
        synopsis: "What is known of a secret beside its values.",
        description: "What is not sent stays as it is.\n",
        fields: &[
            &fields::PATH.info,
            &fields::MAX_VERSIONS.info,
            &fields::CAS_REQUIRED.info,
            &fields::DELETE_AFTER.info,
            &fields::CUSTOM_METADATA.info,
        ],
        access: Access::Policy,
        operations: &[
            Operation::new(Verb::Read, "Reads the metadata.", metadata::read),
            Operation::new(Verb::Write, "Changes the metadata.", metadata::write).creating(exists),
            Operation::new(Verb::Patch, "Changes what is named.", metadata::patch),
            Operation::recover("Brings the secret back as it was.", recover::secret),
            Operation::new(Verb::Delete, "Removes the secret for good.", metadata::delete),
            Operation::new(Verb::List, "Lists the names in a folder.", metadata::list),
        ],
    },
    import::ROUTE,
    versions_route("delete/{path..}", "Deletes versions, which can be undone.", versions::DELETE),
    versions_route("undelete/{path..}", "Brings deleted versions back.", versions::UNDELETE),
    versions_route("destroy/{path..}", "Removes versions for good.", versions::DESTROY),
    stray::root("data"),
    stray::root("metadata"),
    stray::root("delete"),
    stray::root("undelete"),
    stray::root("destroy"),
    stray::ELSEWHERE,
];

/// A secret is there as soon as it has metadata.
fn exists(_: &(), call: &mut Call<'_>) -> Result<bool, Fault> {
    Ok(secret::Secret::of(call)?.is_some())
}

const fn versions_route(
    path: &'static str,
    synopsis: &'static str,
    operations: &'static [Operation<()>],
) -> Route<()> {
    Route {
        path,
        synopsis,
        description: "Versions that are not there are passed over.\n",
        fields: fields::OF_VERSIONS,
        access: Access::Policy,
        operations,
    }
}
