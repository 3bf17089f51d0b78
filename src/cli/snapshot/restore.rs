//! `snapshot restore`: a file, or an instant of a target, into a server or a folder.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::file;
use crate::base::ttl::Ttl;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::format::Format;
use crate::cli::stop::{Exit, Stop};
use crate::cli::values::parse_ttl;
use crate::client::{Call, Verb};
use crate::node::offline;

/// What a store of other keys means for who put it there.
const SEALED: &str = "
The server now holds the store of the snapshot, with its keys and tokens, and is sealed.
Unseal it with the unseal keys of that store:

    edgekeep operator unseal

Then go on with a token of that store: the one you used is not known in it.";

const INSTALLING: &str = "Error installing the snapshot";

const NOT_READY: &str = "\
A server takes a snapshot while it is unsealed, and from whom it knows: initialize and unseal it
first (edgekeep operator init, edgekeep operator unseal). Where its keys are lost, or the snapshot
is to replace a store that does not open: stop it, and restore into the folder of its store, which
needs no keys (-into=FOLDER, or edgekeep restore -config=FILE -force).";

/// Restore a store from a snapshot, or as it was at any instant that a target leads to.
///
/// Everything is checked before anything is replaced. With -into no server is asked: the store in
/// that folder, which no server may have open, is made, or replaced with -force. With -target there
/// is no FILE: -at or -revision tells the instant.
#[derive(FromArgs, ArgsInfo)]
pub struct Restore {
    /// restore a snapshot of other unseal keys too, and over any store: those keys are then needed
    #[argh(switch)]
    pub(super) force: bool,
    /// folder of a store (the path of storage "redb") to restore into, without a server
    #[argh(option, arg_name = "folder")]
    pub(super) into: Option<String>,
    /// restore from this target: its name, or with -into the path of its folder
    #[argh(option, arg_name = "name")]
    target: Option<String>,
    /// the instant: latest, or a time such as 2026-11-22T09:59:59Z, of which the last commit at it
    /// or before it is meant
    #[argh(option, arg_name = "time")]
    pub(super) at: Option<String>,
    /// the instant by its commit
    #[argh(option, arg_name = "number")]
    pub(super) revision: Option<u64>,
    /// the history, where several are possible
    #[argh(option, arg_name = "timeline")]
    pub(super) timeline: Option<String>,
    /// the id of the store, where the target holds several or it is not the server's
    #[argh(option, arg_name = "uuid")]
    pub(super) store: Option<String>,
    /// get and check everything, tell what would be, and replace nothing
    #[argh(switch)]
    pub(super) dry_run: bool,
    /// revoke the tokens that come back by the restore
    #[argh(switch)]
    pub(super) revoke_tokens: bool,
    /// wait so long for a stick that is not there; until it comes by default
    #[argh(option, arg_name = "duration", from_str_fn(parse_ttl))]
    pub(super) wait: Option<Ttl>,
    /// with -into: a configuration of the server, in which the target stands; may be repeated
    #[argh(option, arg_name = "file")]
    pub(super) config: Vec<String>,
    #[argh(positional)]
    pub(super) operands: Vec<String>,
}

impl Command for Restore {
    const OPERANDS: &'static str = "[FILE]";
    const SHARED: Shared = Shared::Format;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if self.into.as_deref() == Some("") {
            return Err(Stop::Usage(
                "-into is empty: name the folder of a store (is a variable of the shell not set?)"
                    .into(),
            ));
        }
        if let Some(target) = &self.target {
            return self.rewind(cx, target);
        }
        self.must_name_no_instant()?;
        let name = file::name(&self.operands)?;
        match self.into.as_deref() {
            Some(folder) => self.restore_into(cx, name, folder),
            None => self.send(cx, name),
        }
    }
}

/// A sealed server takes nothing, as nobody can show it that he may replace its store: what helps.
pub(super) fn refused(stop: Stop, doing: &str) -> Stop {
    let sealed = ["is sealed", "is not initialized"].iter().any(|text| stop.says(text));
    // A standby says what to do with it.
    let sealed = sealed && !stop.says("is a standby");
    let stop = stop.about(doing);
    if sealed { stop.with(NOT_READY) } else { stop }
}

impl Restore {
    /// What only a target can do.
    fn must_name_no_instant(&self) -> Result<(), Stop> {
        let given = [
            ("-at", self.at.is_some()),
            ("-revision", self.revision.is_some()),
            ("-timeline", self.timeline.is_some()),
            ("-store", self.store.is_some()),
            ("-dry-run", self.dry_run),
            ("-config", !self.config.is_empty()),
            ("-wait", self.wait.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(Stop::Usage(format!("{name} is for a target: name one with -target")))
            }
            None => Ok(()),
        }
    }

