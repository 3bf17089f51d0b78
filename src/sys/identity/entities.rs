//! `identity/entity`: entities.

use serde_json::Value;

use super::show::Show;
use super::{ID, Identity, NAME, Operations, route};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::identity::entity::Change;
use crate::identity::known::Known;
use crate::identity::merge::merge;
use crate::identity::record::{Entity, Texts};

/// The endpoints with their service.
pub fn engine(service: Identity) -> Bound<Identity> {
    Bound::new("Entities: who somebody is, by whichever way they log in.", ROUTES, service)
}

static METADATA: Field<Option<Texts>> = Field::new(
    "metadata",
    "At most 64 names of at most 128 bytes, with texts of at most 512 bytes.",
);
static POLICIES: Field<Vec<String>> =
    Field::new("policies", "What the entity's tokens may do beside their own policies.");
static DISABLED: Field<bool> =
    Field::new("disabled", "Whether logins and tokens of the entity are refused.");
static ENTITY_IDS: Field<Vec<String>> = Field::new("entity_ids", "The ids of the entities.");
static FROM: Field<Vec<String>> =
    Field::new("from_entity_ids", "The ids of the entities that go into the other.");
static TO: Field<String> = Field::new("to_entity_id", "The id of the entity that stays.");
static KEPT: Field<Vec<String>> = Field::new(
    "conflicting_alias_ids_to_keep",
    "Of aliases of both at one mount, the ids of those that stay; the others are removed.",
);
static FORCE: Field<bool> = Field::new("force", "Accepted; entities have no MFA secrets.");

const FIELDS: &[&FieldInfo] =
    &[&ID.info, &NAME.info, &METADATA.info, &POLICIES.info, &DISABLED.info];
const BATCH: &[&FieldInfo] = &[&ENTITY_IDS.info];
const MERGED: &[&FieldInfo] = &[&FROM.info, &TO.info, &KEPT.info, &FORCE.info];

const MAKE: Operations = &[Operation::system(
    Verb::Write,
    "Makes an entity, or changes the one of that id or name.",
    write,
)];
const LIST_IDS: Operations =
    &[Operation::system(Verb::List, "Lists the ids, with names and aliases.", list_ids).stored()];
const LIST_NAMES: Operations =
    &[Operation::system(Verb::List, "Lists the names.", list_names).stored()];
const BY_ID: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_id).stored(),
    Operation::system(Verb::Write, "Changes it.", write),
    Operation::recover_system("Brings it back with its aliases.", recover_id),
    Operation::system(Verb::Delete, "Deletes it with its aliases.", delete_id),
];
const BY_NAME: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_name).stored(),
    Operation::system(Verb::Write, "Makes it, or changes it.", write),
    Operation::recover_system("Brings it back with its aliases.", recover_name),
    Operation::system(Verb::Delete, "Deletes it with its aliases.", delete_name),
];
const DELETE: Operations =
    &[Operation::system(Verb::Write, "Deletes all of them.", delete_batch).essential()];
const MERGE: Operations =
    &[Operation::system(Verb::Write, "Merges entities into another.", write_merge)];

const ROUTES: &[Route<Identity>] = &[
    route("entity", "Makes an entity, or changes one.", FIELDS, MAKE),
    route("entity/id/?", "Lists entities.", &[], LIST_IDS),
    route("entity/id/{id}", "An entity, by its id.", FIELDS, BY_ID),
    route("entity/name/?", "Lists entities.", &[], LIST_NAMES),
    route("entity/name/{name..}", "An entity, by its name.", FIELDS, BY_NAME),
    route("entity/batch-delete", "Deletes entities.", BATCH, DELETE),
    route("entity/merge", "Makes several entities one.", MERGED, MERGE),
];

