//! The fields that the endpoints take.

use std::time::Duration;

use serde_json::{Map, Value};

use super::record::MAX_VERSIONS_LIMIT;
use crate::api::field::{Field, FieldInfo, Fields};
use crate::base::fault::Fault;
use crate::base::ttl::Ttl;

pub static PATH: Field<String> = Field::new("path", "Where the secret lies.");

pub static VERSION: Field<i64> =
    Field::new("version", "Which version is read; the latest when it is 0 or not given.").query();

pub static VERSIONS: Field<Vec<i64>> = Field::new("versions", "The versions that are meant.");

/// What `delete/`, `undelete/` and `destroy/` take.
pub const OF_VERSIONS: &[&FieldInfo] = &[&PATH.info, &VERSIONS.info];

pub static DATA: Field<Option<Map<String, Value>>> =
    Field::new("data", "The secret; in a PATCH, what changes of it.");

pub static OPTIONS: Field<Option<Map<String, Value>>> = Field::new(
    "options",
    "`cas`: write only if the latest version has this number; 0 means that there is none yet.",
);

/// Stands in [`OPTIONS`].
pub static CAS: Field<i64> = Field::new("cas", "The number that the latest version must have.");

pub static DEPTH: Field<i64> =
    Field::new("depth", "How many levels of names are shown; all when it is 0 or not given.")
        .query();

pub static MAX_VERSIONS: Field<i64> = Field::new(
    "max_versions",
    "How many versions are kept. Of the mount's and the secret's number the larger holds; 10 \
     when both are 0.",
);

pub static CAS_REQUIRED: Field<bool> =
    Field::new("cas_required", "Whether each write must give `options.cas`.");

pub static DELETE_AFTER: Field<Duration> = Field::new(
    "delete_version_after",
    "When a version is deleted after it was made; never when it is 0. Of the mount's and the \
     secret's time the shorter holds.",
);

pub static MOUNT_DELETE_AFTER: Field<Ttl> = Field::new(
    "delete_version_after",
    "When a version is deleted after it was made; 0 leaves it to each secret, a negative time \
     means never, whatever the secret says.",
);

pub static CUSTOM_METADATA: Field<Option<Map<String, Value>>> = Field::new(
    "custom_metadata",
    "Texts of your own: at most 64 names of at most 128 bytes, with values of at most 512 bytes.",
);

/// What [`MAX_VERSIONS`] says, when it was sent.
pub fn max_versions(fields: &Fields<'_>) -> Result<Option<u32>, Fault> {
    let Some(&sent) = fields.get(&MAX_VERSIONS) else { return Ok(None) };
    let kept = u32::try_from(sent).ok().filter(|kept| *kept <= MAX_VERSIONS_LIMIT);
    kept.map(Some).ok_or_else(|| {
        let text = format!("max_versions must be from 0 to {MAX_VERSIONS_LIMIT}, not {sent}");
        Fault::bad_request(text)
    })
}
