//! `sys/config/auditing/request-headers`: which headers of requests are audited.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::audit::headers::{AuditedHeaders, AuditedHeadersCache, Auditing, PLACE};
use crate::barrier::txn::{Txn, TxnError};
use crate::base::fault::Fault;
use crate::base::header;
use crate::sys::settings::Settings;

/// The endpoints, with what reads the headers.
pub fn engine(cache: Arc<AuditedHeadersCache>) -> Bound<Arc<AuditedHeadersCache>> {
    Bound::new("Which headers of requests are audited.", ROUTES, cache)
}

/// Headers at most.
const MOST: usize = 100;

const HEADER: Field<String> = Field::new("header", "The header's name, in any case.");
const HMAC: Field<bool> =
    Field::new("hmac", "Whether its values are written as their HMAC; false if left out.");

const ROUTES: &[Route<Arc<AuditedHeadersCache>>] = &[
    Route {
        path: "config/auditing/request-headers",
        synopsis: "The headers that are audited.",
        description: "None unless set.",
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Read, "Read all of them.", read_all).stored()],
    },
    Route {
        path: "config/auditing/request-headers/{header+}",
        synopsis: "Audit a header of requests.",
        description: "At most 100 headers can be audited.",
        fields: &[&HEADER.info, &HMAC.info],
        access: Access::Sudo,
        operations: &[
            Operation::system(Verb::Read, "Read how it is audited.", read).stored(),
            Operation::system(Verb::Write, "Audit it.", write),
            Operation::recover_system("Audit it as it was.", recover),
            Operation::system(Verb::Delete, "Audit it no more.", delete),
        ],
    },
];

fn shown(auditing: Auditing) -> Value {
    json!({ "hmac": auditing.hmac })
}

fn read_all(cache: &Arc<AuditedHeadersCache>, call: &mut SystemCall<'_>) -> Outcome {
    let AuditedHeaders(headers) = &*cache.read(call.txn)?;
    let headers: Value = headers.iter().map(|(name, how)| (name.clone(), shown(*how))).collect();
    Ok(Reply::data_at_top(object([("headers", headers)])))
}

/// What is set at an entry of the store, below `sys/`.
pub fn settings(entry: &str, txn: &mut Txn) -> Result<Settings, TxnError> {
    if entry != PLACE {
        return Ok(Settings::new());
    }
    let told = |(name, how): (String, Auditing)| {
        let path = format!("config/auditing/request-headers/{name}");
        (path, object([("hmac", how.hmac.into())]))
    };
    Ok(AuditedHeaders::load(txn)?.0.into_iter().map(told).collect())
}

fn read(cache: &Arc<AuditedHeadersCache>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&HEADER)?;
    let AuditedHeaders(headers) = &*cache.read(call.txn)?;
    let how = headers.get(&name.to_ascii_lowercase());
    let how = how.ok_or_else(|| Fault::bad_request("Could not find header in config"))?;
    Ok(Reply::data_at_top(object([(name, shown(*how))])))
}

fn write(cache: &Arc<AuditedHeadersCache>, call: &mut SystemCall<'_>) -> Outcome {
    let hmac = call.fields.get(&HMAC).copied().unwrap_or_default();
    set(cache, call, Auditing { hmac })
}

fn recover(
    cache: &Arc<AuditedHeadersCache>,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let old = then.fields.need(&HEADER)?.to_ascii_lowercase();
    let AuditedHeaders(kept) = &*cache.read(then.txn)?;
    let how = kept.get(&old).ok_or_else(Fault::not_in_snapshot)?;
    set(cache, call, *how)
}

fn set(cache: &Arc<AuditedHeadersCache>, call: &mut SystemCall<'_>, how: Auditing) -> Outcome {
    let name = call.fields.need(&HEADER)?;
    if !header::is_name(name) {
        return Err(Fault::bad_request(format!("{name:?} is no name of a header")));
    }
    let mut headers = AuditedHeaders::clone(&*cache.read(call.txn)?);
    headers.0.insert(name.to_ascii_lowercase(), how);
    if headers.0.len() > MOST {
        return Err(Fault::bad_request(format!("at most {MOST} headers can be audited")));
    }
    headers.store(call.txn)?;
    Ok(Reply::nothing())
}

fn delete(cache: &Arc<AuditedHeadersCache>, call: &mut SystemCall<'_>) -> Outcome {
    let name = call.fields.need(&HEADER)?.to_ascii_lowercase();
    let mut headers = AuditedHeaders::clone(&*cache.read(call.txn)?);
    if headers.0.remove(&name).is_some() {
        headers.store(call.txn)?;
    }
    Ok(Reply::nothing())
}
