//! `snapshot load`: a file, or an instant of a target, to be read beside the store of a server.

use argh::{ArgsInfo, FromArgs};
use serde_json::Value;

use super::instant::{AtInstant, Instant, parse};
use super::state::{Kind, State, warn_of, warn_of_end, warn_of_history};
use super::target::TARGETS;
use super::{file, instant};
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::progress::Progress;
use crate::cli::stop::{Exit, Stop};
use crate::client::{Call, Verb};

/// The command with all its options.
pub type Load = With<Own, AtInstant>;

/// Load a snapshot beside the store, to read single secrets in it and to bring them back.
///
/// It is a file, or the store as it was at any instant that a target of the server leads to:
/// NAME@2026-11-22T09:59:59Z, NAME@latest or NAME@4711 (a revision), and @TIMELINE behind it where
/// several histories are possible; or -target=NAME with -at or -revision. Nothing is replaced. The
/// id that is printed is what -snapshot-id of read, list, kv get, kv list and recover takes. The
/// snapshot is unloaded by itself after 72 hours, and when the server is sealed or stopped.
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// load an instant of this target
    #[argh(option, arg_name = "name")]
    target: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Load {
    const OPERANDS: &'static str = "[FILE | NAME@INSTANT]";
    const SHARED: Shared = Shared::Field;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let state = self.state()?;
        if cx.is_dry() {
            return cx.send(request(&state)?).map(|_| Exit::Done);
        }
        match load(cx, &state)? {
            Some(envelope) => envelope.print(cx),
            None => Err(Stop::Failed("Error loading the snapshot: the answer is empty".into())),
        }
    }
}

impl Load {
    fn state(&self) -> Result<State<'_>, Stop> {
        let Some(target) = &self.own.target else {
            if self.more.is_given() {
                let what = "-at, -revision and -timeline are for a target: name one with -target";
                return Err(Stop::Usage(what.into()));
            }
            return State::parse(file::name(&self.own.operands)?);
        };
        let at = match &self.own.operands[..] {
            [] => None,
            [one] if !self.more.is_given() => Some(parse(one)?),
            _ => return Err(instant::twice()),
        };
        let instant = Instant { target: target.clone(), wish: self.more.wish(at)? };
        Ok(State { text: target, kind: Kind::Instant(instant) })
    }
}

/// Has the server load a state; what it says of it.
pub fn load(cx: &mut Context, state: &State<'_>) -> Result<Option<Envelope>, Stop> {
    let call = request(state)?;
    let sent = match &state.kind {
        Kind::File(name) => {
            let (mut body, length) = file::open(name, "Loading")?;
            cx.client()?.upload(&call, length, &mut body)
        }
        _ => {
            let _waiting = Progress::waiting(&format!("Loading {}", state.text));
            cx.client()?.outlast(&call)
        }
    };
    let answer = sent.map_err(|error| Stop::from(error).about("Error loading the snapshot"))?;
    let envelope = Envelope::of(&answer);
    let data = envelope.as_ref().map_or(&Value::Null, |envelope| &envelope.data);
    warn_of(cx, &data["unusable"]);
    warn_of_end(cx, data);
    warn_of_history(cx, data);
    Ok(envelope)
}

/// The request that loads a state.
pub fn request(State { text: named, kind }: &State<'_>) -> Result<Call, Stop> {
    match kind {
        Kind::File(_) => Ok(Call::new(Verb::Post, "sys/storage/raft/snapshot-load")),
        Kind::Instant(instant) if !instant.is_of_folder() => {
            let path = format!("{TARGETS}/{}/load", instant.target);
            let body = Value::Object(instant::fields(&instant.wish));
            Ok(Call::new(Verb::Post, path).with_body(body))
        }
        Kind::Instant(_) => Err(Stop::Usage(format!(
            "{named} is of a folder, and a server knows its targets by name: snapshot status lists \
             them"
        ))),
        Kind::Now | Kind::Loaded(_) => {
            Err(Stop::Usage(format!("{named} is there already: name a file or NAME@INSTANT")))
        }
    }
}
