//! `sys/policies/acl` and the older `sys/policy`: the policies that tokens have.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::policies;
use crate::policy::meters::Meters;
use crate::policy::name::Name;
use crate::policy::parse::parse;
use crate::policy::{sent, store};
use crate::sys::settings::Settings;

/// The endpoints. Policies are in the store alone: what they are given is where to count.
pub fn engine(meters: Arc<Meters>) -> Bound<Arc<Meters>> {
    Bound::new("What tokens may do.", ROUTES, meters)
}

const NAME: Field<String> = Field::new("name", "The policy's name; case does not matter.");
const POLICY: Field<String> = Field::new(
    "policy",
    "The text, HCL or JSON, at most 1 MiB, or that in base64. `mfa_methods` and `control_group` \
     are accepted and without effect.",
);
const RULES: Field<String> = Field::new("rules", "The old name of `policy`.");

const ROUTES: &[Route<Arc<Meters>>] = &[
    Route {
        path: "policies/acl/?",
        synopsis: "List the policies.",
        description: "The names of all policies that tokens may be given.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::List, "List the names.", list).stored()],
    },
    Route {
        path: "policies/acl/{name+}",
        synopsis: "Read, write or delete a policy.",
        description: "A change holds at once, also for tokens that are out. `default` can be \
                      changed, but not deleted; `root` neither.",
        fields: &[&NAME.info, &POLICY.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a policy's text.", read).stored(),
            Operation::system(Verb::Write, "Set a policy's text.", write),
            Operation::recover_system("Bring a policy's text back.", recover),
            Operation::system(Verb::Delete, "Delete a policy.", delete),
        ],
    },
    Route {
        path: "policy/?",
        synopsis: "List the policies.",
        description: "The old form of policies/acl.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "List the names.", list_old).stored(),
            Operation::system(Verb::List, "List the names.", list_old).stored(),
        ],
    },
    Route {
        path: "policy/{name+}",
        synopsis: "Read, write or delete a policy.",
        description: "The old form of policies/acl.",
        fields: &[&NAME.info, &POLICY.info, &RULES.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Read a policy's text.", read_old).stored(),
            Operation::system(Verb::Write, "Set a policy's text.", write_old),
            Operation::recover_system("Bring a policy back.", recover),
            Operation::system(Verb::Delete, "Delete a policy.", delete),
        ],
    },
];

fn list(meters: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.list.begin();
    Reply::list(store::list(call.txn)?)
}

fn list_old(meters: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.list.begin();
    let names = json!(store::list(call.txn)?);
    Ok(Reply::data_at_top(object([("keys", names.clone()), ("policies", names)])))
}

fn read(_: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let (name, text) = found(call)?;
    Ok(Reply::data(shown(name, text)))
}

fn shown(name: String, text: String) -> Map<String, Value> {
    object([("name", name.into()), ("policy", text.into())])
}

/// The policy at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    let Some(name) = store::name_at(entry) else { return Ok(Settings::new()) };
    let path = format!("policies/acl/{name}");
    let text = store::text(txn, &name)?;
    Ok(text.map(|text| (path, shown(name.to_string(), text))).into_iter().collect())
}

fn read_old(_: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let (name, text) = found(call)?;
    Ok(Reply::data_at_top(object([("name", name.into()), ("rules", text.into())])))
}

/// The policy that is meant. Blanks around its name would name it beside what is said in policies
/// of its path.
fn named(call: &SystemCall<'_>) -> Result<Name, Fault> {
    let text = call.fields.need(&NAME)?;
    match text.trim() == text {
        true => Ok(Name::of(text)),
        false => Err(Fault::bad_request("the name of a policy has no blanks around it")),
    }
}

fn found(call: &mut SystemCall<'_>) -> Result<(String, String), Fault> {
    let name = named(call)?;
    let text = store::text(call.txn, &name)?.ok_or_else(Fault::not_found)?;
    Ok((name.to_string(), text))
}

fn write(meters: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.set.begin();
    let sent = call.fields.get(&POLICY).map_or("", String::as_str);
    set(call, sent)?;
    Ok(Reply::nothing())
}

fn write_old(meters: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.set.begin();
    let sent = |field| call.fields.get(field).map_or("", String::as_str);
    match sent(&POLICY) {
        "" => {
            set(call, sent(&RULES))?;
            Ok(Reply::nothing().warn("'rules' is deprecated, please use 'policy' instead"))
        }
        sent => set(call, sent).map(|()| Reply::nothing()),
    }
}

fn set(call: &mut SystemCall<'_>, sent: &str) -> Result<(), Fault> {
    if sent.is_empty() {
        return Err(Fault::bad_request("'policy' parameter not supplied or empty"));
    }
    // What was parsed is text.
    put(call, &String::from_utf8_lossy(&sent::text(sent)))
}

fn put(call: &mut SystemCall<'_>, text: &str) -> Result<(), Fault> {
    parse(text.as_bytes()).map_err(|error| Fault::bad_request(error.to_string()))?;
    let name = named(call)?;
    if name.as_str().is_empty() {
        return Err(Fault::bad_request("policy name missing"));
    }
    if name.is_fixed() {
        return Err(Fault::bad_request(format!("cannot update \"{name}\" policy")));
    }
    Ok(store::write(call.txn, &name, text)?)
}

fn recover(meters: &Arc<Meters>, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.set.begin();
    let text = store::text(then.txn, &named(then)?)?.ok_or_else(Fault::not_in_snapshot)?;
    put(call, &text)?;
    Ok(Reply::nothing())
}

fn delete(meters: &Arc<Meters>, call: &mut SystemCall<'_>) -> Outcome {
    let _running = meters.delete.begin();
    let name = named(call)?;
    if name.is_fixed() {
        return Err(Fault::bad_request(format!("cannot delete \"{name}\" policy")));
    }
    if name.as_str() == policies::DEFAULT {
        return Err(Fault::bad_request("cannot delete default policy"));
    }
    store::delete(call.txn, &name)?;
    Ok(Reply::nothing())
}
