//! Mounting and unmounting.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fields::{
    CONFIG, DESCRIPTION, EXTERNAL_ENTROPY, LOCAL, OPTIONS, PATH, PLUGIN_NAME, SEAL_WRAP,
    TOKEN_TYPE, TYPE,
};
use super::table::{TOKEN, can_be_reached, is_reserved};
use super::{Mounts, Table, config, lockout};
use crate::api::call::SystemCall;
use crate::api::effect::Effect;
use crate::api::field::{Field, Fields};
use crate::api::reply::Reply;
use crate::api::route::Outcome;
use crate::barrier::journal::record::Mark;
use crate::base::fault::Fault;
use crate::mount::gone::gone;
use crate::mount::purge;
use crate::mount::table::Mount;

/// The types that are mounted once, by the server itself.
const SINGLETONS: [&str; 4] = ["cubbyhole", "identity", "system", "token"];

/// Mounts an engine or enables an auth method.
pub fn enable(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let sent = config::fields(call.fields.get(&CONFIG).flatten())?;
    let mount = mounts.wanted(table, call.fields, &sent)?;
    refuse_place(table, &mount.path)?;
    if table == Table::Secrets && SINGLETONS.contains(&mount.kind.as_str()) {
        let text = format!("mount type of {:?} is not mountable", mount.kind);
        return Err(Fault::bad_request(text));
    }
    if let Some(other) = mounts.store.read(call.txn)?.conflict(&mount.path) {
        let text = format!("path is already in use at {}", other.listed_path());
        return Err(Fault::bad_request(text));
    }
    if table == Table::Auth && mount.kind == "token" {
        return Err(Fault::bad_request("token credential backend cannot be instantiated"));
    }
    if mount.engine().is_none() {
        let kind = &mount.kind;
        return Err(Fault::bad_request(match mount.option("version") {
            Some(_) => format!("nil backend of type {kind:?} returned from factory"),
            None => format!("plugin not found in the catalog: {kind}"),
        }));
    }
    mounts.save(call.txn, mount)?;
    Ok(lockout::warning(&sent).into_iter().fold(Reply::nothing(), Reply::warn))
}

/// Unmounts what is at exactly a path. Its data, leases and tokens go with it.
pub fn disable(table: Table, mounts: &Mounts, call: &mut SystemCall<'_>) -> Outcome {
    let path = table.path(call.fields.need(&PATH)?);
    match table {
        Table::Secrets if is_reserved(&path) => {
            return Err(Fault::bad_request(format!("cannot unmount {path:?}")));
        }
        Table::Auth if path == TOKEN => {
            return Err(Fault::bad_request("token credential backend cannot be disabled"));
        }
        _ => {}
    }
    let mut reply = Reply::nothing();
    if let Some(mount) = mounts.store.read(call.txn)?.at(&path) {
        match call.done.and_then(|done| done.get::<Option<String>>()) {
            Some(kept) => reply = kept.iter().fold(reply, Reply::warn),
            None if mounts.undo.acts(call.txn.unsealed()) => {
                let unsealed = Arc::clone(call.txn.unsealed());
                let undo = mounts.undo.clone();
                let keep = move || Ok(undo.before(&unsealed, Mark::Disable));
                return Ok(Reply::after(Effect::new(keep)));
            }
            None => {}
        }
        mounts.store.remove(call.txn, mount.id)?;
        purge::note(call.txn, mount.id)?;
        gone(call.txn, mount)?;
        mounts.quotas.mount_moved(call.txn, &path, None)?;
    }
    Ok(reply)
}

impl Mounts {
    /// The mount that is asked for.
    fn wanted(&self, table: Table, fields: &Fields<'_>, sent: &Fields<'_>) -> Result<Mount, Fault> {
        if table == Table::Secrets && sent.get(&TOKEN_TYPE).is_some_and(|sent| !sent.is_empty()) {
            let text = "'token_type' can only be set on auth mounts";
            return Err(Fault::bad_request(text));
        }
        let config = config::of_new(sent, self.ttls)?;
        let text = |field| fields.get(field).map_or("", String::as_str);
        let kind = match text(&TYPE) {
            "" => return Err(Fault::bad_request("backend type must be specified as a string")),
            "plugin" => {
                let names = [sent.get(&PLUGIN_NAME), fields.get(&PLUGIN_NAME)];
                let name = names.into_iter().flatten().find(|name| !name.is_empty());
                let none = || Fault::bad_request("plugin_name must be provided for plugin backend");
                name.ok_or_else(none)?
            }
            kind => kind,
        };
        let mut options = match fields.get(&OPTIONS) {
            None => Some(BTreeMap::new()),
            Some(sent) => sent.clone(),
        };
        let kind = match (table, kind) {
            // Vault's short names for kv with a version.
            (Table::Secrets, "kv-v1" | "kv-v2") => {
                let version = kind.trim_start_matches("kv-v").to_owned();
                options.get_or_insert_default().insert("version".to_owned(), version);
                "kv"
            }
            _ => kind,
        };
        let version = options.as_ref().and_then(|options| options.get("version"));
        if (table, kind) != (Table::Secrets, "kv") && version.is_some_and(|v| !v.is_empty()) {
            let what = match table {
                Table::Secrets => "secrets engine",
                Table::Auth => "auth method",
            };
            let text = format!("{what} {kind:?} does not allow setting a version");
            return Err(Fault::bad_request(text));
        }
        let path = table.path(fields.need(&PATH)?);
        let mut mount = Mount::new(&path, kind, text(&DESCRIPTION), &*self.entropy);
        let flag = |field: &Field<bool>| fields.get(field).copied().unwrap_or_default();
        mount.options = options;
        mount.local = flag(&LOCAL);
        mount.seal_wrap = flag(&SEAL_WRAP);
        mount.external_entropy_access = flag(&EXTERNAL_ENTROPY);
        mount.config = config;
        lockout::set(&mut mount, sent)?;
        if table == Table::Auth {
            // Vault takes it for secrets engines only.
            mount.config.force_no_cache = false;
        }
        Ok(mount)
    }
}

fn refuse_place(table: Table, path: &str) -> Result<(), Fault> {
    if table == Table::Secrets && is_reserved(path) || !can_be_reached(path) {
        return Err(Fault::bad_request(format!("cannot mount {path:?}")));
    }
    Ok(())
}
