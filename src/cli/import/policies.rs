//! Policies and password policies: a text under a name.

use serde_json::json;

use super::ends::{Ends, Standing};
use super::job::{Ended, Job};
use super::report::{Fate, Kind, Told};
use super::server::Trouble;

/// The policy that cannot be written.
const ROOT: &str = "root";
/// The policy that each server begins with.
const DEFAULT: &str = "default";

/// Brings both kinds.
pub fn bring(job: &mut Job) -> Result<(), Ended> {
    for (kind, folder) in
        [(Kind::Policy, "sys/policies/acl"), (Kind::PasswordPolicy, "sys/policies/password")]
    {
        let names = job.names(kind, folder, folder)?;
        let fixed = |name: &String| kind == Kind::Policy && name == ROOT;
        for name in names.into_iter().filter(|name| !fixed(name)) {
            job.one(kind, &name, |ends| {
                let own = kind == Kind::Policy && name == DEFAULT;
                one(ends, &format!("{folder}/{name}"), own)
            })?;
        }
    }
    Ok(())
}

/// Brings one; `own` says that each server has one of its own.
fn one(ends: &Ends, path: &str, own: bool) -> Result<Told, Trouble> {
    let theirs = ends.from.need(path)?["policy"].clone();
    let ours = ends.to.get(path)?.map(|found| found["policy"].clone());
    let standing = match ours {
        None => Standing::Absent,
        Some(ours) if ours == theirs => Standing::Same,
        Some(_) if own && !ends.overwrite => {
            let why = "each server has one of its own: bring by hand, or with -overwrite, what \
                       was changed in it";
            return Ok(Told::because(Fate::LeftOut, why));
        }
        Some(_) => Standing::Differs("its text is another here".into()),
    };
    ends.settle(standing, |_| ends.to.put(path, json!({ "policy": theirs })))
}
