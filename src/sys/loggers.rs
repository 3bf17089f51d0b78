//! `sys/loggers`: how much each part of the program logs, until the next start.

use std::sync::Arc;

use log::LevelFilter;
use serde_json::{Map, Value};

use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::Reply;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::logs::{Logger, Logs, parse_level};

/// The endpoints with the log.
pub fn engine(logs: Arc<Logs>) -> Bound<Arc<Logs>> {
    Bound::new("How much is logged.", ROUTES, logs)
}

const NAME: Field<String> =
    Field::new("name", "audit, core, request, server, storage or system: whose level it is.");
const LEVEL: Field<String> = Field::new("level", "trace, debug, info, warn or error.");

const ROUTES: &[Route<Arc<Logs>>] = &[
    Route {
        path: "loggers/?",
        synopsis: "How much all parts of the program log.",
        description: "What is set is forgotten at the next start, or when the configuration is \
                      read anew.",
        fields: &[&LEVEL.info],
        access: Access::Policy,
        operations: &[
            Operation::direct(Verb::Read, "Read the levels of all.", read_all),
            Operation::direct(Verb::Write, "Set the level of all.", write_all),
            Operation::direct(Verb::Delete, "Go back to the configured level.", reset_all),
        ],
    },
    Route {
        path: "loggers/{name}",
        synopsis: "How much one part of the program logs.",
        description: "What is set is forgotten at the next start, or when the configuration is \
                      read anew.",
        fields: &[&NAME.info, &LEVEL.info],
        access: Access::Policy,
        operations: &[
            Operation::direct(Verb::Read, "Read its level.", read),
            Operation::direct(Verb::Write, "Set its level.", write),
            Operation::direct(Verb::Delete, "Go back to the configured level.", reset),
        ],
    },
];

fn read_all(logs: &Arc<Logs>, _: DirectAsk) -> Outcome {
    Ok(shown(logs, &Logger::ALL))
}

fn write_all(logs: &Arc<Logs>, ask: DirectAsk) -> Outcome {
    set(logs, &Logger::ALL, Some(level(&ask)?))
}

fn reset_all(logs: &Arc<Logs>, _: DirectAsk) -> Outcome {
    set(logs, &Logger::ALL, None)
}

/// Of one that there is not, nothing is told.
fn read(logs: &Arc<Logs>, ask: DirectAsk) -> Outcome {
    Ok(shown(logs, named(&ask).ok().as_slice()))
}

fn write(logs: &Arc<Logs>, ask: DirectAsk) -> Outcome {
    let level = level(&ask)?;
    set(logs, &[named(&ask)?], Some(level))
}

fn reset(logs: &Arc<Logs>, ask: DirectAsk) -> Outcome {
    set(logs, &[named(&ask)?], None)
}

fn set(logs: &Logs, loggers: &[Logger], level: Option<LevelFilter>) -> Outcome {
    logs.set(loggers, level);
    Ok(Reply::nothing())
}

fn shown(logs: &Logs, loggers: &[Logger]) -> Reply {
    let one = |logger: &Logger| {
        let level = logs.level(*logger).as_str().to_ascii_lowercase();
        (logger.name().to_owned(), Value::from(level))
    };
    Reply::data(loggers.iter().map(one).collect::<Map<_, _>>())
}

fn named(ask: &DirectAsk) -> Result<Logger, Fault> {
    let name = ask.path.rsplit('/').next().unwrap_or_default();
    Logger::named(name)
        .ok_or_else(|| Fault::bad_request(format!("logger {} not found", golang::quote(name))))
}

fn level(ask: &DirectAsk) -> Result<LevelFilter, Fault> {
    let fields = ask.fields(&[&LEVEL.info])?;
    let word = fields.get(&LEVEL).ok_or_else(|| Fault::bad_request("level is required"))?;
    if word.is_empty() {
        return Err(Fault::bad_request("level is empty"));
    }
    parse_level(&word.trim().to_ascii_lowercase()).ok_or_else(|| {
        Fault::bad_request(format!("invalid level provided: unknown log level: {word}"))
    })
}
