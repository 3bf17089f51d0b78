//! Secrets engines and auth methods, with how they are tuned, and what lies in them.

use serde_json::Value;

use super::ends::{Ends, Standing, Write};
use super::job::{Ended, Job};
use super::place::Version;
use super::report::{Fate, Kind, Told};
use super::server::{Trouble, is_name};
use super::{config, roles, settings, tree, tuning, users};
use crate::base::golang;
use crate::cli::mounts::Table;

/// What a mount holds that can come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Kv(Version),
    Users,
    Roles,
}

/// Brings both tables.
pub fn bring(job: &mut Job) -> Result<(), Ended> {
    for table in [Table::Secrets, Table::Auth] {
        let (kind, path) = (table.kind(), table.endpoint());
        let read = job.read(kind, path, |ends| Ok((ends.from.need(path)?, ends.to.need(path)?)));
        let Some((theirs, ours)) = read? else { continue };
        let Value::Object(theirs) = theirs else { continue };
        for (at, theirs) in theirs {
            mount(job, table, &at, &theirs, &ours[&at])?;
        }
    }
    Ok(())
}

fn mount(job: &mut Job, table: Table, at: &str, theirs: &Value, ours: &Value) -> Result<(), Ended> {
    let shown = format!("{}{at}", table.prefix());
    let content = match table.content(theirs) {
        _ if table.is_built_in(theirs) => return Ok(()),
        Some(content) if is_name(at) && at.ends_with('/') => content,
        _ => {
            let why = format!("what is of type {} does not come", golang::display(&theirs["type"]));
            let told = Told::because(Fate::LeftOut, why);
            return job.one(table.kind(), &shown, |_| Ok(told)).map(drop);
        }
    };
    let fate = job.one(table.kind(), &shown, |ends| {
        if !ours.is_null() && table.content(ours) != Some(content) {
            let why = "here is a mount of another type or version: nothing in it comes";
            return Ok(Told::because(Fate::Failed, why));
        }
        one(ends, table, at, theirs, ours)
    })?;
    if fate == Fate::Failed {
        return Ok(());
    }
    match content {
        Content::Kv(version) => {
            if version == Version::Two {
                job.one(Kind::Settings, &shown, |ends| config::bring(ends, at))?;
            }
            tree::bring(job, at, version)
        }
        Content::Users => users::bring(job, &shown),
        Content::Roles => roles::bring(job, &shown),
    }
}

fn one(ends: &Ends, table: Table, at: &str, theirs: &Value, ours: &Value) -> Result<Told, Trouble> {
    let (named, here) = (tuning::compared(), tuning::of(ours));
    let standing = match settings::differing(&named, &tuning::of(theirs), &here) {
        _ if ours.is_null() => Standing::Absent,
        differing if differing.is_empty() => Standing::Same,
        differing => Standing::Differs(format!(
            "tuned otherwise here ({}); what lies in it comes",
            differing.join(", ")
        )),
    };
    let path = format!("{}/{}", table.endpoint(), at.trim_end_matches('/'));
    let told = ends.settle(standing, |how| match how {
        Write::Make => ends.to.put(&path, tuning::made(theirs)),
        Write::Replace => {
            ends.to.put(&format!("{path}/tune"), tuning::tuned(theirs, table == Table::Auth))
        }
    })?;
    Ok(told.without(&settings::lost(&tuning::known(), &theirs["config"])))
}

/// What an import makes of them.
impl Table {
    const fn kind(self) -> Kind {
        match self {
            Self::Secrets => Kind::Mount,
            Self::Auth => Kind::Auth,
        }
    }

    /// What each server has by itself.
    fn is_built_in(self, mount: &Value) -> bool {
        let kind = mount["type"].as_str().unwrap_or_default();
        match self {
            Self::Secrets => {
                matches!(kind.trim_start_matches("ns_"), "cubbyhole" | "identity" | "system")
            }
            Self::Auth => kind.trim_start_matches("ns_") == "token",
        }
    }

    fn content(self, mount: &Value) -> Option<Content> {
        let version = mount["options"]["version"].as_str().unwrap_or("1");
        match (self, mount["type"].as_str()?, version) {
            (Self::Secrets, "kv" | "generic", "1" | "") => Some(Content::Kv(Version::One)),
            (Self::Secrets, "kv", "2") => Some(Content::Kv(Version::Two)),
            (Self::Auth, "userpass", _) => Some(Content::Users),
            (Self::Auth, "approle", _) => Some(Content::Roles),
            _ => None,
        }
    }
}
