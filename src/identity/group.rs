//! Groups: found, made, changed, deleted, joined and left.

use std::collections::{BTreeSet, VecDeque};

use super::index::{
    Aliases, ENTITIES_OF_GROUP, GROUP_ALIASES, GROUPS, GROUPS_OF_ENTITY, MEMBERS_OF_GROUP, Names,
    PARENTS_OF_GROUP,
};
use super::known::Known;
use super::record::{Entity, Group, GroupKind, Texts};
use super::{sent, sweep};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::base::golang;

/// What is to be of a group; what is `None` stays.
#[derive(Default)]
pub struct Change {
    /// Its name; an empty one is none.
    pub name: Option<String>,
    /// `internal` or `external`: only where it is made.
    pub kind: Option<String>,
    /// Its metadata, in place of what it had.
    pub metadata: Option<Option<Texts>>,
    /// Its policies, in place of those that it had.
    pub policies: Option<Vec<String>>,
    /// The ids of the entities that are its members.
    pub entities: Option<Vec<String>>,
    /// The ids of the groups that are its members.
    pub groups: Option<Vec<String>>,
}

impl Known for Group {
    const FOLDER: &'static str = "group";
    const NAMES: Names = GROUPS;
    const ALIASES: Aliases = GROUP_ALIASES;
}

impl Group {
    /// One that is not stored yet, with a name that no group has.
    pub fn new(
        scope: &mut Scope<'_>,
        kind: GroupKind,
        entropy: &dyn Entropy,
    ) -> Result<Self, TxnError> {
        let name = GROUPS.free(scope, "group", entropy)?;
        Ok(Self {
            id: entropy.uuid(),
            name,
            kind,
            metadata: None,
            policies: None,
            created: scope.now(),
            updated: scope.now(),
            modify_index: 0,
            entities: 0,
            parents: 0,
            alias: None,
        })
    }

    /// The ids of the entities that are its members, sorted.
    pub fn entity_ids(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        ENTITIES_OF_GROUP.list(scope, &self.id)
    }

    /// The ids of the groups that are its members, sorted.
    pub fn group_ids(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        MEMBERS_OF_GROUP.list(scope, &self.id)
    }

    /// The ids of the groups that it is a member of, sorted.
    pub fn parent_ids(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        PARENTS_OF_GROUP.list(scope, &self.id)
    }

