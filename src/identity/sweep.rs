//! What is left of auth mounts and groups that are gone: removed little by little, so that neither
//! memory nor the length of a commit grows with how many there were.

use serde::{Deserialize, Serialize};

use super::group;
use super::index::{ENTITIES_OF_GROUP, ENTITY_ALIASES, GROUP_ALIASES};
use super::known::Known;
use super::record::{Entity, Group};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::record::Record;

/// The folder of what is noted.
const FOLDER: &str = "gone";
/// A step removes at most so many aliases or memberships.
const STEP: usize = 100;

/// Something that is gone and of which entries may be left.
#[derive(Serialize, Deserialize)]
enum Gone {
    /// The mount of that accessor, with aliases of entities and groups.
    Mount(String),
    /// The group of that id, with its members.
    Group(String),
}

impl Record for Gone {
    const VERSION: u8 = 1;
}

/// Notes that the aliases of a mount that is no more are to be removed, if it has any.
pub fn forget_mount(scope: &mut Scope<'_>, accessor: &str) -> Result<(), TxnError> {
    let none = ENTITY_ALIASES.some_at(scope, accessor, 1)?.is_empty()
        && GROUP_ALIASES.some_at(scope, accessor, 1)?.is_empty();
    if none {
        return Ok(());
    }
    scope.write(&format!("{FOLDER}/{accessor}"), &Gone::Mount(accessor.to_owned()))
}

/// Notes that the memberships in a group that is no more are to be removed.
pub(super) fn forget_members(scope: &mut Scope<'_>, id: &str) -> Result<(), TxnError> {
    scope.write(&format!("{FOLDER}/{id}"), &Gone::Group(id.to_owned()))
}

/// The group of that id is back: nothing of it is to be removed any more.
pub(super) fn keep_members(scope: &mut Scope<'_>, id: &str) -> Result<(), TxnError> {
    scope.delete(&format!("{FOLDER}/{id}"))
}

/// Removes a little of what was noted; whether there may be more.
pub fn step(scope: &mut Scope<'_>) -> Result<bool, TxnError> {
    let Some(name) = scope.list_some(FOLDER, 1)?.into_iter().next() else { return Ok(false) };
    let path = format!("{FOLDER}/{name}");
    let done = match scope.read(&path)? {
        None => true,
        Some(Gone::Mount(accessor)) => {
            entity_aliases(scope, &accessor)? && group_aliases(scope, &accessor)?
        }
        Some(Gone::Group(id)) => members(scope, &id)?,
    };
    if done {
        scope.delete(&path)?;
    }
    Ok(true)
}

/// Whether these were all.
fn entity_aliases(scope: &mut Scope<'_>, accessor: &str) -> Result<bool, TxnError> {
    let found = ENTITY_ALIASES.some_at(scope, accessor, STEP)?;
    let all = found.len() < STEP;
    for (path, owner) in found {
        scope.delete(&path)?;
        let Some(owner) = owner else { continue };
        let Some(mut entity) = Entity::by_id(scope, &owner)? else { continue };
        let Some(id) = entity.alias(accessor).map(|alias| alias.id.clone()) else { continue };
        if let Some(alias) = entity.take_alias(&id) {
            ENTITY_ALIASES.delete(scope, &alias)?;
            entity.store(scope)?;
        }
    }
    Ok(all)
}

/// Whether these were all.
fn group_aliases(scope: &mut Scope<'_>, accessor: &str) -> Result<bool, TxnError> {
    let found = GROUP_ALIASES.some_at(scope, accessor, STEP)?;
    let all = found.len() < STEP;
    for (path, owner) in found {
        scope.delete(&path)?;
        let Some(owner) = owner else { continue };
        let Some(mut group) = Group::by_id(scope, &owner)? else { continue };
        if let Some(alias) = group.alias.take_if(|alias| alias.accessor == accessor) {
            GROUP_ALIASES.delete(scope, &alias)?;
            group.store(scope)?;
        }
    }
    Ok(all)
}

/// Whether these were all.
fn members(scope: &mut Scope<'_>, id: &str) -> Result<bool, TxnError> {
    let found = ENTITIES_OF_GROUP.some(scope, id, STEP)?;
    let all = found.len() < STEP;
    for entity_id in found {
        group::cut(scope, id, &entity_id)?;
    }
    Ok(all)
}
