//! `identity/group-alias`: which group of an auth method an external group is.

use super::aliases::shown;
use super::show::Show;
use super::{ID, Identity, Operations, is_local, route};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::Reply;
use crate::api::route::{Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::identity::group_alias::{self, Wanted};
use crate::identity::known::Known;
use crate::identity::record::Group;

/// The endpoints with their service.
pub fn engine(service: Identity) -> Bound<Identity> {
    Bound::new("Group aliases: which group of an auth method a group is.", ROUTES, service)
}

static NAME: Field<String> = Field::new("name", "The group's name for the auth method.");
static ACCESSOR: Field<String> =
    Field::new("mount_accessor", "The accessor of the auth method's mount.");
static CANONICAL_ID: Field<String> =
    Field::new("canonical_id", "The id of the external group; without it a new one is made.");

const FIELDS: &[&FieldInfo] = &[&ID.info, &NAME.info, &ACCESSOR.info, &CANONICAL_ID.info];
const LIST: Operations =
    &[Operation::system(Verb::List, "Lists the ids, with what they are.", list).stored()];

const MAKE: Operations =
    &[Operation::system(Verb::Write, "Makes an alias, or changes the one of that id.", write)];
const BY_ID: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read).stored(),
    Operation::system(Verb::Write, "Changes it.", write),
    Operation::system(Verb::Delete, "Deletes it; its group stays.", delete),
];

const ROUTES: &[Route<Identity>] = &[
    route("group-alias", "Makes an alias of a group.", FIELDS, MAKE),
    route("group-alias/id/?", "Lists aliases of groups.", &[], LIST),
    route("group-alias/id/{id}", "An alias of a group, by its id.", FIELDS, BY_ID),
];

fn write(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let sent = |field| call.fields.get(field).map_or("", String::as_str);
    let (name, accessor) = (sent(&NAME), sent(&ACCESSOR));
    let wanted = Wanted { name, accessor, group_id: sent(&CANONICAL_ID) };
    let id = call.fields.get(&ID).map(String::as_str);
    let (mounts, mut scope) = identity.open(call.txn)?;
    let is_local = |accessor: &str| is_local(&mounts, accessor);
    Ok(shown(group_alias::set(&mut scope, id, &wanted, &is_local, &*identity.entropy)?))
}

fn read(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let group = Group::by_alias_id(&mut scope, call.fields.need(&ID)?)?;
    let group = group.ok_or_else(Fault::not_found)?;
    let alias = group.alias.as_ref().ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).alias(alias, &group.id)))
}

fn delete(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    group_alias::delete(&mut scope, call.fields.need(&ID)?)?;
    Ok(Reply::nothing())
}

fn list(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let show = Show(&mounts);
    let mut listed = Vec::new();
    for id in group_alias::list(&mut scope)? {
        let Some(group) = Group::by_alias_id(&mut scope, &id)? else { continue };
        listed.extend(group.alias.map(|alias| (id, show.alias_in_list(&alias, &group.id))));
    }
    Reply::list_with(listed)
}
