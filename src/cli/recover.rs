//! `recover`: what a loaded snapshot has, brought back.

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::envelope::Envelope;
use super::snapshot::lent::lend;
use super::snapshot::state::{Kind, State};
use super::stop::{Exit, Stop};
use super::{data, operands};
use crate::base::shell::word;
use crate::base::url;
use crate::client::{Call, Error, Verb};

/// By which a call names the snapshot that it recovers from.
pub const HEADER: &str = "X-Vault-Recover-Snapshot-Id";

/// Bring back what a loaded snapshot has.
///
/// What is at PATH now is replaced; of kv version 2, MOUNT/data/KEY makes a new version of the one
/// of then, and MOUNT/metadata/KEY brings back the key with all its versions. Load a snapshot with
/// "operator raft snapshot load". K=V pairs are sent as query parameters: version=3.
#[derive(FromArgs, ArgsInfo)]
pub struct Recover {
    /// id of the loaded snapshot; or NAME@INSTANT of a target, which is loaded for it, and unloaded
    /// again
    #[argh(option, arg_name = "string")]
    snapshot_id: Option<String>,
    /// path that it had in the snapshot, where that is another
    #[argh(option, arg_name = "string")]
    from: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Recover {
    const OPERANDS: &'static str = "PATH";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let (path, pairs) = operands::first(&self.operands, "1")?;
        let path = operands::path(path);
        let id = self.snapshot_id.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Stop::Usage("Must provide a snapshot ID".into()))?;
        in_one(cx, id, |cx, id| self.recover(cx, &path, pairs, id))
    }
}

impl Recover {
    fn recover(
        &self,
        cx: &mut Context,
        path: &str,
        pairs: &[String],
        id: &str,
    ) -> Result<Exit, Stop> {
        let mut call = Call::new(Verb::Put, path);
        call.query = data::query(pairs)?;
        // A Vault that is older than the header reads the parameter.
        call = call.with_query("recover_snapshot_id", id).with_header(HEADER, id);
        if let Some(from) = self.from.as_deref().map(operands::path) {
            cx.also_needs(&Call::get(&*from));
            let mut path = String::new();
            url::encode_header(&from, &mut path);
            call = call.with_header("X-Vault-Recover-Source-Path", path);
        }
        let doing = format!("Error recovering {path}");
        let answer = cx.send(call).map_err(|stop| {
            let stop = stop.about(&doing);
            let advice = stop.says(UNSUPPORTED).then(|| self.by_hand(cx, path, id, &stop));
            match advice.flatten() {
                Some(advice) => stop.with(&advice),
                None => stop,
            }
        })?;
        let envelope = Envelope::of(&answer);
        // Warnings alone do not say that it was done.
        if envelope.as_ref().is_none_or(|envelope| envelope.data.is_null() && cx.field.is_none()) {
            cx.done(&format!("Data recovered at: {path}"))?;
        }
        envelope.map_or(Ok(Exit::Done), |envelope| envelope.print(cx))
    }

    /// What helps where the server brings nothing back: what it can show of then is asked for
    /// first. `None` where it said itself what helps.
    fn by_hand(&self, cx: &mut Context, path: &str, id: &str, stop: &Stop) -> Option<String> {
        let from = self.from.as_deref().map_or_else(|| path.to_owned(), operands::path);
        // `None` where that cannot be told.
        let mut shows = |call: Call| match cx.client().ok()?.call(&in_snapshot(call, id)) {
            Ok(_) => Some(true),
            Err(Error::Refused(refusal)) if matches!(refusal.status, 400 | 404 | 405) => {
                Some(false)
            }
            Err(_) => None,
        };
        let command = |verb: &str| {
            let named = self.snapshot_id.as_deref().unwrap_or_default();
            format!("`edgekeep {verb} -snapshot-id={} {}`", word(named), word(&from))
        };
        let read = shows(Call::get(&*from));
        if read == Some(true) {
            return Some(format!("It is read as it was: {}", command("read")));
        }
        let listed = shows(Call::list(&*from));
        if listed == Some(true) {
            return Some(format!("What there was is listed: {}", command("list")));
        }
        let is_told = matches!(stop, Stop::Call(_, Error::Refused(refusal)) if
            refusal.errors.as_ref().is_some_and(|errors| errors.len() > 1));
        let instead = match from.starts_with("auth/token/") {
            true => {
                "Tokens are not brought back: `edgekeep token create` makes a new one".to_owned()
            }
            false if read.is_none() => {
                format!("Who may read it sees whether it was there: {}", command("read"))
            }
            false if listed.is_none() => {
                format!("Who may list it sees whether it was there: {}", command("list"))
            }
            false => "The snapshot shows nothing there, either: make it anew".to_owned(),
        };
        (!is_told).then_some(instead)
    }
}

fn in_snapshot(call: Call, id: &str) -> Call {
    call.with_query("read_snapshot_id", id)
}

/// How a server says that something is not brought back.
const UNSUPPORTED: &str = "unsupported operation";

/// Snapshot Options
#[derive(FromArgs, ArgsInfo)]
pub struct InSnapshot {
    /// id of a loaded snapshot to look in, instead of the present store; or NAME@INSTANT of a
    /// target, which is loaded for it, and unloaded again
    #[argh(option, arg_name = "string")]
    snapshot_id: Option<String>,
}

impl InSnapshot {
    /// What a call finds: in the snapshot, where one is named.
    pub fn fetch(&self, cx: &mut Context, call: Call) -> Result<Option<Envelope>, Stop> {
        let Some(id) = self.snapshot_id.as_deref() else { return cx.fetch(call) };
        // Whoever gives an empty one would else be shown the present, and take it for the past.
        if id.is_empty() {
            return Err(Stop::Usage("-snapshot-id is empty: it names a loaded snapshot".into()));
        }
        in_one(cx, id, |cx, id| cx.fetch(call.with_query("read_snapshot_id", id)))
    }
}

/// Does `job` with the id by which the server has what `-snapshot-id` names.
fn in_one<T: Send>(
    cx: &mut Context,
    named: &str,
    job: impl FnOnce(&mut Context, &str) -> Result<T, Stop> + Send,
) -> Result<T, Stop> {
    let state = State::parse(named)?;
    if !matches!(state.kind, Kind::Instant(_)) {
        return job(cx, named);
    }
    lend(cx, &[state], |cx, ids| job(cx, ids[0].as_deref().unwrap_or_default()))
}
