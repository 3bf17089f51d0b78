//! What a login says of who somebody is.

use std::collections::BTreeSet;

use super::index::{ENTITIES, ENTITY_ALIASES, GROUP_ALIASES, GROUPS_OF_ENTITY};
use super::known::Known;
use super::record::{Alias, Entity, Group, GroupKind, Texts};
use crate::barrier::txn::Scope;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;

/// A login, as its auth method tells it.
pub struct Login<'l> {
    /// The accessor of the auth method's mount.
    pub accessor: &'l str,
    /// Whether that mount is local.
    pub local: bool,
    /// Who it is there: a user, a role.
    pub name: &'l str,
    /// What the auth method knows of them; it is kept with the alias, for templates in policies.
    pub metadata: &'l Texts,
    /// The groups that they are in there.
    pub groups: &'l [String],
}

/// The id of the entity that has logged in. It is made at its first login; at each, its alias'
/// metadata and its external groups become what the auth method says.
///
/// # Errors
/// `permission denied` for an entity that is disabled.
pub fn login(
    scope: &mut Scope<'_>,
    login: &Login<'_>,
    entropy: &dyn Entropy,
) -> Result<String, Fault> {
    if login.name.is_empty() {
        return Err(Fault::bad_request("empty alias name"));
    }
    let entity = match Entity::by_alias(scope, login.accessor, login.name)? {
        Some(entity) if entity.disabled => return Err(Fault::denied()),
        Some(entity) => known(scope, entity, login)?,
        None => unknown(scope, login, entropy)?,
    };
    refresh_groups(scope, &entity.id, login.accessor, login.groups)?;
    Ok(entity.id)
}

fn known(scope: &mut Scope<'_>, entity: Entity, login: &Login<'_>) -> Result<Entity, Fault> {
    let metadata = Some(login.metadata).filter(|texts| !texts.is_empty());
    if entity.alias(login.accessor).is_none_or(|alias| alias.metadata.as_ref() == metadata) {
        return Ok(entity);
    }
    let mut entity = entity.settled();
    for alias in entity.aliases.iter_mut().filter(|alias| alias.accessor == login.accessor) {
        alias.metadata = metadata.cloned();
        alias.updated = scope.now();
    }
    entity.store(scope)?;
    Ok(entity)
}

fn unknown(
    scope: &mut Scope<'_>,
    login: &Login<'_>,
    entropy: &dyn Entropy,
) -> Result<Entity, Fault> {
    let mut entity = Entity::new(scope, entropy)?;
    let mut alias = Alias::new(login.name, login.accessor, scope.now(), entropy);
    alias.metadata = Some(login.metadata).filter(|texts| !texts.is_empty()).cloned();
    alias.local = login.local;
    ENTITIES.give(scope, &entity.id, &entity.name, None)?;
    ENTITY_ALIASES.put(scope, &alias, &entity.id)?;
    entity.aliases.push(alias);
    entity.store(scope)?;
    Ok(entity)
}

/// Puts an entity into the external groups that the auth method of that accessor names, and out of
/// those of its other ones.
pub fn refresh_groups(
    scope: &mut Scope<'_>,
    entity_id: &str,
    accessor: &str,
    names: &[String],
) -> Result<(), Fault> {
    let mut wanted = BTreeSet::new();
    for name in names {
        wanted.extend(GROUP_ALIASES.owner_named(scope, accessor, name)?);
    }
    for id in GROUPS_OF_ENTITY.list(scope, entity_id)? {
        if wanted.remove(&id) {
            continue;
        }
        // A group that has lost its alias is named by no auth method any more.
        let ends = Group::by_id(scope, &id)?.is_some_and(|group| {
            let other = group.alias.is_some_and(|alias| alias.accessor != accessor);
            group.kind == GroupKind::External && !other
        });
        if ends {
            Group::lose(scope, &id, entity_id)?;
        }
    }
    for id in wanted {
        Group::gain(scope, &id, entity_id)?;
    }
    Ok(())
}