fn write(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let change = Change {
        name: call.fields.get(&NAME).cloned(),
        metadata: call.fields.get(&METADATA).cloned(),
        policies: call.fields.get(&POLICIES).cloned(),
        disabled: call.fields.get(&DISABLED).copied(),
    };
    let id = call.fields.get(&ID).filter(|id| !id.is_empty());
    let (_, mut scope) = identity.open(call.txn)?;
    match Entity::set(&mut scope, id.map(String::as_str), change, &*identity.entropy)? {
        None => Ok(Reply::nothing()),
        Some(made) => Ok(Reply::data(object([
            ("aliases", Value::Null),
            ("id", made.id.into()),
            ("name", made.name.into()),
        ]))),
    }
}

fn read_id(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let entity = Entity::by_id(&mut scope, call.fields.need(&ID)?)?;
    let entity = entity.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).entity(&mut scope, entity)?))
}

fn read_name(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let entity = Entity::by_name(&mut scope, call.fields.need(&NAME)?)?;
    let entity = entity.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).entity(&mut scope, entity)?))
}

fn recover_id(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let id = call.fields.need(&ID)?;
    if then.fields.need(&ID)? != id {
        return Err(only_itself());
    }
    let (_, mut scope) = identity.open(then.txn)?;
    put_back(identity, call, Entity::by_id(&mut scope, id)?)
}

fn recover_name(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let name = call.fields.need(&NAME)?;
    if then.fields.need(&NAME)? != name {
        return Err(only_itself());
    }
    let (_, mut scope) = identity.open(then.txn)?;
    put_back(identity, call, Entity::by_name(&mut scope, name)?)
}

/// It is known by its id, of which there are no two.
fn only_itself() -> Fault {
    Fault::bad_request("an entity comes back as itself: under its own name and id")
}

fn put_back(identity: &Identity, call: &mut SystemCall<'_>, then: Option<Entity>) -> Outcome {
    let then = then.ok_or_else(Fault::not_in_snapshot)?;
    let (mounts, mut scope) = identity.open(call.txn)?;
    let lost = then.put_back(&mut scope, |accessor| mounts.by_accessor(accessor).is_some())?;
    Ok(lost.iter().fold(Reply::nothing(), |reply, alias| {
        reply.warn(format!(
            "it did not get its alias {} of {}: the mount is gone, or another entity has it",
            alias.name, alias.accessor
        ))
    }))
}

fn delete_id(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    if let Some(entity) = Entity::by_id(&mut scope, call.fields.need(&ID)?)? {
        entity.delete(&mut scope)?;
    }
    Ok(Reply::nothing())
}

fn delete_name(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    if let Some(entity) = Entity::by_name(&mut scope, call.fields.need(&NAME)?)? {
        entity.delete(&mut scope)?;
    }
    Ok(Reply::nothing())
}

fn delete_batch(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let ids = call.fields.get(&ENTITY_IDS).filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Fault::bad_request("missing entity ids to delete"))?;
    let (_, mut scope) = identity.open(call.txn)?;
    for id in ids {
        if let Some(entity) = Entity::by_id(&mut scope, id)? {
            entity.delete(&mut scope)?;
        }
    }
    Ok(Reply::nothing())
}

fn write_merge(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let to = call.fields.get(&TO).filter(|id| !id.is_empty());
    let to = to.ok_or_else(|| Fault::bad_request("missing entity id to merge to"))?;
    let from = call.fields.get(&FROM).filter(|ids| !ids.is_empty());
    let from = from.ok_or_else(|| Fault::bad_request("missing entity ids to merge from"))?;
    let kept = call.fields.get(&KEPT).map_or(&[][..], Vec::as_slice);
    let (_, mut scope) = identity.open(call.txn)?;
    merge(&mut scope, to, from, kept)?;
    Ok(Reply::nothing())
}

fn list_ids(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let show = Show(&mounts);
    let mut listed = Vec::new();
    Entity::each(&mut scope, |entity| {
        let shown = show.entity_in_brief(&entity).into();
        listed.push((entity.id, shown));
    })?;
    listed.sort_unstable_by(|(id, _), (other, _)| id.cmp(other));
    Reply::list_with(listed)
}

fn list_names(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    Reply::list(Entity::list_names(&mut scope)?)
}
