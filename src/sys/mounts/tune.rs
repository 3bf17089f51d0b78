//! What can be set of a mount: read and changed.

use super::fields::{DESCRIPTION, OPTIONS, PATH, TOKEN_TYPE};
use super::table::{TOKEN, is_fixed};
use super::{Mounts, Table, config, lockout, shown};
use crate::api::call::SystemCall;
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::engines::kv2;
use crate::mount::table::Mount;

/// The option that says which engine a kv mount is.
const VERSION: &str = "version";

/// Reads it. A path inside a mount names it too.
pub fn read(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = table.path(call.fields.need(&PATH)?);
    let all = mounts.store.read(call.txn)?;
    let none = || Fault::bad_request(format!("cannot fetch sysview for path {path:?}"));
    let (mount, _) = all.resolve(&path).ok_or_else(none)?;
    Ok(Reply::data_at_top(shown::tuning(mount, mounts.ttls)))
}

/// Changes what was sent, all of it or nothing.
pub fn write(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let mut mount = tuned(table, mounts, call)?;
    if call.fields.get(&TOKEN_TYPE).is_some() {
        refuse_token_type(&mount)?;
    }
    config::tune(&mut mount.config, call.fields)?;
    lockout::set(&mut mount, call.fields)?;
    if let Some(description) = call.fields.get(&DESCRIPTION) {
        mount.description.clone_from(description);
    }
    let mut reply = Reply::nothing();
    for (name, text) in call.fields.get(&OPTIONS).into_iter().flatten().flatten() {
        let options = mount.options.get_or_insert_default();
        if name == VERSION {
            let (before, after) = change_version(call.txn, &mut mount, text)?;
            if before != after {
                reply = reply.warn(format!(
                    "Upgrading mount from version {before} to version {after}. This mount will be \
                     unavailable for a brief period and will resume service shortly."
                ));
            }
        } else if text.is_empty() {
            options.remove(name);
        } else {
            options.insert(name.clone(), text.clone());
        }
    }
    mounts.save(call.txn, mount)?;
    Ok(lockout::warning(call.fields).into_iter().fold(reply, Reply::warn))
}

/// Sets what was set of a mount then, which may have been moved since, or of the one that was at
/// its path. The version of a kv mount, which only goes up, stays.
pub fn recover(
    table: Table,
    mounts: &Mounts,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let mut mount = tuned(table, mounts, call)?;
    let path = table.path(then.fields.need(&PATH)?);
    let is_itself = call.fields.need(&PATH)? == then.fields.need(&PATH)?;
    let all = mounts.store.read(then.txn)?;
    let same = all.by_id(mount.id).filter(|_| is_itself);
    let old = same.or_else(|| all.resolve(&path).map(|(old, _)| old));
    let old = old.ok_or_else(Fault::not_in_snapshot)?;
    if old.kind != mount.kind {
        let (then, now) = (&old.kind, &mount.kind);
        return Err(Fault::bad_request(format!("{path} was of type {then}, and is of type {now}")));
    }
    let mut options = old.options.clone().unwrap_or_default();
    options.remove(VERSION);
    options.extend(mount.option(VERSION).map(|version| (VERSION.to_owned(), version.to_owned())));
    mount.options = (!options.is_empty()).then_some(options);
    mount.config = old.config.clone();
    mount.description.clone_from(&old.description);
    mounts.save(call.txn, mount)?;
    Ok(Reply::nothing())
}

/// The mount that a change is of.
fn tuned(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Result<Mount, Fault> {
    let path = table.path(call.fields.need(&PATH)?);
    if is_fixed(&path) {
        return Err(Fault::bad_request(format!("cannot tune {path:?}")));
    }
    let all = mounts.store.read(call.txn)?;
    let none = || format!("tune of path {path:?} failed: no mount entry found");
    let (mount, _) = all.resolve(&path).ok_or_else(|| Fault::bad_request(none()))?;
    Ok(mount.clone())
}

fn refuse_token_type(mount: &Mount) -> Result<(), Fault> {
    if !mount.is_auth() {
        let text = "'token_type' can only be modified on auth mounts";
        return Err(Fault::bad_request(text));
    }
    if mount.path == TOKEN {
        let text = "'token_type' cannot be set for 'token' or 'ns_token' auth mounts";
        return Err(Fault::bad_request(text));
    }
    Ok(())
}

/// Sets the version of a kv mount, which only goes up. Returns the one before and the new one.
fn change_version(txn: &mut Txn, mount: &mut Mount, text: &str) -> Result<(i64, i64), Fault> {
    let before = mount.option(VERSION).and_then(|text| text.parse().ok()).unwrap_or(0);
    let after = wanted_version(text, before)?;
    if mount.kind != "kv" && after != before {
        let text = format!("a mount of type {:?} has no versions", mount.kind);
        return Err(Fault::bad_request(text));
    }
    if after == 2 && before < 2 {
        kv2::upgrade(&mut txn.scope(mount.id))?;
    }
    // Engines are found by this text, however the number was written.
    let options = mount.options.get_or_insert_default();
    options.insert(VERSION.to_owned(), after.to_string());
    Ok((before, after))
}

fn wanted_version(text: &str, before: i64) -> Result<i64, Fault> {
    let wanted = match text {
        "" => 0,
        text => golang::parse_int(text)
            .map_err(|error| Fault::bad_request(format!("unable to parse options: {error}")))?,
    };
    if !(1..=2).contains(&wanted) {
        return Err(Fault::bad_request(format!("invalid version provided: {wanted}")));
    }
    if wanted < before {
        return Err(Fault::bad_request(format!("cannot downgrade mount from version {before}")));
    }
    Ok(wanted)
}
