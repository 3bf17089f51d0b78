//! `snapshot read`: one secret as it was then, without a server.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use serde_json::{Map, Value};

use super::instant::{self, AtInstant, Instant};
use super::keys::{self, Opener};
use super::state::{Kind, Offline, State, receive};
use super::{file, versions};
use crate::barrier::past::Past;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::kv::get;
use crate::cli::kv::place::Below;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::node::opened;
use crate::pipeline::alone;
use crate::snapshot::rewind::plan::At;

const INSTEAD: &str = "Pipe them in, one a line, with a - for each after PATH";

/// The command with all its options.
pub type Read = With<Own, With<Offline, With<AtInstant, Below>>>;

/// Read one secret in a snapshot, without a server.
///
/// It is a file, or the store as it was at any instant that a target leads to: its folder or, with
/// the -config that declares it, its name, and -at or -revision, or NAME@INSTANT[@TIMELINE]; the
/// last instant without. That takes unseal keys, as many as the threshold says. Without KEY they
/// are asked for, and not shown: the safest way; "-" reads one from a line of stdin. PATH is that
/// of "kv get"; of other engines and auth methods, that of "read".
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// version to read, of kv version 2; the latest without it
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    version: Option<i64>,
    /// read all versions that are there, of kv version 2
    #[argh(switch)]
    all_versions: bool,
    /// print only this field, without anything around it
    #[argh(option, arg_name = "string")]
    field: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Read {
    const OPERANDS: &'static str = "FILE-OR-TARGET PATH [KEY...]";
    const SHARED: Shared = Shared::Output;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [name, path, given @ ..] = self.own.operands.as_slice() else {
            return Err(operands::wrong("Not enough", "at least 2", self.own.operands.len()));
        };
        if self.own.all_versions && (self.own.version.is_some() || self.own.field.is_some()) {
            let what = "-all-versions goes without -version and -field";
            return Err(Stop::Usage(what.into()));
        }
        let With { own: offline, more: With { more: Below { mount }, .. } } = &self.more;
        let path = match mount.as_deref().map(operands::path) {
            Some(mount) => format!("{mount}/{}", operands::path(path)),
            None => operands::path(path),
        };
        let sealed = receive(cx, &self.state(name)?, &offline.finding())?;
        let opener = Opener { given, config: &offline.config, instead: INSTEAD };
        let past = keys::open(cx, name, &sealed, opener)?;
        let mounts = opened::mounts();
        let place = past.look(|txn| alone::place(&mounts, txn, &path)).map_err(failed)?;
        if self.own.all_versions {
            return versions::print(cx, &past, &place);
        }
        cx.field = self.own.field;
        let version = self.own.version.filter(|version| *version > 0);
        let found = read(&past, &place.path, version)?;
        get::print(cx, &place.path, place.metadata.is_some(), found.and_then(Envelope::of_data))
    }
}

impl Read {
    /// The state that is meant.
    fn state<'a>(&self, name: &'a str) -> Result<State<'a>, Stop> {
        let asked = self.more.more.own.is_given();
        if !Path::new(name).is_dir() {
            let state = State::parse(name)?;
            let is_instant = matches!(state.kind, Kind::Instant(_));
            if asked && is_instant {
                return Err(instant::twice());
            }
            let is_file = !asked && (self.more.own.config.is_empty() || file::is_there(name));
            if is_file || is_instant {
                return Ok(state);
            }
        }
        let wish = self.more.more.own.wish(Some(At::Latest))?;
        let instant = Instant { target: name.to_owned(), wish };
        Ok(State { text: name, kind: Kind::Instant(instant) })
    }
}

/// What a read of `path` answers; `None` where nothing is there.
pub fn read(past: &Past, path: &str, version: Option<i64>) -> Result<Option<Value>, Stop> {
    let mut query = Map::new();
    query.extend(version.map(|version| ("version".to_owned(), version.into())));
    let mounts = opened::mounts();
    let reply = past.look(|txn| alone::read(&mounts, txn, path, &query));
    match reply {
        Ok(reply) => Ok(Some(alone::data(reply))),
        Err(fault) if fault.status == 404 && fault.errors.is_empty() => Ok(None),
        Err(fault) => Err(failed(fault)),
    }
}

fn failed(fault: Fault) -> Stop {
    Stop::Failed(fault.errors.join("; ").trim().to_owned())
}
