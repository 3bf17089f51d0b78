//! What became of everything that people keep, from one state of the store to another.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::difference::{Change, Difference};
use crate::api::reply::{Content, object};
use crate::barrier::names::{MountId, PlainPath};
use crate::barrier::txn::{Scope, Txn, TxnError};
use crate::base::fault::Fault;
use crate::identity::known::Known;
use crate::identity::record::{Entity, Group};
use crate::mount::config::{MountConfig, Ttls};
use crate::mount::store::{MountStore, stored};
use crate::mount::table::{Mount, MountTable};
use crate::pipeline::alone;
use crate::sys::identity;
use crate::sys::mounts::tuning;
use crate::sys::settings::{self, Settings};

/// What is not the same.
pub struct Differences {
    /// In the order of their paths, which are whole ones.
    pub found: Vec<Found>,
    /// Whether there is more than was looked at.
    pub more: bool,
}

/// One thing that is not the same.
pub struct Found {
    what: Difference,
    /// Of what has none that are told, none.
    values: Option<Values>,
}

/// Where the values of it are that may be told.
enum Values {
    /// Below the mount that has it in both states, wherever each has that one, at the path at
    /// which it is read.
    Below(MountId, String),
    /// Here: that of before, and that of after.
    Set([Option<Map<String, Value>>; 2]),
}

impl From<Difference> for Found {
    fn from(what: Difference) -> Self {
        Self { what, values: None }
    }
}

/// What somebody is to be told.
pub enum Told<'a> {
    /// What lies below a mount of a state that has this table.
    Below(&'a MountTable, &'a Mount, &'a str),
    /// What is set at a path.
    Setting(&'a str),
}

/// Who may be told it.
pub type Permission<'a> = dyn Fn(&Told<'_>) -> bool + 'a;

/// Compares two states of one store. At most `most` entries that are not the same are looked at.
///
/// Of a mount that only one of them has, the mount alone is told of. `system` are the TTLs that
/// hold where a mount has none of its own.
pub fn compare(
    mounts: &MountStore,
    system: Ttls,
    [before, after]: [&mut Txn; 2],
    most: usize,
) -> Result<Differences, Fault> {
    if !before.is_of_the_same_store(after) {
        return Err(Fault::bad_request("they are snapshots of two stores, and not to be compared"));
    }
    let differing = before.differing(after, most)?;
    let tables = [mounts.read(before)?, mounts.read(after)?];
    let mut found = Vec::new();
    for path in differing.paths {
        found.extend(became(&path, [&tables[0], &tables[1]], [&mut *before, &mut *after], system)?);
    }
    found.sort_unstable_by(|one: &Found, other| one.what.path.cmp(&other.what.path));
    Ok(Differences { found, more: differing.more })
}

/// What became of what lies at an entry, which may be several things.
fn became(
    at: &PlainPath,
    [old, new]: [&MountTable; 2],
    [before, after]: [&mut Txn; 2],
    system: Ttls,
) -> Result<Vec<Found>, Fault> {
    if at.mount == MountId::SYSTEM {
        let mut found =
            of_settings(settings::at(&at.path, before)?, settings::at(&at.path, after)?);
        found.extend(of_mount(&at.path, before, after, system)?);
        return Ok(found);
    }
    let (Some(_), Some(mount)) = (old.by_id(at.mount), new.by_id(at.mount)) else {
        return Ok(Vec::new());
    };
    let (mut old, mut new) = (before.scope(at.mount), after.scope(at.mount));
    if mount.path == identity::PREFIX {
        let found = of_identity(&at.path, &mut old, &mut new)?;
        return Ok(found.map(Found::from).into_iter().collect());
    }
    let Some(engine) = mount.engine() else { return Ok(Vec::new()) };
    let found = engine.compare(&at.path, &mut old, &mut new)?;
    let found = found.map(|found| Found {
        values: Some(Values::Below(at.mount, found.read.clone())),
        what: Difference { path: format!("{}{}", mount.path, found.path), ..found },
    });
    Ok(found.into_iter().collect())
}

/// What became of settings.
fn of_settings(mut before: Settings, mut after: Settings) -> Vec<Found> {
    let paths: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let found = paths.into_iter().filter_map(|path| {
        let values = [before.remove(&path), after.remove(&path)];
        let change = Change::between(&values[0], &values[1])?;
        Some(Found { what: Difference::at(path, change), values: Some(Values::Set(values)) })
    });
    found.collect()
}

