//! `snapshot read`: one secret out of a file, without a server.

use argh::{ArgsInfo, FromArgs};
use serde_json::Map;

use super::{file, keys};
use crate::base::fault::Fault;
use crate::base::golang;
use crate::cli::command::{Command, Shared, With};
use crate::cli::context::Context;
use crate::cli::envelope::Envelope;
use crate::cli::kv::get;
use crate::cli::kv::place::Below;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::node::opened::{self, Sealed};
use crate::pipeline::alone;

const INSTEAD: &str = "Pipe them in, one a line, with a - for each after PATH";

/// The command with all its options.
pub type Read = With<Own, Below>;

/// Read one secret in a snapshot's file, without a server.
///
/// That takes unseal keys, as many as the threshold says. Without KEY they are asked for, and not
/// shown: the safest way; "-" reads one from a line of stdin. PATH is that of "kv get"; of other
/// engines and auth methods, that of "read".
#[derive(FromArgs, ArgsInfo)]
pub struct Own {
    /// version to read, of kv version 2; the latest without it
    #[argh(option, arg_name = "int", from_str_fn(golang::parse_int))]
    version: Option<i64>,
    /// print only this field, without anything around it
    #[argh(option, arg_name = "string")]
    field: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Read {
    const OPERANDS: &'static str = "FILE PATH [KEY...]";
    const SHARED: Shared = Shared::Output;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let [name, path, given @ ..] = self.own.operands.as_slice() else {
            return Err(operands::wrong("Not enough", "at least 2", self.own.operands.len()));
        };
        let path = match self.more.mount.as_deref().map(operands::path) {
            Some(mount) => format!("{mount}/{}", operands::path(path)),
            None => operands::path(path),
        };
        let (content, _) = file::open(name, "Reading")?;
        let sealed = Sealed::receive(content).map_err(|e| Stop::Failed(format!("{name}: {e}")))?;
        let past = keys::open(cx, name, &sealed, given, INSTEAD)?;
        cx.field = self.own.field;
        let mut query = Map::new();
        if let Some(version) = self.own.version.filter(|version| *version > 0) {
            query.insert("version".to_owned(), version.into());
        }
        let mounts = opened::mounts();
        let (place, reply) = past
            .look(|txn| {
                let place = alone::place(&mounts, txn, &path)?;
                Ok::<_, Fault>((place.clone(), alone::read(&mounts, txn, &place.path, &query)))
            })
            .map_err(failed)?;
        let found = match reply {
            Ok(reply) => Envelope::of_data(alone::data(reply)),
            Err(fault) if fault.status == 404 && fault.errors.is_empty() => None,
            Err(fault) => return Err(failed(fault)),
        };
        get::print(cx, &place.path, place.is_versioned, found)
    }
}

fn failed(fault: Fault) -> Stop {
    Stop::Failed(fault.errors.join("; ").trim().to_owned())
}
