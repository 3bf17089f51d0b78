//! Moving a mount. It is done once it is answered; what clients poll for tells them so.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mounts;
use super::fields::{FROM, MIGRATION, TO};
use super::table::{TOKEN, can_be_reached, is_reserved, whole};
use crate::api::call::SystemCall;
use crate::api::field::Field;
use crate::api::reply::{Reply, object};
use crate::api::route::Outcome;
use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::clock::Timestamp;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::record::Record;
use crate::base::url;
use crate::mount::gone::gone;
use crate::mount::table::AUTH;

/// Where the moves lie in the system's part of the store, each under its id.
const FOLDER: &str = "core/remount";
/// How many moves are remembered.
const REMEMBERED: usize = 64;

/// A move that was made.
#[derive(Serialize, Deserialize)]
struct Move {
    from: String,
    to: String,
    at: Timestamp,
}

impl Record for Move {
    const VERSION: u8 = 1;
}

/// Moves a mount.
pub fn start(mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let text = |field: &Field<String>| call.fields.get(field).map_or("", String::as_str);
    let (from, to) = (text(&FROM), text(&TO));
    if from.is_empty() || to.is_empty() {
        let text = "both 'from' and 'to' path must be specified as a string";
        return Err(Fault::bad_request(text));
    }
    let (from, to) = (whole(from), whole(to));
    refuse_destination(&to)?;
    refuse_protected(&from, &to)?;
    let all = mounts.store.read(call.txn)?;
    let none = || Fault::bad_request(format!("no matching mount at {from:?}"));
    let mount = all.at(&from).ok_or_else(none)?;
    if let Some(other) = all.conflict(&to) {
        return Err(Fault::bad_request(format!("path already in use at {:?}", other.path)));
    }
    gone(call.txn, mount)?;
    mounts.quotas.mount_moved(call.txn, &from, Some(&to))?;
    mounts.save(call.txn, mount.moved(to.clone(), &*mounts.entropy))?;
    let id = mounts.entropy.uuid();
    let said = format!("{from} was moved to {to}, migration_id {id}");
    remember(call.txn, &id, from, to)?;
    call.txn.after_commit(move || log::info!("{said}"));
    let reply = Reply::data_at_top(object([("migration_id", Value::from(id))]));
    Ok(reply.warn(
        "Mount move has been queued. Progress will be reported in Vault's server log, tagged with \
         the returned migration_id",
    ))
}

/// Tells how a move went.
pub fn status(_: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let id = call.fields.need(&MIGRATION)?;
    let made: Option<Move> = call.txn.scope(MountId::SYSTEM).read(&place(id))?;
    let Move { from, to, .. } = made.ok_or_else(Fault::not_found)?;
    let info = json!({ "source_mount": from, "target_mount": to, "status": "success" });
    Ok(Reply::data(object([("migration_id", id.clone().into()), ("migration_info", info)])))
}

fn refuse_destination(to: &str) -> Result<(), Fault> {
    let refuse = |why: String| Fault::bad_request(format!("invalid destination mount: {why}"));
    let clean = url::clean(to).join("/") + "/";
    if to != clean {
        return Err(refuse(format!("path '{to}' does not match cleaned path '{clean}'")));
    }
    if !to.chars().all(golang::is_printable) {
        return Err(refuse("path cannot contain non-printable characters".to_owned()));
    }
    if to.trim_end_matches('/').trim() != to.trim_end_matches('/') {
        return Err(Fault::bad_request("'to' path cannot contain trailing whitespace"));
    }
    if !can_be_reached(to) {
        return Err(refuse(format!("no request would arrive at '{to}'")));
    }
    Ok(())
}

/// What is the server's own stays where it is, and auth methods stay among themselves.
fn refuse_protected(from: &str, to: &str) -> Result<(), Fault> {
    let text = if from.starts_with(AUTH) {
        if !to.starts_with(AUTH) {
            format!("cannot remount auth mount to non-auth mount {to:?}")
        } else if from.starts_with(TOKEN) {
            format!("cannot remount {from:?}")
        } else if to.starts_with(TOKEN) || to == AUTH {
            format!("cannot remount to destination {to:?}")
        } else {
            return Ok(());
        }
    } else if is_reserved(from) {
        format!("cannot remount {from:?}")
    } else if is_reserved(to) {
        format!("cannot remount to destination {to}")
    } else {
        return Ok(());
    };
    Err(Fault::bad_request(text))
}

/// Keeps a move, and forgets the oldest when there are too many.
fn remember(txn: &mut Txn, id: &str, from: String, to: String) -> Result<(), TxnError> {
    let made = Move { from, to, at: txn.now() };
    let mut system = txn.scope(MountId::SYSTEM);
    let mut kept = Vec::new();
    for id in system.list(FOLDER)? {
        let at = system.read::<Move>(&place(&id))?.map(|made| made.at);
        kept.push((at, id));
    }
    kept.sort_unstable();
    let too_many = (kept.len() + 1).saturating_sub(REMEMBERED);
    for (_, id) in kept.iter().take(too_many) {
        system.delete(&place(id))?;
    }
    system.write(&place(id), &made)
}

fn place(id: &str) -> String {
    format!("{FOLDER}/{id}")
}
