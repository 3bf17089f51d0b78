//! How entities, groups and aliases are shown.

use serde_json::{Map, Value, json};

use crate::api::reply::object;
use crate::barrier::txn::{Scope, TxnError};
use crate::identity::record::{Alias, Entity, Group};
use crate::identity::subject::Subject;
use crate::mount::table::MountTable;

/// Shows things with the mounts that their aliases are of.
pub struct Show<'m>(pub &'m MountTable);

impl Show<'_> {
    /// An entity, with the groups that it is in.
    pub fn entity(
        &self,
        scope: &mut Scope<'_>,
        entity: Entity,
    ) -> Result<Map<String, Value>, TxnError> {
        let Subject { entity, groups, direct } = Subject::with(scope, entity)?;
        let merged = entity.merged(scope)?;
        let aliases = entity.aliases.iter().map(|alias| self.alias_in(alias, &entity.id));
        let ids: Vec<String> = groups.into_iter().map(|group| group.id).collect();
        Ok(object([
            ("aliases", aliases.collect()),
            ("creation_time", entity.created.rfc3339().into()),
            ("direct_group_ids", ids[..direct].into()),
            ("disabled", entity.disabled.into()),
            ("group_ids", ids[..].into()),
            ("id", entity.id.into()),
            ("inherited_group_ids", ids[direct..].into()),
            ("last_update_time", entity.updated.rfc3339().into()),
            ("merged_entity_ids", or_null(merged)),
            ("metadata", json!(entity.metadata)),
            ("name", entity.name.into()),
            ("namespace_id", "root".into()),
            ("policies", entity.policies.into()),
        ]))
    }

    /// An entity in a listing.
    pub fn entity_in_brief(&self, entity: &Entity) -> Map<String, Value> {
        let mut shown = object([("name", entity.name.as_str().into())]);
        if !entity.aliases.is_empty() {
            let aliases = entity.aliases.iter().map(|alias| self.alias_in_brief(alias));
            shown.insert("aliases".to_owned(), aliases.collect());
        }
        shown
    }

    /// A group, with its members and the groups that it is in.
    pub fn group(
        &self,
        scope: &mut Scope<'_>,
        group: &Group,
    ) -> Result<Map<String, Value>, TxnError> {
        let alias = group.alias.as_ref().map(|alias| self.alias_of_group(alias, &group.id));
        Ok(object([
            ("alias", alias.unwrap_or_default().into()),
            ("creation_time", group.created.rfc3339().into()),
            ("id", group.id.as_str().into()),
            ("last_update_time", group.updated.rfc3339().into()),
            ("member_entity_ids", group.entity_ids(scope)?.into()),
            ("member_group_ids", or_null(group.group_ids(scope)?)),
            ("metadata", json!(group.metadata)),
            ("modify_index", group.modify_index.into()),
            ("name", group.name.as_str().into()),
            ("namespace_id", "root".into()),
            ("parent_group_ids", or_null(group.parent_ids(scope)?)),
            ("policies", json!(group.policies)),
            ("type", group.kind.name().into()),
        ]))
    }

    /// A group in a listing.
    pub fn group_in_brief(&self, group: &Group) -> Map<String, Value> {
        let mut shown = object([
            ("name", group.name.as_str().into()),
            ("num_member_entities", group.entities.into()),
            ("num_parent_groups", group.parents.into()),
        ]);
        if let Some(alias) = &group.alias {
            shown.insert("alias".to_owned(), self.alias_in_brief(alias));
        }
        shown
    }

    /// An alias by itself.
    pub fn alias(&self, alias: &Alias, owner: &str) -> Map<String, Value> {
        let mut shown = self.alias_of_group(alias, owner);
        shown.insert("custom_metadata".to_owned(), json!(alias.custom_metadata));
        shown.insert("local".to_owned(), alias.local.into());
        shown.insert("namespace_id".to_owned(), "root".into());
        shown
    }

    /// An alias in a listing.
    pub fn alias_in_list(&self, alias: &Alias, owner: &str) -> Value {
        let shown = object([
            ("canonical_id", owner.into()),
            ("custom_metadata", json!(alias.custom_metadata)),
            ("local", alias.local.into()),
            ("mount_accessor", alias.accessor.as_str().into()),
            ("name", alias.name.as_str().into()),
        ]);
        self.with_mount(shown, alias).into()
    }

    fn alias_in(&self, alias: &Alias, owner: &str) -> Value {
        let mut shown = self.alias(alias, owner);
        shown.remove("namespace_id");
        shown.into()
    }

    fn alias_of_group(&self, alias: &Alias, owner: &str) -> Map<String, Value> {
        let shown = object([
            ("canonical_id", owner.into()),
            ("creation_time", alias.created.rfc3339().into()),
            ("id", alias.id.as_str().into()),
            ("last_update_time", alias.updated.rfc3339().into()),
            ("merged_from_canonical_ids", or_null(alias.merged_from.clone())),
            ("metadata", json!(alias.metadata)),
            ("mount_accessor", alias.accessor.as_str().into()),
            ("name", alias.name.as_str().into()),
        ]);
        self.with_mount(shown, alias)
    }

    fn alias_in_brief(&self, alias: &Alias) -> Value {
        let shown = object([
            ("id", alias.id.as_str().into()),
            ("mount_accessor", alias.accessor.as_str().into()),
            ("name", alias.name.as_str().into()),
        ]);
        self.with_mount(shown, alias).into()
    }

    /// Adds the mount that an alias is of, while there is one.
    fn with_mount(&self, mut shown: Map<String, Value>, alias: &Alias) -> Map<String, Value> {
        if let Some(mount) = self.0.by_accessor(&alias.accessor) {
            shown.insert("mount_path".to_owned(), mount.path.as_str().into());
            shown.insert("mount_type".to_owned(), mount.kind.as_str().into());
        }
        shown
    }
}

/// Vault shows null for most lists that have nothing in them.
fn or_null(ids: Vec<String>) -> Value {
    if ids.is_empty() { Value::Null } else { ids.into() }
}
