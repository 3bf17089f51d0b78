//! Requests about a loaded snapshot: what is read in it, and what is brought back from it.
//!
//! Who may do that is for the present policies to say, which go by the present paths. A mount is
//! found in the snapshot by its id, wherever it was mounted then. One that was made anew at its
//! path since is another one, perhaps somebody else's: that takes `sudo` on the path.

use std::convert::Infallible;
use std::ptr;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::locate::{self, Endpoint, Target};
use super::rights::Sender;
use super::{Pipeline, dispatch};
use crate::api::ask::{Ask, FromSnapshot, Verb};
use crate::api::call::{Caller, MountView};
use crate::api::engine::Engine;
use crate::api::reply::{Auth, Reply};
use crate::api::route::{Access, Outcome};
use crate::barrier::names::MountId;
use crate::barrier::past::Loaded;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::room::Share;
use crate::mount::store::MountStore;
use crate::mount::table::{Mount, MountTable};
use crate::policy::acl::{Acl, Decision, Question};
use crate::policy::capability::Capability;

/// A request about a snapshot that was let in.
pub struct Asked<'a> {
    pub ask: &'a Ask,
    pub of: &'a FromSnapshot,
    pub data: &'a Map<String, Value>,
    pub caller: Option<&'a Caller>,
    pub sender: Option<&'a Sender>,
    pub share: Arc<Share>,
}

impl Asked<'_> {
    /// Whether who asks has `sudo` on the path of the request.
    fn has_sudo(&self) -> bool {
        self.caller.is_some_and(|caller| caller.sudo)
    }
}

impl Pipeline {
    /// Answers a request about a snapshot, where `target` is what its path leads to at present.
    pub(super) fn answer_past(
        &self,
        txn: &mut Txn,
        target: &Target<'_, '_>,
        asked: &Asked<'_>,
    ) -> Outcome {
        if target.access().is_open() {
            return Err(nothing_there());
        }
        let loaded = txn.unsealed().pasts().get(&asked.of.id);
        let loaded = loaded
            .ok_or_else(|| Fault::bad_request(format!("no snapshot {} is loaded", asked.of.id)))?;
        match asked.ask.verb {
            Verb::Recover => self.recover(txn, target, asked, &loaded),
            _ => read(&self.tokens.mounts, &loaded, target, asked),
        }
    }

    fn recover(
        &self,
        txn: &mut Txn,
        target: &Target<'_, '_>,
        asked: &Asked<'_>,
        loaded: &Loaded,
    ) -> Outcome {
        let Asked { ask, of, data, caller, .. } = asked;
        let Some(path) = of.source.as_deref().filter(|path| *path != ask.path) else {
            return loaded.past.look(|then| {
                then.take_into(asked.share.clone());
                let from = at(&self.tokens.mounts, then, target, asked.has_sudo())?;
                dispatch::recover((target, txn), (&from, then), ask, data, *caller)
            });
        };
        // Who may not read there is not told what is there, either.
        let sudo = may_read(asked, path)?.sudo;
        let from = locate::target(self, txn, path)?;
        if from.access() == Access::Sudo && !sudo {
            return Err(Fault::refused());
        }
        if !are_alike(target, &from) {
            let why = format!("{path} is of another kind than {}", ask.path);
            return Err(Fault::bad_request(why));
        }
        loaded.past.look(|then| {
            then.take_into(asked.share.clone());
            let from = at(&self.tokens.mounts, then, &from, sudo)?;
            dispatch::recover((target, txn), (&from, then), ask, data, *caller)
        })
    }
}

/// Reads or lists in a snapshot. What would write, or act outside, has no past to be read.
fn read(
    mounts: &MountStore,
    loaded: &Loaded,
    target: &Target<'_, '_>,
    asked: &Asked<'_>,
) -> Outcome {
    let Asked { ask, data, caller, .. } = asked;
    loaded.past.look(|then| {
        then.take_into(asked.share.clone());
        let target = at(mounts, then, target, asked.has_sudo())?;
        if let Target::Builtin(Endpoint { engine, found, .. }) = &target
            && !engine.is_stored(found.id, ask.verb)
        {
            return Err(nothing_there());
        }
        let reply = dispatch::run(&target, then, ask, data, *caller, None)?;
        match is_read(&reply) && !then.writes() {
            true => Ok(reply),
            false => Err(nothing_there()),
        }
    })
}

fn is_read(reply: &Reply) -> bool {
    reply.effect.is_none() && matches!(reply.auth, Auth::None)
}

