//! `identity/entity-alias`: aliases of entities. `alias` and `persona` are old names of it.

use super::show::Show;
use super::{ID, Identity, Operations, is_local, route};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo};
use crate::api::reply::{Reply, object};
use crate::api::route::{Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::identity::alias::{self, Change};
use crate::identity::known::Known;
use crate::identity::record::{Entity, Texts};

/// The endpoints with their service.
pub fn engine(service: Identity) -> Bound<Identity> {
    Bound::new("Aliases: who an entity is for one auth method.", ROUTES, service)
}

static NAME: Field<String> = Field::new("name", "Who the entity is for the auth method.");
static ACCESSOR: Field<String> =
    Field::new("mount_accessor", "The accessor of the auth method's mount.");
static CANONICAL_ID: Field<String> =
    Field::new("canonical_id", "The id of the entity; without it a new one is made.");
static ENTITY_ID: Field<String> = Field::new("entity_id", "The old name of canonical_id.");
static CUSTOM_METADATA: Field<Option<Texts>> = Field::new(
    "custom_metadata",
    "Texts of your own: at most 64 names of at most 128 bytes, with values of at most 512 bytes.",
);

const FIELDS: &[&FieldInfo] = &[
    &ID.info,
    &NAME.info,
    &ACCESSOR.info,
    &CANONICAL_ID.info,
    &ENTITY_ID.info,
    &CUSTOM_METADATA.info,
];

const MAKE: Operations = &[Operation::system(
    Verb::Write,
    "Makes an alias, or changes the one of that id, or of that name at that mount.",
    write,
)];
const LIST: Operations =
    &[Operation::system(Verb::List, "Lists the ids, with what they are.", list).stored()];
const BY_ID: Operations = &[
    Operation::system(Verb::Read, "Reads it.", read).stored(),
    Operation::system(Verb::Write, "Changes it.", write),
    Operation::system(Verb::Delete, "Deletes it.", delete),
];

const ROUTES: &[Route<Identity>] = &[
    all("entity-alias"),
    all("alias"),
    all("persona"),
    list_of("entity-alias/id/?"),
    list_of("alias/id/?"),
    list_of("persona/id/?"),
    one("entity-alias/id/{id}"),
    one("alias/id/{id}"),
    one("persona/id/{id}"),
];

const fn all(path: &'static str) -> Route<Identity> {
    route(path, "Makes an alias, or changes one.", FIELDS, MAKE)
}

const fn list_of(path: &'static str) -> Route<Identity> {
    route(path, "Lists aliases.", &[], LIST)
}

const fn one(path: &'static str) -> Route<Identity> {
    route(path, "An alias, by its id.", FIELDS, BY_ID)
}

fn write(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let sent =
        |field: &Field<String>| call.fields.get(field).filter(|text| !text.is_empty()).cloned();
    let change = Change {
        name: sent(&NAME).unwrap_or_default(),
        accessor: sent(&ACCESSOR).unwrap_or_default(),
        entity_id: sent(&CANONICAL_ID).or_else(|| sent(&ENTITY_ID)).unwrap_or_default(),
        custom_metadata: call.fields.get(&CUSTOM_METADATA).cloned(),
    };
    let id = sent(&ID);
    let (mounts, mut scope) = identity.open(call.txn)?;
    let is_local = |accessor: &str| is_local(&mounts, accessor);
    let set = alias::set(&mut scope, id.as_deref(), change, &is_local, &*identity.entropy)?;
    Ok(shown(set))
}

/// What is answered to a write of an alias.
pub fn shown(set: Option<alias::Ids>) -> Reply {
    match set {
        None => Reply::nothing(),
        Some(ids) => {
            Reply::data(object([("canonical_id", ids.canonical_id.into()), ("id", ids.id.into())]))
        }
    }
}

fn read(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.fields.need(&ID)?;
    let (mounts, mut scope) = identity.open(call.txn)?;
    let entity = Entity::by_alias_id(&mut scope, id)?.ok_or_else(Fault::not_found)?;
    let alias = entity.aliases.iter().find(|alias| alias.id == *id);
    let alias = alias.ok_or_else(Fault::not_found)?;
    Ok(Reply::data(Show(&mounts).alias(alias, &entity.id)))
}

fn delete(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (_, mut scope) = identity.open(call.txn)?;
    alias::delete(&mut scope, call.fields.need(&ID)?)?;
    Ok(Reply::nothing())
}

fn list(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let (mounts, mut scope) = identity.open(call.txn)?;
    let show = Show(&mounts);
    let mut listed = Vec::new();
    for id in alias::list(&mut scope)? {
        let Some(entity) = Entity::by_alias_id(&mut scope, &id)? else { continue };
        let alias = entity.aliases.iter().find(|alias| alias.id == id);
        listed.extend(alias.map(|alias| (id, show.alias_in_list(alias, &entity.id))));
    }
    Reply::list_with(listed)
}
