//! `identity/lookup`: finds an entity or a group by whatever names it.

use super::show::Show;
use super::{Identity, Operations, route};
use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::{Field, FieldInfo, Fields};
use crate::api::reply::Reply;
use crate::api::route::{Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::identity::known::Known;
use crate::identity::record::{Entity, Group};

/// The endpoints with their service.
pub fn engine(service: Identity) -> Bound<Identity> {
    Bound::new("Finds entities and groups.", ROUTES, service)
}

static ID: Field<String> = Field::new("id", "By its id.");
static NAME: Field<String> = Field::new("name", "By its name.");
static ALIAS_ID: Field<String> = Field::new("alias_id", "By the id of an alias.");
static ALIAS_NAME: Field<String> =
    Field::new("alias_name", "By the name of an alias: wants alias_mount_accessor too.");
static ALIAS_ACCESSOR: Field<String> =
    Field::new("alias_mount_accessor", "The accessor of the mount that the alias is of.");

const FIELDS: &[&FieldInfo] =
    &[&ID.info, &NAME.info, &ALIAS_ID.info, &ALIAS_NAME.info, &ALIAS_ACCESSOR.info];

const ENTITY: Operations =
    &[Operation::system(Verb::Write, "Shows the entity, if there is one.", entity)];
const GROUP: Operations =
    &[Operation::system(Verb::Write, "Shows the group, if there is one.", group)];

const ROUTES: &[Route<Identity>] = &[
    route("lookup/entity", "Finds an entity.", FIELDS, ENTITY),
    route("lookup/group", "Finds a group.", FIELDS, GROUP),
];

/// What is looked for.
enum By<'f> {
    Id(&'f str),
    Name(&'f str),
    AliasId(&'f str),
    Alias {
        accessor: &'f str,
        name: &'f str,
    },
    /// An empty text, which names nothing.
    Nothing,
}

impl<'f> By<'f> {
    /// Exactly one way of naming it must have been sent.
    fn sent(fields: &'f Fields<'_>) -> Result<Self, Fault> {
        let get = |field: &Field<String>| fields.get(field).map(String::as_str);
        let by = match [&ID, &NAME, &ALIAS_ID, &ALIAS_NAME, &ALIAS_ACCESSOR].map(get) {
            [None, None, None, None, None] => {
                return Err(Fault::bad_request("query parameter not supplied"));
            }
            [Some(""), None, None, None, None]
            | [None, Some(""), None, None, None]
            | [None, None, Some(""), None, None]
            | [None, None, None, Some(""), None]
            | [None, None, None, None, Some("")] => Self::Nothing,
            [Some(id), None, None, None, None] => Self::Id(id),
            [None, Some(name), None, None, None] => Self::Name(name),
            [None, None, Some(id), None, None] => Self::AliasId(id),
            [None, None, None, Some(_), None] | [None, None, None, None, Some(_)] => {
                let text = "both 'alias_name' and 'alias_mount_accessor' needs to be set";
                return Err(Fault::bad_request(text));
            }
            [None, None, None, Some(name), Some(accessor)]
                if !name.is_empty() && !accessor.is_empty() =>
            {
                Self::Alias { accessor, name }
            }
            _ => {
                let text =
                    "query parameter conflict; please supply distinct set of query parameters";
                return Err(Fault::bad_request(text));
            }
        };
        Ok(by)
    }
}

fn entity(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let by = By::sent(call.fields)?;
    let (mounts, mut scope) = identity.open(call.txn)?;
    let found = match by {
        By::Id(id) => Entity::by_id(&mut scope, id)?,
        By::Name(name) => Entity::by_name(&mut scope, name)?,
        By::AliasId(id) => Entity::by_alias_id(&mut scope, id)?,
        By::Alias { accessor, name } => Entity::by_alias(&mut scope, accessor, name)?,
        By::Nothing => None,
    };
    match found {
        None => Ok(Reply::nothing()),
        Some(entity) => Ok(Reply::data(Show(&mounts).entity(&mut scope, entity)?)),
    }
}

fn group(identity: &Identity, call: &mut SystemCall<'_>) -> Outcome {
    let by = By::sent(call.fields)?;
    let (mounts, mut scope) = identity.open(call.txn)?;
    let found = match by {
        By::Id(id) => Group::by_id(&mut scope, id)?,
        By::Name(name) => Group::by_name(&mut scope, name)?,
        By::AliasId(id) => Group::by_alias_id(&mut scope, id)?,
        By::Alias { accessor, name } => Group::by_alias(&mut scope, accessor, name)?,
        By::Nothing => None,
    };
    match found {
        None => Ok(Reply::nothing()),
        Some(group) => Ok(Reply::data(Show(&mounts).group(&mut scope, &group)?)),
    }
}
