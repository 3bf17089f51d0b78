//! `sys/audit` and `sys/audit-hash`: to whom each request and answer is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::api::ask::{DirectAsk, Verb};
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::audit::devices::{Audit, Wanted};
use crate::audit::store::{self, StoredDevice};
use crate::barrier::{Barrier, Unsealed};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::shell::word;

/// What these endpoints are given.
pub struct AuditDevices {
    /// The devices that are open.
    pub audit: Arc<Audit>,
    /// The store.
    pub barrier: Arc<Barrier>,
}

/// The endpoints with their service.
pub fn engine(service: AuditDevices) -> Bound<AuditDevices> {
    Bound::new("To whom each request and answer is told.", ROUTES, service)
}

const PATH: Field<String> = Field::new("path", "The device's name, which may have slashes.");
const TYPE: Field<String> = Field::new("type", "file, syslog or socket.");
const DESCRIPTION: Field<String> = Field::new("description", "Free text.");
const OPTIONS: Field<Option<BTreeMap<String, String>>> = Field::new(
    "options",
    "For all: format (json, jsonx), prefix, log_raw, hmac_accessor, elide_list_responses, \
     skip_test. file: file_path (or stdout, discard), mode (0600), sync (false; true: on the disk \
     before the request goes on). syslog: facility (AUTH), tag (vault), address (/dev/log). \
     socket: address, socket_type (tcp, udp, unix, unixgram), write_timeout (2s, at most 60s).",
);
const LOCAL: Field<bool> = Field::new("local", "Accepted; there is no replication.");
const INPUT: Field<String> = Field::new("input", "The text to hash.");

const ROUTES: &[Route<AuditDevices>] = &[
    Route {
        path: "audit",
        synopsis: "The audit devices.",
        description: "Each device's path with its type and options.",
        fields: &[],
        access: Access::Sudo,
        operations: &[Operation::system(Verb::Read, "List them.", list).stored()],
    },
    Route {
        path: "audit/{path+}",
        synopsis: "Enable or disable an audit device.",
        description: "A device has to take a test entry before it is enabled. While devices are \
                      enabled, a request is refused where none of them takes its entry, before \
                      anything is done. Where none takes the entry of its answer, 500 is \
                      answered although what was asked is done. At most 32 can be enabled.",
        fields: &[&PATH.info, &TYPE.info, &DESCRIPTION.info, &OPTIONS.info, &LOCAL.info],
        access: Access::Sudo,
        operations: &[
            Operation::direct(Verb::Write, "Enable a device.", enable),
            Operation::recover_system("Says what to do instead.", recover),
            Operation::direct(Verb::Delete, "Disable a device.", disable),
        ],
    },
    Route {
        path: "audit-hash/{path+}",
        synopsis: "Hash a text as an audit device does.",
        description: "To find it in the device's entries.",
        fields: &[&PATH.info, &INPUT.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Write, "Hash it.", hash)],
    },
];

fn list(_: &AuditDevices, call: &mut SystemCall<'_>) -> Outcome {
    let devices = store::all(call.txn)?;
    let shown = devices.iter().map(|device| {
        let shown = json!({
            "path": device.path,
            "type": device.kind,
            "description": device.description,
            "local": device.local,
            "options": device.options,
        });
        (device.path.clone(), shown)
    });
    Ok(Reply::data_at_top(shown.collect::<Map<String, Value>>()))
}

/// Outside of a transaction: the device is opened and tried first.
fn enable(service: &AuditDevices, ask: DirectAsk) -> Outcome {
    let path = path(&ask);
    let fields = ask.fields(&[&TYPE.info, &DESCRIPTION.info, &OPTIONS.info, &LOCAL.info])?;
    let wanted = Wanted {
        path: path.to_owned(),
        kind: fields.get(&TYPE).cloned().unwrap_or_default(),
        description: fields.get(&DESCRIPTION).cloned().unwrap_or_default(),
        local: fields.get(&LOCAL).copied().unwrap_or_default(),
        options: fields.get(&OPTIONS).cloned().unwrap_or_default(),
    };
    service.audit.enable(&service.unsealed()?, wanted)?;
    Ok(Reply::nothing())
}

