//! The users of userpass. Their passwords no server tells.

use super::ends::{Ends, Standing, Write};
use super::job::{Ended, Job};
use super::report::{Fate, Kind, Told};
use super::server::Trouble;
use super::settings;
use super::terms::{TERMS, chosen, renamed};

/// How many random bytes a password has that nobody shall know.
const UNKNOWN: usize = 32;

/// Brings those of the auth method at `mount`, as `auth/userpass/`.
pub fn bring(job: &mut Job, mount: &str) -> Result<(), Ended> {
    let folder = format!("{mount}users");
    let names = job.names(Kind::User, &folder, &folder)?;
    let mut came = 0;
    for name in names {
        let path = format!("{folder}/{name}");
        let fate = job.one(Kind::User, &format!("{mount}{name}"), |ends| one(ends, &path))?;
        came += u64::from(fate == Fate::Came);
    }
    if came > 0 {
        let why = format!(
            "no server tells passwords: each of the {came} has a random one that nobody knows, \
             until `edgekeep write {folder}/NAME/password password=-`"
        );
        job.report.remark(Kind::User, mount, Told::because(Fate::Came, why));
    }
    Ok(())
}

fn one(ends: &Ends, path: &str) -> Result<Told, Trouble> {
    let theirs = renamed(ends.from.need(path)?);
    let standing = match ends.to.get(path)?.map(renamed) {
        None => Standing::Absent,
        Some(ours) => Standing::of_differing(&settings::differing(&TERMS, &theirs, &ours)),
    };
    let told = ends.settle(standing, |how| {
        let mut body = chosen(&TERMS, &theirs);
        if how == Write::Make {
            body.insert("password".into(), ends.entropy.hex(UNKNOWN).into());
        }
        ends.to.put(path, body.into())
    })?;
    Ok(told.without(&settings::lost(&TERMS, &theirs)))
}
