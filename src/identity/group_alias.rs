//! Aliases of external groups: made, changed, moved, deleted.

use super::alias::{Ids, IsLocal, invalid_accessor};
use super::index::{GROUP_ALIASES, GROUPS};
use super::known::Known;
use super::record::{Alias, Group, GroupKind};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;

/// What a group's alias is to be.
pub struct Wanted<'w> {
    /// The group's name at the auth method.
    pub name: &'w str,
    /// The accessor of the auth method's mount.
    pub accessor: &'w str,
    /// The group that it is to belong to; empty for the one that it has, or a new one.
    pub group_id: &'w str,
}

/// The ids of all aliases of groups, sorted.
pub fn list(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
    GROUP_ALIASES.list(scope)
}

/// Makes an alias, or changes the one of that id. `None` when it is just so already.
pub fn set(
    scope: &mut Scope<'_>,
    id: Option<&str>,
    wanted: &Wanted<'_>,
    is_local: IsLocal<'_>,
    entropy: &dyn Entropy,
) -> Result<Option<Ids>, Fault> {
    let refused = |text: &'static str| Err(Fault::bad_request(text));
    let owner = match id {
        None => None,
        Some("") => return refused("empty group alias ID"),
        Some(id) => match Group::by_alias_id(scope, id)? {
            None => return refused("invalid group alias ID"),
            owner => owner,
        },
    };
    let &Wanted { name, accessor, group_id } = wanted;
    if name.is_empty() {
        return refused("missing alias name");
    }
    if accessor.is_empty() {
        return refused("missing mount_accessor");
    }
    if let Some(owner) = &owner
        && let Some(alias) = &owner.alias
        && (alias.name == name && alias.accessor == accessor)
        && (group_id.is_empty() || group_id == owner.id)
    {
        return Ok(None);
    }
    let given = if group_id.is_empty() { None } else { Some(external(scope, group_id)?) };
    let is_local = is_local(accessor).ok_or_else(|| invalid_accessor(accessor))?;
    if is_local {
        let text = format!("mount accessor {} is a local mount", golang::quote(accessor));
        return Err(Fault::bad_request(text));
    }
    let holder = Group::by_alias(scope, accessor, name)?.and_then(|group| group.alias);
    if holder.is_some_and(|alias| id != Some(&alias.id)) {
        return refused("combination of mount and group alias name is already in use");
    }
    put(scope, owner, given, (name, accessor), entropy).map(Some)
}

fn external(scope: &mut Scope<'_>, id: &str) -> Result<Group, Fault> {
    match Group::by_id(scope, id)? {
        None => Err(Fault::bad_request("invalid group ID given in 'canonical_id'")),
        Some(group) if group.kind != GroupKind::External => {
            Err(Fault::bad_request("alias can't be set on an internal group"))
        }
        Some(group) => Ok(group),
    }
}

/// Gives the alias of `owner`, or a new one, to `given`, or it stays, or a new group has it.
fn put(
    scope: &mut Scope<'_>,
    mut owner: Option<Group>,
    given: Option<Group>,
    (name, accessor): (&str, &str),
    entropy: &dyn Entropy,
) -> Result<Ids, Fault> {
    let now = scope.now();
    let mut alias = match owner.as_mut().and_then(|group| group.alias.take()) {
        None => Alias::new(name, accessor, now, entropy),
        Some(before) => {
            GROUP_ALIASES.delete(scope, &before)?;
            Alias { updated: now, ..before }
        }
    };
    alias.name = name.to_owned();
    alias.accessor = accessor.to_owned();
    let mut group = match (owner, given) {
        (Some(owner), None) => owner,
        (Some(owner), Some(given)) if owner.id == given.id => owner,
        (Some(mut owner), Some(given)) => {
            owner.store(scope)?;
            given
        }
        (None, Some(given)) => given,
        (None, None) => {
            let group = Group::new(scope, GroupKind::External, entropy)?;
            GROUPS.give(scope, &group.id, &group.name, None)?;
            group
        }
    };
    if let Some(replaced) = group.alias.take() {
        GROUP_ALIASES.delete(scope, &replaced)?;
    }
    let ids = Ids { id: alias.id.clone(), canonical_id: group.id.clone() };
    GROUP_ALIASES.put(scope, &alias, &group.id)?;
    group.alias = Some(alias);
    group.updated = now;
    group.store(scope)?;
    Ok(ids)
}

/// Removes an alias, if it is there; its group stays, with its members.
pub fn delete(scope: &mut Scope<'_>, id: &str) -> Result<(), TxnError> {
    let Some(mut group) = Group::by_alias_id(scope, id)? else { return Ok(()) };
    if let Some(alias) = group.alias.take() {
        GROUP_ALIASES.delete(scope, &alias)?;
        group.store(scope)?;
    }
    Ok(())
}
