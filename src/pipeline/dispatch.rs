//! The call of the endpoint that was located.

use serde_json::{Map, Value};

use super::Builtin;
use super::locate::{Endpoint, Target};
use crate::api::ask::{Ask, Verb};
use crate::api::call::{Call, Caller, SystemCall};
use crate::api::effect::Done;
use crate::api::engine::{Engine, Found};
use crate::api::help;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::storage::Urgency;

/// Runs the operation.
pub fn run(
    target: &Target<'_, '_>,
    txn: &mut Txn,
    ask: &Ask,
    data: &Map<String, Value>,
    caller: Option<&Caller>,
    done: Option<&Done>,
) -> Outcome {
    match target {
        Target::Builtin(endpoint) => {
            let (engine, found) = (endpoint.engine, &endpoint.found);
            ready(engine, found, txn, ask.verb)?;
            let fields = engine.fields(found, ask.verb, data)?;
            let path = endpoint.below;
            let mut call = SystemCall { ask, data, path, fields: &fields, caller, done, txn };
            engine.call_system(found.id, &mut call)
        }
        Target::Mounted { view, id, engine, found, below } => {
            let found = found.as_ref().ok_or_else(Fault::unsupported_path)?;
            ready(*engine, found, txn, ask.verb)?;
            let fields = engine.fields(found, ask.verb, data)?;
            let scope = txn.scope(*id);
            let mut call =
                Call { ask, data, path: below, fields: &fields, mount: view, caller, done, scope };
            engine.call(found.id, &mut call)
        }
        Target::Unsupported => Err(Fault::unsupported_path()),
        Target::Nowhere(path) => Err(Fault::new(404, format!("no handler for route '{path}'"))),
    }
}

/// Brings back, at the first target, what a loaded snapshot has at the second.
pub fn recover(
    (target, txn): (&Target<'_, '_>, &mut Txn),
    (from, then): (&Target<'_, '_>, &mut Txn),
    ask: &Ask,
    data: &Map<String, Value>,
    caller: Option<&Caller>,
) -> Outcome {
    let done = None;
    match (target, from) {
        (Target::Builtin(to), Target::Builtin(from)) => {
            let engine = to.engine;
            ready(engine, &to.found, txn, ask.verb)?;
            let fields = &engine.fields(&to.found, ask.verb, data)?;
            let mut now = SystemCall { ask, data, path: to.below, fields, caller, done, txn };
            let (fields, txn) = (&engine.fields(&from.found, ask.verb, data)?, then);
            let mut then = SystemCall { ask, data, path: from.below, fields, caller, done, txn };
            engine.recover_system(to.found.id, &mut now, &mut then)
        }
        (
            Target::Mounted { view: mount, id, engine, found: Some(found), below: path },
            Target::Mounted { view: old, id: old_id, found: Some(from), below, .. },
        ) => {
            ready(*engine, found, txn, ask.verb)?;
            let (fields, scope) = (&engine.fields(found, ask.verb, data)?, txn.scope(*id));
            let mut now = Call { ask, data, path, fields, mount, caller, done, scope };
            let (fields, scope) = (&engine.fields(from, ask.verb, data)?, then.scope(*old_id));
            let (path, mount) = (below, old);
            let mut then = Call { ask, data, path, fields, mount, caller, done, scope };
            engine.recover(found.id, &mut now, &mut then)
        }
        (Target::Nowhere(path), _) => {
            Err(Fault::new(404, format!("no handler for route '{path}'")))
        }
        _ => Err(Fault::unsupported_path()),
    }
}

/// Whether what a write names is there already, as far as its endpoint tells.
pub fn exists(
    target: &Target<'_, '_>,
    txn: &mut Txn,
    ask: &Ask,
    caller: &Caller,
) -> Result<bool, Fault> {
    // What it names is in its path: its data is not read for somebody who may not send it.
    let (data, caller) = (&Map::new(), Some(caller));
    match target {
        Target::Builtin(Endpoint { engine, found, below: path }) => {
            let fields = &engine.fields(found, ask.verb, data)?;
            let mut call = SystemCall { ask, data, path, fields, caller, done: None, txn };
            engine.exists_system(found.id, &mut call)
        }
        Target::Mounted { view: mount, id, engine, found: Some(found), below: path } => {
            let fields = &engine.fields(found, ask.verb, data)?;
            let (done, scope) = (None, txn.scope(*id));
            let mut call = Call { ask, data, path, fields, mount, caller, done, scope };
            engine.exists(found.id, &mut call)
        }
        _ => Ok(true),
    }
}

/// Whether a write makes what is not there yet, as far as its endpoint tells.
pub fn creates(target: &Target<'_, '_>, txn: &mut Txn, ask: &Ask, caller: Option<&Caller>) -> bool {
    let Some(caller) = caller.filter(|_| ask.verb == Verb::Write) else { return false };
    !exists(target, txn, ask, caller).unwrap_or(true)
}

/// The help of the path.
pub fn help(builtins: &[Builtin], target: &Target<'_, '_>, asked: &str) -> Outcome {
    let (engine, found, path) = match target {
        Target::Builtin(endpoint) => (endpoint.engine, Some(&endpoint.found), endpoint.below),
        Target::Mounted { engine, found, below, .. } => (*engine, found.as_ref(), *below),
        Target::Unsupported => return help_of_builtins(builtins, asked),
        Target::Nowhere(path) => {
            return Err(Fault::new(404, format!("no handler for route '{path}'")));
        }
    };
    let declarations = engine.declarations();
    let text = match found.and_then(|found| declarations.get(found.id.index())) {
        Some(declaration) if !path.is_empty() => help::route(declaration, path),
        _ => help::mount(engine.about(), &declarations),
    };
    Ok(Reply::bare(text))
}

/// The help of a whole prefix, such as `sys/`, which several builtins share. Clients cut the slash.
fn help_of_builtins(builtins: &[Builtin], asked: &str) -> Outcome {
    let is_asked = |own: &str| own.trim_end_matches('/') == asked.trim_end_matches('/');
    let sharing = || builtins.iter().filter(|(own, _)| is_asked(own)).map(|(_, engine)| engine);
    let declarations: Vec<_> = sharing().flat_map(|engine| engine.declarations()).collect();
    if declarations.is_empty() {
        return Err(Fault::unsupported_path());
    }
    let about: Vec<&str> = sharing().map(|engine| engine.about()).collect();
    Ok(Reply::bare(help::mount(&about.join("\n"), &declarations)))
}

/// Refuses a verb that is not there; what frees space may use the reserve of a full disk.
fn ready(engine: &dyn Engine, found: &Found<'_>, txn: &mut Txn, verb: Verb) -> Result<(), Fault> {
    match engine.operation(found.id, verb) {
        Some((_, essential)) => {
            if essential {
                txn.set_urgency(Urgency::Essential);
            }
            Ok(())
        }
        None if engine.has_operations(found.id) => Err(Fault::unsupported_operation()),
        None => Err(Fault::unsupported_path()),
    }
}
