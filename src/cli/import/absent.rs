//! What is there and does not come, so that nobody thinks it did.

use super::job::{Ended, Job};
use super::report::{Fate, Kind, Told};
use super::server::{Server, Trouble};

/// Where it is listed, what it is, and what to do.
const ABSENT: [[&str; 3]; 5] = [
    ["identity/entity/id", "entities of identity", "each login makes one anew"],
    ["identity/group/id", "groups of identity", "make them anew, of the new entities"],
    ["sys/quotas/rate-limit", "rate limits", "set them anew"],
    ["sys/quotas/lease-count", "lease counts", "set them anew"],
    ["sys/namespaces", "namespaces", "import each for itself, with -from-namespace"],
];
const AUDIT: [&str; 3] = ["sys/audit", "audit devices", "enable them anew"];

/// Tells of it, and of what may not be listed; a server that has no such thing at all says 404.
pub fn tell(job: &mut Job) -> Result<(), Ended> {
    for about in ABSENT {
        told(job, about, |from| {
            from.list(about[0]).map(|listed| listed.names.len() + listed.odd.len())
        })?;
    }
    told(job, AUDIT, |from| {
        let devices = from.get(AUDIT[0])?;
        Ok(devices.and_then(|all| all.as_object().map(serde_json::Map::len)).unwrap_or(0))
    })
}

fn told(
    job: &mut Job,
    [path, what, way]: [&str; 3],
    count: impl FnOnce(&Server) -> Result<usize, Trouble>,
) -> Result<(), Ended> {
    let why = match count(&job.ends.from) {
        Ok(0) => return Ok(()),
        Ok(there) => format!("{what} ({there}): {way}"),
        Err(Trouble::Here(why)) => {
            format!("{what} may not be listed there, if there are any: {why}")
        }
        Err(Trouble::Everywhere(why)) => return Err(why),
    };
    job.one(Kind::Other, path, |_| Ok(Told::because(Fate::LeftOut, why))).map(drop)
}