/// What `target` is in the snapshot that `then` reads, to somebody who has `sudo` on its path or
/// not.
fn at<'t, 'p>(
    mounts: &MountStore,
    then: &mut Txn,
    target: &Target<'t, 'p>,
    sudo: bool,
) -> Result<Target<'t, 'p>, Fault> {
    let (view, id, engine, below) = match target {
        Target::Builtin(Endpoint { engine, below, .. }) => {
            let found = engine.find(below).ok_or_else(Fault::unsupported_path)?;
            return Ok(Target::Builtin(Endpoint { engine: *engine, found, below }));
        }
        Target::Mounted { view, id, engine, below, .. } => (view, *id, *engine, *below),
        Target::Unsupported => return Err(Fault::unsupported_path()),
        Target::Nowhere(path) => {
            return match mounts.read(then)?.resolve(path) {
                None => Ok(Target::Nowhere(path)),
                Some((old, _)) => Err(Fault::new(
                    404,
                    format!(
                        "no handler for route '{path}': in the snapshot {} is mounted; to reach \
                         what it held, mount one anew: {}",
                        old.path,
                        old.enabling()
                    ),
                )),
            };
        }
    };
    let table = mounts.read(then)?;
    let now = Present { id, path: &view.path, engine };
    let id = now.then(&table, sudo)?.id;
    let view = MountView { path: view.path.clone(), accessor: view.accessor.clone(), ..*view };
    Ok(Target::Mounted { view, id, engine, found: engine.find(below), below })
}

/// A mount as it is at present.
struct Present<'a> {
    id: MountId,
    path: &'a str,
    engine: &'static dyn Engine,
}

impl Present<'_> {
    /// The mount that somebody reaches through this one in another state of the store, who has
    /// `sudo` on the path or not.
    fn then<'t>(&self, table: &'t MountTable, sudo: bool) -> Result<&'t Mount, Fault> {
        if let Some(same) = table.by_id(self.id) {
            return Ok(same);
        }
        let alike =
            |mount: &&Mount| mount.engine().is_some_and(|engine| ptr::addr_eq(engine, self.engine));
        let old = table.at(self.path).ok_or_else(|| not_yet(self.path))?;
        let old = Some(old).filter(alike).ok_or_else(|| {
            Fault::bad_request(format!(
                "{} is of another type now than it was in the snapshot: move it away, and mount \
                 there what it was: {}",
                self.path,
                old.enabling()
            ))
        })?;
        if !sudo {
            return Err(Fault::bad_request(format!(
                "{} was mounted anew since the snapshot: to reach what was there before takes sudo \
                 on the path",
                self.path
            )));
        }
        Ok(old)
    }
}

/// Whether somebody of these rights who asked for it could read what lies `below` a mount of
/// another state of the store, as the mounts are at present.
pub fn may_read_there(
    acl: &Acl,
    present: &MountTable,
    (then, mount): (&MountTable, &Mount),
    below: &str,
) -> bool {
    let place = present.by_id(mount.id).unwrap_or(mount);
    let path = format!("{}{below}", place.path);
    let Some((now, _)) = present.resolve(&path) else { return false };
    let Some(engine) = now.engine() else { return false };
    let question = Question { capability: Capability::Read, path: &path, wrap_ttl: None };
    let nothing = Map::new();
    let asked = acl.check(&question, || Ok::<_, Infallible>(&nothing));
    let now = Present { id: now.id, path: &now.path, engine };
    asked.is_ok_and(|given| {
        let reached = given.allowed.then(|| now.then(then, given.sudo));
        reached.is_some_and(|reached| reached.is_ok_and(|reached| reached.id == mount.id))
    })
}

/// Whether somebody of these rights may read a setting, which may take `sudo`.
pub fn may_read_setting(acl: &Acl, path: &str, takes_sudo: bool) -> bool {
    let question = Question { capability: Capability::Read, path, wrap_ttl: None };
    let nothing = Map::new();
    let asked = acl.check(&question, || Ok::<_, Infallible>(&nothing));
    asked.is_ok_and(|given| given.allowed && (given.sudo || !takes_sudo))
}

/// Whether both are of the same route of the same engine.
fn are_alike(one: &Target<'_, '_>, other: &Target<'_, '_>) -> bool {
    match (one, other) {
        (Target::Builtin(one), Target::Builtin(other)) => {
            ptr::addr_eq(one.engine, other.engine) && one.found.id == other.found.id
        }
        (
            Target::Mounted { engine: one, found: Some(found), .. },
            Target::Mounted { engine: other, found: Some(same), .. },
        ) => ptr::addr_eq(*one, *other) && found.id == same.id,
        _ => false,
    }
}

/// Refuses who may not read what is brought back under another path; else what is given there.
fn may_read(asked: &Asked<'_>, path: &str) -> Result<Decision, Fault> {
    let sender = asked.sender.ok_or_else(Fault::denied)?;
    let question = Question { capability: Capability::Read, path, wrap_ttl: asked.ask.wrap_ttl };
    let given = sender.acl.check(&question, || Ok::<_, Fault>(asked.data))?;
    if given.allowed { Ok(given) } else { Err(Fault::refused()) }
}

/// Refuses to look in a snapshot for what is answered without the store.
pub fn refuse(ask: &Ask) -> Result<(), Fault> {
    match &ask.snapshot {
        Some(_) if ask.verb != Verb::Recover => Err(nothing_there()),
        _ => Ok(()),
    }
}

fn not_yet(path: &str) -> Fault {
    Fault::bad_request(format!("{path} was not mounted when the snapshot was taken"))
}

fn nothing_there() -> Fault {
    Fault::bad_request("no snapshot holds what is asked for: only what the store keeps is in one")
}