    /// Makes a group, or changes the one that was `before`. The group, if it was made.
    pub fn set(
        scope: &mut Scope<'_>,
        before: Option<Self>,
        change: Change,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, Fault> {
        let had = before.as_ref().map(|group| group.name.clone());
        let made = before.is_none();
        let mut group = match before {
            Some(group) => group,
            None => Self::new(scope, GroupKind::Internal, entropy)?,
        };
        group.apply(&change, made)?;
        if let Some(name) = change.name.filter(|name| !name.is_empty()) {
            if GROUPS.find(scope, &name)?.is_some_and(|id| id != group.id) {
                return Err(Fault::bad_request("group name is already in use"));
            }
            group.name = name;
        }
        if let Some(entities) = change.entities {
            group.set_entities(scope, &entities)?;
        }
        if let Some(groups) = change.groups {
            group.set_groups(scope, &groups)?;
        }
        group.updated = scope.now();
        GROUPS.give(scope, &group.id, &group.name, had.as_deref())?;
        group.store(scope)?;
        Ok(made.then_some(group))
    }

    fn apply(&mut self, change: &Change, made: bool) -> Result<(), Fault> {
        if let Some(policies) = &change.policies {
            self.policies = Some(sent::policies(policies)?);
        }
        match change.kind.as_deref() {
            None => {}
            Some("") if made => {}
            Some(kind) if !made && kind != self.kind.name() => {
                return Err(Fault::bad_request("group type cannot be changed"));
            }
            Some(kind) => {
                let invalid = || format!("invalid group type {}", golang::quote(kind));
                self.kind = GroupKind::named(kind).ok_or_else(|| Fault::bad_request(invalid()))?;
            }
        }
        if let Some(metadata) = &change.metadata {
            sent::metadata("group", metadata.as_ref())?;
            self.metadata.clone_from(metadata);
        }
        if self.kind == GroupKind::External && change.entities.is_some() {
            let text = "member entities can't be set manually for external groups";
            return Err(Fault::bad_request(text));
        }
        if self.kind == GroupKind::External && change.groups.is_some() {
            return Err(Fault::bad_request("member groups can't be set for external groups"));
        }
        Ok(())
    }

    /// Makes these entities, and no others, its members.
    pub(super) fn set_entities(
        &mut self,
        scope: &mut Scope<'_>,
        ids: &[String],
    ) -> Result<(), Fault> {
        let wanted = BTreeSet::from_iter(sent::distinct(ids));
        let present = BTreeSet::from_iter(self.entity_ids(scope)?);
        for id in wanted.difference(&present) {
            if Entity::by_id(scope, id)?.is_none() {
                let text = format!("invalid entity ID {}", golang::quote(id));
                return Err(Fault::bad_request(text));
            }
            self.join(scope, id)?;
        }
        for id in present.difference(&wanted) {
            self.leave(scope, id)?;
        }
        Ok(())
    }

    /// Makes these groups, and no others, its members.
    pub(super) fn set_groups(
        &mut self,
        scope: &mut Scope<'_>,
        ids: &[String],
    ) -> Result<(), Fault> {
        let wanted = BTreeSet::from_iter(sent::distinct(ids));
        let present = BTreeSet::from_iter(self.group_ids(scope)?);
        // Whoever this group is in, itself included, cannot be in it.
        let above = self.ancestors(scope)?;
        for id in wanted.difference(&present) {
            let quoted = golang::quote(id);
            let refused = |text: String| Err(Fault::bad_request(text));
            if *id == self.id {
                let text = format!("member group ID {quoted} is same as the ID of the group");
                return refused(text);
            }
            let Some(mut member) = Self::by_id(scope, id)? else {
                return refused(format!("invalid member group ID {quoted}"));
            };
            if above.contains(id) {
                let text = format!("cyclic relationship detected for member group ID {quoted}");
                return refused(text);
            }
            MEMBERS_OF_GROUP.tie(scope, &self.id, id)?;
            PARENTS_OF_GROUP.tie(scope, id, &self.id)?;
            member.parents += 1;
            member.store(scope)?;
        }
        for id in present.difference(&wanted) {
            Self::part(scope, &self.id, id)?;
        }
        Ok(())
    }

    /// The ids of all groups that it is in, directly or not.
    pub(super) fn ancestors(&self, scope: &mut Scope<'_>) -> Result<BTreeSet<String>, TxnError> {
        let mut above = BTreeSet::new();
        let mut waiting = VecDeque::from(self.parent_ids(scope)?);
        while let Some(id) = waiting.pop_front() {
            if !above.contains(&id) {
                waiting.extend(PARENTS_OF_GROUP.list(scope, &id)?);
                above.insert(id);
            }
        }
        Ok(above)
    }

    /// Ends that a group is a member of another.
    fn part(scope: &mut Scope<'_>, parent: &str, member: &str) -> Result<(), TxnError> {
        MEMBERS_OF_GROUP.cut(scope, parent, member)?;
        PARENTS_OF_GROUP.cut(scope, member, parent)?;
        if let Some(mut member) = Self::by_id(scope, member)? {
            member.parents = member.parents.saturating_sub(1);
            member.store(scope)?;
        }
        Ok(())
    }

    /// Makes an entity a member of the group of that id, if it is none.
    pub fn gain(scope: &mut Scope<'_>, id: &str, entity_id: &str) -> Result<(), TxnError> {
        if ENTITIES_OF_GROUP.has(scope, id, entity_id)? {
            return Ok(());
        }
        if let Some(mut group) = Self::by_id(scope, id)? {
            group.join(scope, entity_id)?;
            group.store(scope)?;
        }
        Ok(())
    }

    /// Ends that an entity, which is a member of the group of that id, is one.
    pub fn lose(scope: &mut Scope<'_>, id: &str, entity_id: &str) -> Result<(), TxnError> {
        match Self::by_id(scope, id)? {
            Some(mut group) => {
                group.leave(scope, entity_id)?;
                group.store(scope)
            }
            None => cut(scope, id, entity_id),
        }
    }

    /// The group itself is still to be stored.
    fn join(&mut self, scope: &mut Scope<'_>, entity_id: &str) -> Result<(), TxnError> {
        self.entities += 1;
        ENTITIES_OF_GROUP.tie(scope, &self.id, entity_id)?;
        GROUPS_OF_ENTITY.tie(scope, entity_id, &self.id)
    }

    /// The group itself is still to be stored.
    fn leave(&mut self, scope: &mut Scope<'_>, entity_id: &str) -> Result<(), TxnError> {
        self.entities = self.entities.saturating_sub(1);
        cut(scope, &self.id, entity_id)
    }

    /// Writes the group alone.
    pub fn store(&mut self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        self.modify_index += 1;
        scope.write(&Self::place(&self.id), self)
    }

    /// Removes the group. What is left of its members' entries goes little by little.
    pub fn delete(self, scope: &mut Scope<'_>) -> Result<(), TxnError> {
        for member in self.group_ids(scope)? {
            Self::part(scope, &self.id, &member)?;
        }
        for parent in self.parent_ids(scope)? {
            MEMBERS_OF_GROUP.cut(scope, &parent, &self.id)?;
            PARENTS_OF_GROUP.cut(scope, &self.id, &parent)?;
        }
        if let Some(alias) = &self.alias {
            GROUP_ALIASES.delete(scope, alias)?;
        }
        if self.entities > 0 {
            sweep::forget_members(scope, &self.id)?;
        }
        GROUPS.take(scope, &self.name)?;
        scope.delete(&Self::place(&self.id))
    }
}

/// Removes both entries of a membership.
pub fn cut(scope: &mut Scope<'_>, id: &str, entity_id: &str) -> Result<(), TxnError> {
    ENTITIES_OF_GROUP.cut(scope, id, entity_id)?;
    GROUPS_OF_ENTITY.cut(scope, entity_id, id)
}
