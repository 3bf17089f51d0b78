//! What a server loads for one command alone: it is unloaded again, however that ends.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::load;
use super::state::{Kind, State};
use super::unload;
use crate::cli::context::Context;
use crate::cli::interrupt;
use crate::cli::stop::Stop;

/// Does `job` with the ids by which the server has those states, `None` for the present one. What
/// is not loaded there is for as long as it takes.
pub fn lend<T: Send>(
    cx: &mut Context,
    states: &[State<'_>],
    job: impl FnOnce(&mut Context, &[Option<String>]) -> Result<T, Stop> + Send,
) -> Result<T, Stop> {
    let loads = states.iter().any(|state| !matches!(state.kind, Kind::Now | Kind::Loaded(_)));
    let interrupted = if loads && !cx.is_dry() { interrupt::hear()? } else { Arc::default() };
    // A signal interrupts the main thread, and what that waits for: it waits for this one alone.
    let run = || {
        let mut lent = Vec::new();
        let outcome = ids(cx, states, &mut lent, &interrupted).and_then(|ids| job(cx, &ids));
        let unloaded = lent.iter().map(|id| unload::unload(cx, id, false));
        let unloaded = unloaded.fold(Ok(()), Result::and);
        let outcome = outcome?;
        unloaded.map(|()| outcome)
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

fn ids(
    cx: &mut Context,
    states: &[State<'_>],
    lent: &mut Vec<String>,
    interrupted: &AtomicBool,
) -> Result<Vec<Option<String>>, Stop> {
    let mut ids = Vec::new();
    for state in states {
        ids.push(match &state.kind {
            Kind::Now => None,
            Kind::Loaded(id) => Some((*id).to_owned()),
            // What is only printed is of the one that would be loaded, whatever its id is.
            Kind::File(_) | Kind::Instant(_) if cx.is_dry() => {
                let id = if cx.prints_policy() { "+" } else { "ID" };
                cx.also_needs(&load::request(state)?);
                cx.also_needs(&unload::request(id));
                Some(id.to_owned())
            }
            Kind::File(_) | Kind::Instant(_) => {
                let answer = load::load(cx, state)?;
                let id = answer
                    .and_then(|answer| answer.data["snapshot_id"].as_str().map(str::to_owned));
                let id = id.ok_or_else(|| Stop::Failed("The server names no snapshot".into()))?;
                lent.push(id.clone());
                Some(id)
            }
        });
        if interrupted.load(Ordering::Relaxed) {
            return Err(Stop::Unmet("Interrupted".into()));
        }
    }
    Ok(ids)
}