/// Entities and groups. What the last login of somebody left, and who is in which group, is nothing
/// that is told of.
fn of_identity(
    path: &str,
    before: &mut Scope<'_>,
    after: &mut Scope<'_>,
) -> Result<Option<Difference>, TxnError> {
    if let Some(id) = path.strip_prefix(Entity::FOLDER).and_then(below) {
        let load = |scope: &mut Scope<'_>| Entity::by_id(scope, id);
        let (old, new) = (load(before)?, load(after)?);
        let shown = |entity: &Entity| {
            let aliases = entity.aliases.iter().map(|alias| (&alias.accessor, &alias.name));
            let aliases: Vec<_> = aliases.map(|(a, n)| (a.clone(), n.clone())).collect();
            let Entity { name, metadata, policies, disabled, .. } = entity.clone();
            (name, metadata, policies, disabled, aliases)
        };
        let name = new.as_ref().or(old.as_ref()).map(|entity| entity.name.clone());
        let change = Change::between(&old.as_ref().map(shown), &new.as_ref().map(shown));
        return Ok(change
            .zip(name)
            .map(|(change, name)| Difference::at(format!("identity/entity/name/{name}"), change)));
    }
    let Some(id) = path.strip_prefix(Group::FOLDER).and_then(below) else { return Ok(None) };
    let load = |scope: &mut Scope<'_>| Group::by_id(scope, id);
    let (old, new) = (load(before)?, load(after)?);
    let shown = |group: &Group| {
        let Group { name, kind, metadata, policies, .. } = group.clone();
        (name, kind, metadata, policies)
    };
    let name = new.as_ref().or(old.as_ref()).map(|group| group.name.clone());
    let change = Change::between(&old.as_ref().map(shown), &new.as_ref().map(shown));
    Ok(change
        .zip(name)
        .map(|(change, name)| Difference::at(format!("identity/group/name/{name}"), change)))
}

/// What became of a mount: whether there is one, and where, and what is tuned of it.
fn of_mount(
    entry: &str,
    before: &mut Txn,
    after: &mut Txn,
    system: Ttls,
) -> Result<Vec<Found>, TxnError> {
    let (old, new) = (stored(before, entry)?, stored(after, entry)?);
    let Some(mount) = new.as_ref().or(old.as_ref()) else { return Ok(Vec::new()) };
    let table = if mount.is_auth() { "sys/auth" } else { "sys/mounts" };
    let place = format!("{table}/{}", mount.listed_path().trim_end_matches('/'));
    let about = match &old {
        Some(old) if old.path != mount.path => format!("it was at {}", old.path),
        _ => mount.kind.clone(),
    };
    let change = Change::between(&old.as_ref().map(untuned), &new.as_ref().map(untuned));
    let itself =
        change.map(|change| Difference { about, ..Difference::at(place.clone(), change) }.into());
    let of =
        |mount: &Mount| (mount.description.clone(), mount.options.clone(), mount.config.clone());
    let tuned = old.zip(new).filter(|(old, new)| of(old) != of(new));
    let tuned = tuned.map(|(old, new)| Found {
        what: Difference::at(format!("{place}/tune"), Change::Changed),
        values: Some(Values::Set([old, new].map(|mount| Some(tuning(&mount, system))))),
    });
    Ok(itself.into_iter().chain(tuned).collect())
}

/// A mount but for what can be tuned of it.
fn untuned(mount: &Mount) -> Mount {
    let (description, options, config) = (String::new(), None, MountConfig::default());
    Mount { description, options, config, ..mount.clone() }
}

fn below(rest: &str) -> Option<&str> {
    rest.strip_prefix('/')
}

/// A difference as it is shown, with what a read of it answers in each of both states where that
/// may be told.
pub fn show(
    found: &Found,
    mounts: &MountStore,
    [before, after]: [&mut Txn; 2],
    may: &Permission<'_>,
) -> Result<Map<String, Value>, Fault> {
    let Found { what, values } = found;
    let mut shown =
        object([("path", what.path.clone().into()), ("change", what.change.name().into())]);
    if !what.about.is_empty() {
        shown.insert("about".to_owned(), what.about.clone().into());
    }
    let states = [("before", before), ("after", after)];
    match values {
        Some(Values::Set(values)) if may(&Told::Setting(&what.path)) => {
            for ((name, _), value) in states.into_iter().zip(values) {
                shown.extend(value.clone().map(|value| (name.to_owned(), value.into())));
            }
        }
        None | Some(Values::Set(_)) => {}
        Some(Values::Below(id, below)) => {
            for (name, txn) in states {
                let table = mounts.read(txn)?;
                let may = |mount: &&Mount| may(&Told::Below(&table, mount, below));
                if let Some(mount) = table.by_id(*id).filter(may)
                    && let Some(value) = read(mount, txn, below)?
                {
                    shown.insert(name.to_owned(), value);
                }
            }
        }
    }
    Ok(shown)
}

/// What a read below a mount answers; of kv 2 the value alone. `None` where there is nothing.
fn read(mount: &Mount, txn: &mut Txn, below: &str) -> Result<Option<Value>, Fault> {
    let reply = match alone::read_in(mount, txn, below, &Map::new()) {
        Ok(reply) if reply.status == 200 => reply,
        Ok(_) => return Ok(None),
        Err(fault) if matches!(fault.status, 404 | 405) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let Content::Data(Some(mut data)) = reply.content else { return Ok(None) };
    Ok(Some(match (data.remove("data"), data.remove("metadata")) {
        (Some(value), Some(_)) => value,
        (value, metadata) => {
            let back = [("data", value), ("metadata", metadata)];
            data.extend(back.into_iter().filter_map(|(name, v)| Some((name.to_owned(), v?))));
            json!(data)
        }
    }))
}
