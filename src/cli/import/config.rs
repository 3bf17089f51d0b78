//! The configuration of a kv version 2 mount.

use serde_json::{Map, Value};

use super::ends::{Ends, Standing};
use super::report::Told;
use super::server::Trouble;
use super::settings;

const SET: [&str; 3] = ["cas_required", "delete_version_after", "max_versions"];

/// Brings that of the mount at `mount`. One that nobody has set here counts as none.
pub fn bring(ends: &Ends, mount: &str) -> Result<Told, Trouble> {
    let path = format!("{mount}config");
    let theirs = ends.from.need(&path)?;
    let ours = ends.to.get(&path)?.unwrap_or(Value::Null);
    let standing = match settings::differing(&SET, &theirs, &ours) {
        differing if differing.is_empty() => Standing::Same,
        _ if SET.iter().all(|name| settings::is_unset(&ours[*name])) => Standing::Absent,
        differing => Standing::of_differing(&differing),
    };
    let told = ends.settle(standing, |_| {
        let set = SET.map(|name| (name.to_owned(), theirs[name].clone()));
        ends.to.put(&path, Value::Object(Map::from_iter(set)))
    })?;
    Ok(told.without(&settings::lost(&SET, &theirs)))
}
