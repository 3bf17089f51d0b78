//! `identity/group`: groups.

use super::show::Show;
use super::{ID, Identity, NAME, Operations, route};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Operation, Outcome, Route};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::fault::Fault;
use crate::identity::group::Change;
use crate::identity::known::Known;
use crate::identity::record::{Group, Texts};

/// The endpoints with their service.
pub fn engine(service: Identity) -> Bound<Identity> {
    Bound::new("Groups of entities and of groups.", ROUTES, service)
}

static TYPE: Field<String> = Field::new(
    "type",
    "internal: its members are set here. external: an auth method names it, by its alias, as its \
     members log in. It cannot be changed.",
);
static METADATA: Field<Option<Texts>> = Field::new(
    "metadata",
    "At most 64 names of at most 128 bytes, with texts of at most 512 bytes.",
);
static POLICIES: Field<Vec<String>> =
    Field::new("policies", "What the members' tokens may do beside their own policies.");
static ENTITIES: Field<Vec<String>> =
    Field::new("member_entity_ids", "The ids of all entities that are members.");
static GROUPS: Field<Vec<String>> =
    Field::new("member_group_ids", "The ids of all groups that are members.");

const FIELDS: &[&FieldInfo] = &[
    &ID.info,
    &NAME.info,
    &TYPE.info,
    &METADATA.info,
    &POLICIES.info,
    &ENTITIES.info,
    &GROUPS.info,
];

const MAKE: Operations = &[Operation::system(
    Verb::Write,
    "Makes a group, or changes the one of that id or name.",
    write,
)];
const LIST_IDS: Operations =
    &[Operation::system(Verb::List, "Lists the ids, with names and sizes.", list_ids).stored()];
const LIST_NAMES: Operations =
    &[Operation::system(Verb::List, "Lists the names.", list_names).stored()];
const BY_ID: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_id).stored(),
    Operation::system(Verb::Write, "Changes it.", write_id),
    Operation::recover_system("Brings it back with its members and its alias.", recover_id),
    Operation::system(Verb::Delete, "Deletes it; its members stay.", delete_id),
];
const BY_NAME: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read_name).stored(),
    Operation::system(Verb::Write, "Makes it, or changes it.", write_name),
    Operation::recover_system("Brings it back with its members and its alias.", recover_name),
    Operation::system(Verb::Delete, "Deletes it; its members stay.", delete_name),
];

const ROUTES: &[Route<Identity>] = &[
    route("group", "Makes a group, or changes one.", FIELDS, MAKE),
    route("group/id/?", "Lists groups.", &[], LIST_IDS),
    route("group/id/{id}", "A group, by its id.", FIELDS, BY_ID),
    route("group/name/?", "Lists groups.", &[], LIST_NAMES),
    route("group/name/{name..}", "A group, by its name.", FIELDS, BY_NAME),
];

fn write(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    if call.fields.get(&ID).is_some() {
        return write_id(identity, call);
    }
    if call.fields.get(&NAME).is_some() {
        return write_name(identity, call);
    }
    set(identity, call, |_| Ok(None))
}

fn write_id(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.fields.need(&ID)?;
    if id.is_empty() {
        return Err(Fault::bad_request("empty group ID"));
    }
    set(identity, call, |scope| match Group::by_id(scope, id)? {
        None => Err(Fault::bad_request("invalid group ID")),
        found => Ok(found),
    })
}

fn write_name(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&NAME)?;
    if name.is_empty() {
        return Err(Fault::bad_request("empty group name"));
    }
    set(identity, call, |scope| Ok(Group::by_name(scope, name)?))
}

/// Makes a group, or changes the one that is found.
fn set(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    find: impl FnOnce(&mut Scope<'_>) -> Result<Option<Group>, Fault>,
) -> Outcome {
    let change = Change {
        name: call.fields.get(&NAME).cloned(),
        kind: call.fields.get(&TYPE).cloned(),
        metadata: call.fields.get(&METADATA).cloned(),
        policies: call.fields.get(&POLICIES).cloned(),
        entities: call.fields.get(&ENTITIES).cloned(),
        groups: call.fields.get(&GROUPS).cloned(),
    };
    let (_, mut scope) = identity.open(call.txn)?;
    let before = find(&mut scope)?;
    match Group::set(&mut scope, before, change, &*identity.entropy)? {
        None => Ok(Reply::nothing()),
        Some(made) => Ok(Reply::data(object([("id", made.id.into()), ("name", made.name.into())]))),
    }
}

fn read_id(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let group = Group::by_id(&mut scope, call.fields.need(&ID)?)?;
    let group = group.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).group(&mut scope, &group)?))
}

fn read_name(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let group = Group::by_name(&mut scope, call.fields.need(&NAME)?)?;
    let group = group.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).group(&mut scope, &group)?))
}

fn recover_id(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let id = call.fields.need(&ID)?.clone();
    if *then.fields.need(&ID)? != id {
        return Err(only_itself());
    }
    put_back(identity, call, then, |scope| Group::by_id(scope, &id))
}

fn recover_name(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let name = call.fields.need(&NAME)?.clone();
    if *then.fields.need(&NAME)? != name {
        return Err(only_itself());
    }
    put_back(identity, call, then, |scope| Group::by_name(scope, &name))
}

/// It is known by its id, of which there are no two.
fn only_itself() -> Fault {
    Fault::bad_request("a group comes back as itself: under its own name and id")
}

fn put_back(
    identity: &Identity,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
    find: impl FnOnce(&mut Scope<'_>) -> Result<Option<Group>, TxnError>,
) -> Outcome {
    let (_, mut past) = identity.open(then.txn)?;
    let group = find(&mut past)?.ok_or_else(Fault::not_in_snapshot)?;
    let (entities, groups) = (group.entity_ids(&mut past)?, group.group_ids(&mut past)?);
    let (mounts, mut scope) = identity.open(call.txn)?;
    let has_mount = |accessor: &str| mounts.by_accessor(accessor).is_some();
    let lost = group.put_back(&mut scope, entities, groups, has_mount)?;
    let mut reply = Reply::nothing();
    if let Some(alias) = lost.alias {
        reply = reply.warn(format!(
            "it did not get its alias {} of {}: the mount is gone, or another group has it",
            alias.name, alias.accessor
        ));
    }
    if lost.members > 0 {
        reply = reply.warn(format!(
            "{} of its members did not come back: they are gone, or it is in them by now",
            lost.members
        ));
    }
    Ok(reply)
}

fn delete_id(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    if let Some(group) = Group::by_id(&mut scope, call.fields.need(&ID)?)? {
        group.delete(&mut scope)?;
    }
    Ok(Reply::nothing())
}

fn delete_name(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    if let Some(group) = Group::by_name(&mut scope, call.fields.need(&NAME)?)? {
        group.delete(&mut scope)?;
    }
    Ok(Reply::nothing())
}

fn list_ids(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let show = Show(&mounts);
    let mut listed = Vec::new();
    Group::each(&mut scope, |group| {
        let shown = show.group_in_brief(&group).into();
        listed.push((group.id, shown));
    })?;
    listed.sort_unstable_by(|(id, _), (other, _)| id.cmp(other));
    Reply::list_with(listed)
}

fn list_names(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    Reply::list(Group::list_names(&mut scope)?)
}
