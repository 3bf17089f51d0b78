//! Entities: found, made, changed, deleted.

use super::index::{self, Aliases, ENTITIES, ENTITY_ALIASES, GROUPS_OF_ENTITY, MERGED_INTO, Names};
use super::known::Known;
use super::record::{Alias, Entity, Group, Texts};
use super::sent;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::clock::Timestamp;
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;

/// What is to be of an entity; what is `None` stays.
#[derive(Default)]
pub struct Change {
    /// Its name; an empty one is none.
    pub name: Option<String>,
    /// Its metadata, in place of what it had.
    pub metadata: Option<Option<Texts>>,
    /// Its policies, in place of those that it had.
    pub policies: Option<Vec<String>>,
    /// Whether it is disabled.
    pub disabled: Option<bool>,
}

impl Known for Entity {
    const FOLDER: &'static str = "entity";
    const NAMES: Names = ENTITIES;
    const ALIASES: Aliases = ENTITY_ALIASES;
}

impl Entity {
    /// One that is not stored yet, with a name that nobody has.
    pub fn new(scope: &mut Scope<'_>, entropy: &dyn Entropy) -> Result<Self, TxnError> {
        let name = ENTITIES.free(scope, "entity", entropy)?;
        Ok(Self::named(name, scope.now(), entropy))
    }

    fn named(name: String, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self {
            id: entropy.uuid(),
            name,
            metadata: None,
            policies: Vec::new(),
            disabled: false,
            created: now,
            updated: now,
            aliases: Vec::new(),
        }
    }

    /// The entity of that id, or the one that it was merged into.
    pub fn survivor(scope: &mut Scope<'_>, id: &str) -> Result<Option<Self>, TxnError> {
        if let Some(entity) = Self::by_id(scope, id)? {
            return Ok(Some(entity));
        }
        let id = index::find(scope, &merged(id))?;
        Self::found(scope, id)
    }

    /// How many there are.
    pub fn count(scope: &mut Scope<'_>) -> Result<u64, TxnError> {
        scope.count(Self::FOLDER)
    }

    /// The ids of the entities that were merged into it, sorted.
    pub fn merged(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        MERGED_INTO.list(scope, &self.id)
    }

    /// Makes an entity, or changes the one of that id, or of that name where no id is given. The
    /// entity, if it was made.
    pub fn set(
        scope: &mut Scope<'_>,
        id: Option<&str>,
        change: Change,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, Fault> {
        let by_id = match id {
            None => None,
            Some(id) => {
                let found = Self::by_id(scope, id)?;
                Some(found.ok_or_else(|| Fault::bad_request("entity not found from id"))?)
            }
        };
        let name = change.name.as_deref().filter(|name| !name.is_empty());
        let by_name = match name {
            None => None,
            Some(name) => Self::by_name(scope, name)?,
        };
        let before = match (by_id, by_name) {
            (Some(one), Some(other)) if one.id != other.id => {
                return Err(Fault::bad_request("entity name is already in use"));
            }
            (by_id, by_name) => by_id.or(by_name),
        };
        let made = before.is_none();
        let had = before.as_ref().map(|entity| entity.name.clone());
        let mut entity = match (before, name) {
            (Some(entity), _) => entity.settled(),
            (None, Some(name)) => Self::named(name.to_owned(), scope.now(), entropy),
            (None, None) => Self::new(scope, entropy)?,
        };
        if let Some(name) = name {
            entity.name = name.to_owned();
        }
        entity.apply(change)?;
        entity.updated = scope.now();
        ENTITIES.give(scope, &entity.id, &entity.name, had.as_deref())?;
        entity.store(scope)?;
        Ok(made.then_some(entity))
    }

    fn apply(&mut self, change: Change) -> Result<(), Fault> {
        if let Some(policies) = change.policies {
            self.policies = sent::policies(&policies)?;
        }
        if let Some(disabled) = change.disabled {
            self.disabled = disabled;
        }
        if let Some(metadata) = change.metadata {
            sent::metadata("entity", metadata.as_ref())?;
            self.metadata = metadata;
        }
        Ok(())
    }

    /// The entity as it is before a change. What was set and is empty counts from then on as never
    /// set: clients of Vault see `{}` right after they sent it and null after the next change.
    #[must_use]
    pub fn settled(mut self) -> Self {
        let settle = |texts: &mut Option<Texts>| *texts = texts.take().filter(|t| !t.is_empty());
        settle(&mut self.metadata);
        self.aliases.iter_mut().for_each(|alias| settle(&mut alias.custom_metadata));
        self
    }

    /// Writes the entity alone.
    pub fn store(&self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        scope.write(&Self::place(&self.id), self)
    }

    /// Its alias at the mount of that accessor.
    pub fn alias(&self, accessor: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.accessor == accessor)
    }

    /// Takes its alias of that id from it.
    pub fn take_alias(&mut self, id: &str) -> Option<Alias> {
        let place = self.aliases.iter().position(|alias| alias.id == id)?;
        Some(self.aliases.remove(place))
    }

    /// Removes the entity with its aliases, out of its groups.
    pub fn delete(self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        for group in GROUPS_OF_ENTITY.list(scope, &self.id)? {
            Group::lose(scope, &group, &self.id)?;
        }
        for alias in &self.aliases {
            ENTITY_ALIASES.delete(scope, alias)?;
        }
        for id in MERGED_INTO.list(scope, &self.id)? {
            scope.delete(&merged(&id))?;
            MERGED_INTO.cut(scope, &self.id, &id)?;
        }
        self.delete_alone(scope)
    }

    /// Removes the entity and its name, and nothing of what points to it.
    pub fn delete_alone(self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        ENTITIES.take(scope, &self.name)?;
        scope.delete(&Self::place(&self.id))
    }
}

/// Where it stands what became of an entity that was merged away.
pub fn merged(id: &str) -> String {
    format!("merged/{id}")
}
