//! The roles of approle, with their ids. Their secret ids no server tells.

use serde_json::Value;

use super::ends::{Ends, Standing, Write};
use super::job::{Ended, Job};
use super::report::{Fate, Kind, Told};
use super::server::{Server, Trouble};
use super::settings;
use super::terms::{TERMS, chosen, renamed};

const ROLE_ID: &str = "role_id";
/// Can be said only when a role is made.
const FIXED: &str = "local_secret_ids";
/// What is set of a role beside its terms.
const OWN: [&str; 5] =
    [ROLE_ID, "bind_secret_id", "secret_id_bound_cidrs", "secret_id_num_uses", "secret_id_ttl"];

/// Brings those of the auth method at `mount`, as `auth/approle/`.
pub fn bring(job: &mut Job, mount: &str) -> Result<(), Ended> {
    let folder = format!("{mount}role");
    let names = job.names(Kind::Role, &folder, &folder)?;
    let (mut came, mut secret_ids) = (0, 0);
    for name in names {
        let path = format!("{folder}/{name}");
        let mut its = 0;
        let fate = job.one(Kind::Role, &format!("{mount}{name}"), |ends| {
            // Who may not list them is told less.
            its = ends.from.list(&format!("{path}/secret-id")).map_or(0, |ids| ids.names.len());
            one(ends, &path)
        })?;
        if fate == Fate::Came {
            came += 1;
            secret_ids += its;
        }
    }
    if came > 0 {
        let why = format!(
            "no server tells secret ids, so roles come without theirs: {came} roles came, and had \
             {secret_ids} secret ids there; `edgekeep write -force {folder}/NAME/secret-id` makes \
             a new one"
        );
        job.report.remark(Kind::Role, mount, Told::because(Fate::Came, why));
    }
    Ok(())
}

fn one(ends: &Ends, path: &str) -> Result<Told, Trouble> {
    let known = [&OWN[..], &TERMS[..]].concat();
    let Some(theirs) = read(&ends.from, path)? else {
        return Err(ends.from.here("it is gone by now"));
    };
    let standing = match read(&ends.to, path)? {
        None => Standing::Absent,
        Some(ours) => Standing::of_differing(&settings::differing(&known, &theirs, &ours)),
    };
    let told = ends.settle(standing, |how| {
        let mut body = chosen(&known, &theirs);
        if how == Write::Make {
            body.extend(chosen(&[FIXED], &theirs));
        }
        ends.to.put(path, body.into())
    })?;
    Ok(told.without(&settings::lost(&[&known[..], &[FIXED]].concat(), &theirs)))
}

/// A role with its id.
fn read(server: &Server, path: &str) -> Result<Option<Value>, Trouble> {
    let Some(role) = server.get(path)? else { return Ok(None) };
    let mut role = renamed(role);
    role[ROLE_ID] = server.need(&format!("{path}/role-id"))?[ROLE_ID].take();
    Ok(Some(role))
}
