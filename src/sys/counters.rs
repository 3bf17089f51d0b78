//! `sys/internal/counters`: how many tokens and entities there are. Clients are not counted, which
//! is told as Vault tells it when that is switched off.

use std::sync::Arc;

use serde_json::json;

use crate::api::ask::Verb;
use crate::api::call::SystemCall;
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::identity::record::Entity;
use crate::mount::store::MountStore;
use crate::token;

/// The endpoints. They are given what tells where identities lie.
pub fn engine(mounts: Arc<MountStore>) -> Bound<Arc<MountStore>> {
    Bound::new("How much there is.", ROUTES, mounts)
}

const UNUSED: &str = "Taken and not heeded: clients are not counted.";

const START: Field<String> = Field::new("start_time", UNUSED).query();
const END: Field<String> = Field::new("end_time", UNUSED).query();
const ENABLED: Field<String> = Field::new("enabled", "`default` or `disable`.");
const REPORT: Field<i64> = Field::new("default_report_months", UNUSED);
const RETENTION: Field<i64> = Field::new("retention_months", UNUSED);

const ROUTES: &[Route<Arc<MountStore>>] = &[
    Route {
        path: "internal/counters/requests",
        synopsis: "What is told no more.",
        description: "",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Say so.", requests).signpost()],
    },
    Route {
        path: "internal/counters/tokens",
        synopsis: "How many service tokens there are.",
        description: "",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Count them.", tokens)],
    },
    Route {
        path: "internal/counters/entities",
        synopsis: "How many entities there are.",
        description: "",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Count them.", entities)],
    },
    Route {
        path: "internal/counters/activity",
        synopsis: "The clients of some months.",
        description: "They are not counted: the answer is empty.",
        fields: &[&START.info, &END.info],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Tell none.", none)],
    },
    Route {
        path: "internal/counters/activity/monthly",
        synopsis: "The clients of this month.",
        description: "They are not counted: the answer is empty.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::system(Verb::Read, "Tell none.", none)],
    },
    Route {
        path: "internal/counters/config",
        synopsis: "Whether clients are counted.",
        description: "They are not.",
        fields: &[&ENABLED.info, &REPORT.info, &RETENTION.info],
        access: Access::Policy,
        operations: &[
            Operation::system(Verb::Read, "Tell it.", config),
            Operation::system(Verb::Write, "Leave it at that.", configure),
        ],
    },
];

fn requests(_: &Arc<MountStore>, _: &mut SystemCall<'_>) -> Outcome {
    Err(Fault::new(404, "The functionality has been removed on this path"))
}

fn tokens(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let total = token::store::count(call.txn)?;
    Ok(counted("service_tokens", total))
}

fn entities(mounts: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    let table = mounts.read(call.txn)?;
    let total = match table.at("identity/") {
        Some(mount) => Entity::count(&mut call.txn.scope(mount.id))?,
        None => 0,
    };
    Ok(counted("entities", total))
}

fn counted(what: &str, total: u64) -> Reply {
    Reply::data(object([("counters", json!({ what: { "total": total } }))]))
}

fn none(_: &Arc<MountStore>, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::nothing())
}

fn config(_: &Arc<MountStore>, _: &mut SystemCall<'_>) -> Outcome {
    Ok(Reply::data(object([
        ("default_report_months", 12.into()),
        ("enabled", "default-disabled".into()),
        ("queries_available", false.into()),
        ("retention_months", 24.into()),
    ])))
}

fn configure(_: &Arc<MountStore>, call: &mut SystemCall<'_>) -> Outcome {
    if call.fields.get(&REPORT).is_some_and(|months| *months <= 0) {
        return Err(Fault::bad_request("default_report_months must be greater than 0"));
    }
    if call.fields.get(&RETENTION).is_some_and(|months| *months < 0) {
        let text = "retention_months must be greater than or equal to 0";
        return Err(Fault::bad_request(text));
    }
    match call.fields.get(&ENABLED).map(String::as_str) {
        None | Some("default" | "disable") => {
            Ok(Reply::nothing().warn("clients are not counted here: nothing was changed"))
        }
        Some("enable") => Err(Fault::bad_request("clients are not counted here")),
        Some(_) => {
            let text = "enabled must be one of \"default\", \"enable\", \"disable\"";
            Err(Fault::bad_request(text))
        }
    }
}