    fn send(&self, cx: &mut Context, name: &str) -> Result<Exit, Stop> {
        let to = if self.force { "snapshot-force" } else { "snapshot" };
        let mut call = Call::new(Verb::Post, format!("sys/storage/raft/{to}"));
        if self.revoke_tokens {
            call = call.with_query("revoke_tokens", "true");
        }
        if cx.is_dry() {
            let shown = cx.send(call);
            return shown.map(|_| Exit::Done);
        }
        let (mut body, length) = file::open(name, "Restoring")?;
        let sent = cx.client()?.upload(&call, length, &mut body);
        drop(body);
        let answer = sent.map_err(|error| refused(error.into(), INSTALLING))?;
        let data = &answer.body["data"];
        let sealed = match data["sealed"].as_bool() {
            Some(sealed) => sealed,
            // Vault's server tells nothing.
            None => self.force && is_sealed(cx)?,
        };
        if cx.format != Format::Table {
            let mut told = data.as_object().cloned().unwrap_or_default();
            told.insert("restored".into(), true.into());
            told.insert("sealed".into(), sealed.into());
            told.insert("warnings".into(), answer.body["warnings"].clone());
            cx.say_value(&Value::Object(told))?;
            return Ok(Exit::Done);
        }
        if let Some(answer) = Envelope::of(&answer) {
            answer.warn(cx);
        }
        cx.say("Success! Restored the snapshot")?;
        self.say_returning(cx, data)?;
        if sealed {
            cx.say(SEALED)?;
        }
        Ok(Exit::Done)
    }

    /// Says what came back, or would; Vault's server tells nothing of that.
    pub(super) fn say_returning(&self, cx: &mut Context, data: &Value) -> Result<(), Stop> {
        let (tokens, leases) = (&data["returning_tokens"], &data["returning_leases"]);
        let any = [tokens, leases].iter().any(|count| count.as_u64().is_some_and(|n| n != 0));
        if any || self.dry_run && !tokens.is_null() {
            let come = if self.dry_run { "would come back" } else { "came back" };
            cx.say(&format!(
                "Tokens that {come} and were not in the store (revoked, ended, or made in what it \
                 had left): {tokens}; leases: {leases}"
            ))?;
        }
        let revoked = &data["revoked_tokens"];
        match revoked.as_u64() {
            None => {}
            Some(0) => cx.say(
                "No token was revoked: none that came back was revoked in the store that was \
                 replaced. What a restore without -revoke-tokens brought back before lives on: \
                 revoke it by `edgekeep token revoke`",
            )?,
            Some(revoked) => cx.say(&format!("Of these tokens {revoked} were revoked"))?,
        }
        Ok(())
    }

    /// Refuses what takes a running server.
    pub(super) fn must_revoke_nothing(&self) -> Result<(), Stop> {
        match self.revoke_tokens {
            true => Err(Stop::Usage(
                "-revoke-tokens needs a running server: without one nobody knows which tokens were \
                 revoked"
                    .into(),
            )),
            false => Ok(()),
        }
    }

    fn restore_into(&self, cx: &mut Context, name: &str, folder: &str) -> Result<Exit, Stop> {
        self.must_revoke_nothing()?;
        let (content, _) = file::open(name, "Restoring")?;
        let restored = offline::restore(content, Path::new(folder), self.force);
        let meta = restored.map_err(|e| Stop::Failed(format!("Error restoring {name}: {e}")))?;
        if cx.format != Format::Table {
            let mut told = meta.about.told();
            for name in ["restored", "sealed"] {
                told.insert(name.into(), true.into());
            }
            cx.say_value(&Value::Object(told))?;
            return Ok(Exit::Done);
        }
        let (entries, revision) = (meta.about.entries, meta.about.revision);
        cx.say(&format!(
            "Success! Restored {entries} entries at revision {revision} into {folder}; a server \
             there is sealed, and begins a new timeline when it is unsealed"
        ))?;
        Ok(Exit::Done)
    }
}

/// Whether the server is, as far as it tells.
fn is_sealed(cx: &mut Context) -> Result<bool, Stop> {
    let status = cx.client()?.call(&Call::get("sys/seal-status"));
    Ok(status.is_ok_and(|answer| answer.body["sealed"] == true))
}
