//! Several entities become one: its aliases and memberships are then theirs too, and tokens of the
//! others go on as its tokens. Their policies, metadata and names are lost.

use super::entity::merged;
use super::index::{self, ENTITY_ALIASES, GROUPS_OF_ENTITY, MERGED_INTO};
use super::known::Known;
use super::record::{Alias, Entity, Group};
use super::sent;
use crate::barrier::txn::Scope;
use crate::base::fault::Fault;

/// Merges the entities `from` into `to`. Where both have an alias at one mount, one of the two is
/// to be among those `kept`, and the other is removed. That choice is made for one entity at a
/// time: with several, the outcome would hang on their order.
pub fn merge(
    scope: &mut Scope<'_>,
    to: &str,
    from: &[String],
    kept: &[String],
) -> Result<(), Fault> {
    let refused = |text: &'static str| Err(Fault::bad_request(text));
    let Some(to) = Entity::by_id(scope, to)? else {
        return refused("entity id to merge to is invalid");
    };
    let mut to = to.settled();
    let mut others = Vec::new();
    for id in sent::distinct(from) {
        if id == to.id {
            return refused("to_entity_id should not be present in from_entity_ids");
        }
        match Entity::by_id(scope, &id)? {
            Some(entity) => others.push(entity),
            None => return refused("entity id to merge from is invalid"),
        }
    }
    let kept = if others.len() == 1 { kept } else { &[] };
    for other in others {
        absorb(scope, &mut to, other, kept)?;
    }
    Ok(to.store(scope)?)
}

fn absorb(
    scope: &mut Scope<'_>,
    to: &mut Entity,
    mut other: Entity,
    kept: &[String],
) -> Result<(), Fault> {
    for mut alias in std::mem::take(&mut other.aliases) {
        if let Some(rival) = to.alias(&alias.accessor) {
            if kept.contains(&rival.id) {
                ENTITY_ALIASES.delete(scope, &alias)?;
                continue;
            }
            if !kept.contains(&alias.id) {
                return Err(clash(to, rival, &other, &alias));
            }
            let rival = rival.id.clone();
            if let Some(rival) = to.take_alias(&rival) {
                ENTITY_ALIASES.delete(scope, &rival)?;
            }
        }
        alias.merged_from.push(other.id.clone());
        ENTITY_ALIASES.put(scope, &alias, &to.id)?;
        to.aliases.push(alias);
    }
    for group in GROUPS_OF_ENTITY.list(scope, &other.id)? {
        Group::lose(scope, &group, &other.id)?;
        Group::gain(scope, &group, &to.id)?;
    }
    for id in MERGED_INTO.list(scope, &other.id)? {
        MERGED_INTO.cut(scope, &other.id, &id)?;
        went_into(scope, &id, &to.id)?;
    }
    went_into(scope, &other.id, &to.id)?;
    Ok(other.delete_alone(scope)?)
}

fn went_into(scope: &mut Scope<'_>, id: &str, to: &str) -> Result<(), Fault> {
    index::point(scope, &merged(id), to)?;
    Ok(MERGED_INTO.tie(scope, to, id)?)
}

fn clash(to: &Entity, to_alias: &Alias, from: &Entity, from_alias: &Alias) -> Fault {
    Fault::bad_request(format!(
        "toEntity and at least one fromEntity have aliases with the same mount accessor, repeat \
         the merge request specifying exactly one fromEntity and, in \
         conflicting_alias_ids_to_keep, one of the aliases: mountAccessor: {}, toEntity ID: {}, \
         fromEntity ID: {}, conflicting toEntity alias ID: {}, conflicting fromEntity alias ID: {}",
        to_alias.accessor, to.id, from.id, to_alias.id, from_alias.id
    ))
}
