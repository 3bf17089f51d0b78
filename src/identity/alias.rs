//! Aliases of entities: made, changed, moved, deleted.

use super::index::{ENTITIES, ENTITY_ALIASES};
use super::known::Known;
use super::record::{Alias, Entity, Texts};
use crate::api::custom;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;

/// What is to be of an alias. What is `None` or empty stays.
#[derive(Default)]
pub struct Change {
    /// Its name at the auth method.
    pub name: String,
    /// The accessor of the auth method's mount.
    pub accessor: String,
    /// The entity that it is to belong to.
    pub entity_id: String,
    /// Its custom metadata, in place of what it had.
    pub custom_metadata: Option<Option<Texts>>,
}

/// Whether the mount of an accessor is local; `None` where there is none.
pub type IsLocal<'m> = &'m dyn Fn(&str) -> Option<bool>;

/// The ids of an alias and of whose alias it is.
pub struct Ids {
    /// The alias.
    pub id: String,
    /// The entity or group.
    pub canonical_id: String,
}

/// What is answered for an accessor that no mount has.
pub fn invalid_accessor(accessor: &str) -> Fault {
    Fault::bad_request(format!("invalid mount accessor {}", golang::quote(accessor)))
}

/// How many aliases of entities there are for the mount of that accessor.
pub fn count(scope: &mut Scope<'_>, accessor: &str) -> Result<u64, TxnError> {
    ENTITY_ALIASES.count(scope, accessor)
}

/// The ids of all aliases of entities, sorted.
pub fn list(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
    ENTITY_ALIASES.list(scope)
}

/// Makes an alias, or changes the one of that id, or of that name at that mount where no id is
/// given. `None` when it is just so already.
pub fn set(
    scope: &mut Scope<'_>,
    id: Option<&str>,
    mut change: Change,
    is_local: IsLocal<'_>,
    entropy: &dyn Entropy,
) -> Result<Option<Ids>, Fault> {
    if let Some(Some(texts)) = &change.custom_metadata {
        custom::check(texts.iter().map(|(name, text)| (name.as_str(), Some(text.as_str()))))?;
    }
    if let Some(id) = id {
        let invalid = || Fault::bad_request("invalid alias ID provided");
        let entity = Entity::by_alias_id(scope, id)?.ok_or_else(invalid)?;
        return update(scope, entity, id, change, is_local);
    }
    if change.accessor.is_empty() || change.name.is_empty() {
        let text = "'id' or 'mount_accessor' and 'name' must be provided";
        return Err(Fault::bad_request(text));
    }
    let local = is_local(&change.accessor).ok_or_else(|| invalid_accessor(&change.accessor))?;
    // Named by what it is, an alias is described anew: what is not sent is emptied.
    change.custom_metadata.get_or_insert_with(|| Some(Texts::new()));
    if let Some(entity) = Entity::by_alias(scope, &change.accessor, &change.name)?
        && let Some(id) = entity.alias(&change.accessor).map(|alias| alias.id.clone())
    {
        return update(scope, entity, &id, change, is_local);
    }
    create(scope, change, local, entropy).map(Some)
}

fn create(
    scope: &mut Scope<'_>,
    change: Change,
    local: bool,
    entropy: &dyn Entropy,
) -> Result<Ids, Fault> {
    let mut entity = if change.entity_id.is_empty() {
        let entity = Entity::new(scope, entropy)?;
        ENTITIES.give(scope, &entity.id, &entity.name, None)?;
        entity
    } else {
        let found = Entity::by_id(scope, &change.entity_id)?;
        found.ok_or_else(|| Fault::bad_request("invalid canonical ID"))?.settled()
    };
    if entity.alias(&change.accessor).is_some() {
        let text = "Alias already exists for requested entity and mount accessor";
        return Err(Fault::bad_request(text));
    }
    let mut alias = Alias::new(&change.name, &change.accessor, scope.now(), entropy);
    alias.local = local;
    alias.custom_metadata = change.custom_metadata.flatten();
    let ids = Ids { id: alias.id.clone(), canonical_id: entity.id.clone() };
    ENTITY_ALIASES.put(scope, &alias, &entity.id)?;
    entity.aliases.push(alias);
    entity.store(scope)?;
    Ok(ids)
}

fn update(
    scope: &mut Scope<'_>,
    entity: Entity,
    id: &str,
    change: Change,
    is_local: IsLocal<'_>,
) -> Result<Option<Ids>, Fault> {
    let refused = |text: &'static str| Err(Fault::bad_request(text));
    let mut entity = entity.settled();
    let Some(place) = entity.aliases.iter().position(|alias| alias.id == id) else {
        return refused("invalid alias ID provided");
    };
    let before = entity.aliases[place].clone();
    let or_before = |sent: String, before: &str| match sent.is_empty() {
        true => before.to_owned(),
        false => sent,
    };
    let mut alias = Alias {
        name: or_before(change.name, &before.name),
        accessor: or_before(change.accessor, &before.accessor),
        ..before.clone()
    };
    if let Some(texts) = change.custom_metadata {
        let empty = |texts: &Option<Texts>| texts.as_ref().is_none_or(Texts::is_empty);
        if !(empty(&texts) && empty(&before.custom_metadata)) {
            alias.custom_metadata = texts;
        }
    }
    let moves = !change.entity_id.is_empty() && change.entity_id != entity.id;
    if alias == before && !moves {
        return Ok(None);
    }
    if alias.accessor != before.accessor && !moves && entity.alias(&alias.accessor).is_some() {
        return refused(
            "Alias cannot be updated as the entity already has an alias for the given \
             'mount_accessor' ",
        );
    }
    let local = is_local(&alias.accessor).ok_or_else(|| invalid_accessor(&alias.accessor))?;
    let holder = Entity::by_alias(scope, &alias.accessor, &alias.name)?;
    if holder.is_some_and(|holder| holder.alias(&alias.accessor).is_some_and(|a| a.id != id)) {
        return refused("alias with combination of mount accessor and name already exists");
    }
    alias.updated = scope.now();
    ENTITY_ALIASES.delete(scope, &before)?;
    if !moves {
        let ids = Ids { id: alias.id.clone(), canonical_id: entity.id.clone() };
        ENTITY_ALIASES.put(scope, &alias, &entity.id)?;
        entity.aliases[place] = alias;
        entity.store(scope)?;
        return Ok(Some(ids));
    }
    if local {
        return refused("local aliases can't be moved between entities");
    }
    let Some(other) = Entity::by_id(scope, &change.entity_id)? else {
        return refused("given 'canonical_id' is not associated with an entity");
    };
    if other.alias(&alias.accessor).is_some() {
        return refused(
            "Alias cannot be updated as the given entity already has an alias for this mount ",
        );
    }
    let mut other = other.settled();
    let ids = Ids { id: alias.id.clone(), canonical_id: other.id.clone() };
    entity.aliases.remove(place);
    entity.store(scope)?;
    ENTITY_ALIASES.put(scope, &alias, &other.id)?;
    other.aliases.push(alias);
    other.store(scope)?;
    Ok(Some(ids))
}

/// Removes an alias, if it is there.
pub fn delete(scope: &mut Scope<'_>, id: &str) -> Result<(), TxnError> {
    let Some(entity) = Entity::by_alias_id(scope, id)? else { return Ok(()) };
    let mut entity = entity.settled();
    if let Some(alias) = entity.take_alias(id) {
        ENTITY_ALIASES.delete(scope, &alias)?;
        entity.store(scope)?;
    }
    Ok(())
}
