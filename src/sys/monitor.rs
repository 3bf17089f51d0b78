//! `sys/monitor`: the log of the server, as it is written.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::Field;
use crate::api::reply::{Content, Reply, ResponseBody};
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::{Barrier, Unsealed};
use crate::base::fault::Fault;
use crate::base::logs::{Format, Heard, Logs, Watch, parse_level};

/// What this endpoint is given.
pub struct Monitor {
    /// What is listened to.
    pub logs: Arc<Logs>,
    /// Sealing it ends the listening: whether the token holds is not known any more.
    pub barrier: Arc<Barrier>,
}

/// The endpoint with its service.
pub fn engine(service: Monitor) -> Bound<Monitor> {
    Bound::new("The log as it is written.", ROUTES, service)
}

/// How often it is looked whether anybody still listens, and may.
const LOOK: Duration = Duration::from_secs(1);

const LOG_LEVEL: Field<String> =
    Field::new("log_level", "trace, debug, info (the default), warn or error.").query();
const LOG_FORMAT: Field<String> =
    Field::new("log_format", "standard or json; that of the server's own log if left out.").query();

const ROUTES: &[Route<Monitor>] = &[Route {
    path: "monitor",
    synopsis: "Listen to the log.",
    description: "The answer is text, and ends when the listener goes, or the server is sealed or \
                  ends. Who reads too slowly misses messages and is told how many. Eight can \
                  listen at once: one more, and the first of them is sent away.",
    fields: &[&LOG_LEVEL.info, &LOG_FORMAT.info],
    access: Access::Policy,
    operations: &[Operation::direct(Verb::Read, "Listen.", listen)],
}];

fn listen(service: &Monitor, ask: DirectAsk) -> Outcome {
    let asked = |name| ask.query(name).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase);
    let level = asked(LOG_LEVEL.info.name);
    let level = parse_level(level.as_deref().unwrap_or("info"));
    let level = level.ok_or_else(|| Fault::bad_request("unknown log level"))?;
    let format = match asked(LOG_FORMAT.info.name) {
        None => service.logs.format(),
        Some(word) => {
            Format::parse(&word).ok_or_else(|| Fault::bad_request("unknown log format"))?
        }
    };
    // It must not keep the keys.
    let then = Arc::downgrade(&service.barrier.unsealed().ok_or_else(Fault::sealed)?);
    let watch = service.logs.watch(level, format);
    let barrier = service.barrier.clone();
    let body = ResponseBody::Endless {
        content_type: "text/plain; charset=utf-8",
        write: Box::new(move |to| pass_on(&watch, to, || is_open(&barrier, &then))),
    };
    Ok(Reply::of(200, Content::Body(body)))
}

/// Writes what is heard until there is no more, or nobody is there to read it.
fn pass_on(watch: &Watch, to: &mut dyn io::Write, goes_on: impl Fn() -> bool) -> io::Result<()> {
    while goes_on() {
        match watch.listen(LOOK) {
            Heard::Lines(lines) => to.write_all(lines.as_bytes())?,
            Heard::Nothing => {}
            Heard::End => break,
        }
        to.flush()?;
    }
    Ok(())
}

/// Whether the store was never sealed since then.
fn is_open(barrier: &Barrier, then: &Weak<Unsealed>) -> bool {
    barrier.unsealed().zip(then.upgrade()).is_some_and(|(now, then)| Arc::ptr_eq(&now, &then))
}
