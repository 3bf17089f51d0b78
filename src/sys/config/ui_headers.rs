//! `sys/config/ui/headers`: headers that go with the pages of the web interface.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Content, Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::header;
use crate::base::record::Record;
use crate::sys::settings::Settings;

/// The headers that the configuration gives to all answers: these cannot be set here.
pub type Configured = Vec<String>;

/// The endpoints. `configured` are the names in the listeners' `custom_response_headers`.
pub fn engine(configured: Configured) -> Bound<Configured> {
    Bound::new("Headers of the web interface.", ROUTES, configured)
}

/// Where they lie in the system's part of the store.
const PLACE: &str = "config/ui/headers";
/// Headers at most, and values of one.
const MOST: usize = 100;

const HEADER: Field<String> = Field::new("header", "The header's name.");
const VALUES: Field<Vec<String>> = Field::new("values", "Its values; at most 100.");
const MULTIVALUE: Field<bool> =
    Field::new("multivalue", "Read all values, as `values`, rather than the first, as `value`.")
        .query();

const ROUTES: &[Route<Configured>] = &[
    Route {
        path: "config/ui/headers/",
        synopsis: "List the headers that are set.",
        description: "They go with each page of the web interface.",
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::List, "List their names.", list).stored()],
    },
    Route {
        path: "config/ui/headers/{header}",
        synopsis: "Set a header of the web interface.",
        description: "Headers of Vault's own, and those that the configuration gives to all \
                      answers, cannot be set.",
        fields: &[&HEADER.info, &VALUES.info, &MULTIVALUE.info],
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read its values.", read).stored(),
            Operation::system(Verb::Write, "Set its values.", write),
            Operation::recover_system("Bring its values back.", recover),
            Operation::system(Verb::Delete, "Remove it.", delete),
        ],
    },
];

/// What is set: values by the names as Go writes them.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UiHeaders(BTreeMap<String, Vec<String>>);

impl Record for UiHeaders {
    const VERSION: u8 = 1;
}

impl UiHeaders {
    /// What is set now.
    pub fn load(txn: &mut Txn) -> Result<Self, TxnError> {
        Ok(txn.scope(MountId::SYSTEM).read(PLACE)?.unwrap_or_default())
    }

    /// Each header with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    fn store(&self, txn: &mut Txn) -> Result<(), TxnError> {
        let mut system = txn.scope(MountId::SYSTEM);
        if self.0.is_empty() { system.delete(PLACE) } else { system.write(PLACE, self) }
    }
}

fn list(_: &Configured, call: &mut SystemCall<'_>) -> Outcome {
    Reply::list(UiHeaders::load(call.txn)?.0.into_keys().collect())
}

fn read(_: &Configured, call: &mut SystemCall<'_>) -> Outcome {
    let name = header::canonical(call.fields.need(&HEADER)?);
    let mut set = UiHeaders::load(call.txn)?;
    let values = set.0.remove(&name).ok_or_else(Fault::not_found)?;
    Ok(Reply::data(match call.fields.get(&MULTIVALUE) {
        Some(true) => object([("values", values.into())]),
        _ => object([("value", values.into_iter().next().into())]),
    }))
}

/// What is set at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    if entry != PLACE {
        return Ok(Settings::new());
    }
    let headers = UiHeaders::load(txn)?.0.into_iter();
    let shown = |values: Vec<String>| object([("values", values.into())]);
    let told = |(name, values)| (format!("config/ui/headers/{name}"), shown(values));
    Ok(headers.map(told).collect())
}

fn write(configured: &Configured, call: &mut SystemCall<'_>) -> Outcome {
    let values = call.fields.get(&VALUES).cloned().unwrap_or_default();
    set(configured, call, values)
}

/// Sets them as they were, which the configuration may forbid since.
fn recover(
    configured: &Configured,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let name = header::canonical(then.fields.need(&HEADER)?);
    let values = UiHeaders::load(then.txn)?.0.remove(&name).ok_or_else(Fault::not_in_snapshot)?;
    set(configured, call, values)
}

fn set(configured: &Configured, call: &mut SystemCall<'_>, values: Vec<String>) -> Outcome {
    let name = header::canonical(call.fields.need(&HEADER)?);
    if values.is_empty() {
        return Err(Fault::bad_request("header and values must be specified"));
    }
    if name.starts_with("X-Vault-") {
        return Err(Fault::bad_request("X-Vault headers cannot be set"));
    }
    if configured.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
        return Err(Fault::bad_request(
            "This header already exists in the server configuration and cannot be set in the UI.",
        ));
    }
    if !header::is_name(&name) || !values.iter().all(|value| header::is_value(value)) {
        return Err(Fault::bad_request("a header is one line of printable ASCII"));
    }
    let mut set = UiHeaders::load(call.txn)?;
    let policy = name == "Content-Security-Policy";
    let many = values.len() > MOST;
    set.0.insert(name, values);
    if many || set.0.len() > MOST {
        let text = format!("at most {MOST} headers can be set, each with {MOST} values");
        return Err(Fault::bad_request(text));
    }
    set.store(call.txn)?;
    let reply = Reply::of(200, Content::Data(None));
    Ok(match policy {
        true => reply.warn(
            "overriding default Content-Security-Policy which is secure by default, proceed with \
             caution",
        ),
        false => reply,
    })
}

fn delete(_: &Configured, call: &mut SystemCall<'_>) -> Outcome {
    let name = header::canonical(call.fields.need(&HEADER)?);
    let mut set = UiHeaders::load(call.txn)?;
    if set.0.remove(&name).is_some() {
        set.store(call.txn)?;
    }
    Ok(Reply::nothing())
}