fn disable(service: &AuditDevices, ask: DirectAsk) -> Outcome {
    service.audit.disable(&service.unsealed()?, path(&ask))?;
    Ok(Reply::nothing())
}

/// A device is tried when it is enabled, which no transaction does.
fn recover(_: &AuditDevices, call: &mut SystemCall<'_>, then: &mut SystemCall<'_>) -> Outcome {
    let whole = |sent: &str| format!("{}/", sent.trim_end_matches('/'));
    let (path, source) = (whole(call.fields.need(&PATH)?), whole(then.fields.need(&PATH)?));
    let old = store::all(then.txn)?.into_iter().find(|device| device.path == source);
    let old = old.ok_or_else(Fault::not_in_snapshot)?;
    let is_there = store::all(call.txn)?.iter().any(|device| device.path == path);
    let path = path.trim_end_matches('/');
    let first = if is_there { ", when the one that is there now is disabled" } else { "" };
    let how = match (is_misread(path, &old), is_there) {
        (true, _) => "how it was is read at sys/audit in the snapshot".to_owned(),
        (false, true) => {
            format!("`edgekeep audit disable {} && {}`", word(path), enabling(path, &old))
        }
        (false, false) => format!("`{}`", enabling(path, &old)),
    };
    let told = format!("an audit device is enabled anew, as it was{first}: {how}");
    Err(Fault::unsupported_operation().saying(told))
}

/// Whether a command line that enables it at `path` would be taken for another: a word of it for an
/// option, for a file or for what comes from stdin, or what cannot be printed as it is.
fn is_misread(path: &str, device: &StoredDevice) -> bool {
    let is_odd = |text: &str| !text.chars().all(golang::is_printable);
    let mut options = device.options.iter().flatten();
    path.starts_with('-')
        || path.trim() != path
        || is_odd(path)
        || is_odd(&device.description)
        || options.any(|(name, value)| {
            let is_value_taken = value == "-" || value.starts_with("\\@");
            let is_name_taken = name.starts_with(['-', '@']) || name.contains('=');
            is_value_taken || is_name_taken || is_odd(name) || is_odd(value)
        })
}

/// The command that enables one like it at `path`.
fn enabling(path: &str, device: &StoredDevice) -> String {
    let mut command = format!("edgekeep audit enable -path={}", word(path));
    if !device.description.is_empty() {
        command.push_str(&format!(" -description={}", word(&device.description)));
    }
    if device.local {
        command.push_str(" -local");
    }
    command.push_str(&format!(" {}", device.kind));
    for (name, value) in device.options.iter().flatten() {
        // The command takes what follows an `@` for the name of a file.
        let escape = if value.starts_with('@') { "\\" } else { "" };
        command.push_str(&format!(" {}={}", word(name), word(&format!("{escape}{value}"))));
    }
    command
}

fn hash(service: &AuditDevices, call: &mut SystemCall<'_>) -> Outcome {
    let path = call.fields.need(&PATH)?.trim_end_matches('/');
    let input = call.fields.get(&INPUT).filter(|input| !input.is_empty());
    let input = input.ok_or_else(|| Fault::bad_request("the \"input\" parameter is empty"))?;
    let hash = service.audit.hash(&service.unsealed()?, path, input)?;
    let hash = hash.ok_or_else(|| {
        let name = golang::quote(&format!("{path}/"));
        Fault::bad_request(format!("unknown audit backend {name}"))
    })?;
    Ok(Reply::data_at_top(object([("hash", hash.into())])))
}

/// Which device is meant.
fn path(ask: &DirectAsk) -> &str {
    ask.path.strip_prefix("audit/").unwrap_or_default()
}

impl AuditDevices {
    fn unsealed(&self) -> Result<Arc<Unsealed>, Fault> {
        self.barrier.unsealed().ok_or_else(Fault::sealed)
    }
}
