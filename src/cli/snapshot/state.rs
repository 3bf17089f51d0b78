//! A state of a store, as every command has it named.

use std::path::Path;

use argh::{ArgsInfo, FromArgs};
use serde::Deserialize;
use serde_json::Value;

use super::file;
use super::instant::Instant;
use super::place;
use super::wait::Patience;
use crate::base::ttl::Ttl;
use crate::cli::context::Context;
use crate::cli::stop::Stop;
use crate::cli::values::parse_ttl;
use crate::node::opened::{self, Sealed};
use crate::snapshot::rewind::plan::named;
use crate::snapshot::rewind::{Lost, Source};

/// A state of a store.
pub struct State<'a> {
    /// As it was named.
    pub text: &'a str,
    /// What that is.
    pub kind: Kind<'a>,
}

/// Where a state is.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// The server's present.
    Now,
    /// A snapshot that is loaded there.
    Loaded(&'a str),
    /// A file here.
    File(&'a str),
    /// An instant that a target leads to.
    Instant(Instant),
}

impl<'a> State<'a> {
    /// Reads `now`, the id of a loaded snapshot, `NAME@INSTANT`, or the name of a file: what is
    /// there as a file is one. A folder is none, whatever it is called.
    pub fn parse(text: &'a str) -> Result<Self, Stop> {
        let kind = match text {
            "now" => Kind::Now,
            _ if file::is_there(text) => Kind::File(text),
            _ if is_id(text) => Kind::Loaded(text),
            _ => match Instant::parse(text)? {
                Some(instant) => Kind::Instant(instant),
                None if Path::new(text).is_dir() => {
                    return Err(Stop::Usage(format!(
                        "{text} is a folder, and no snapshot: a target is named with the instant \
                         that is meant, as {text}@latest"
                    )));
                }
                None => Kind::File(text),
            },
        };
        Ok(Self { text, kind })
    }
}

/// Whether it has the form of a UUID.
fn is_id(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// Offline Options
#[derive(FromArgs, ArgsInfo)]
pub struct Offline {
    /// configuration of the server, which declares the targets, and the automatic seal that opens
    /// what they have; may be repeated
    #[argh(option, arg_name = "path")]
    pub config: Vec<String>,
    /// the id of the store, where a target holds several
    #[argh(option, arg_name = "uuid")]
    store: Option<String>,
    /// wait so long for a stick that is not there; until it comes by default
    #[argh(option, arg_name = "duration", from_str_fn(parse_ttl))]
    wait: Option<Ttl>,
}

impl Offline {
    /// How a target is found by them.
    pub fn finding(&self) -> Finding<'_> {
        let (config, store) = (&self.config, self.store.as_deref());
        Finding { config, store, patience: Patience::of(self.wait) }
    }
}

/// What finds a target where no server is asked.
pub struct Finding<'a> {
    /// The configuration that declares it, where it is no folder.
    pub config: &'a [String],
    /// The store, where it holds several.
    pub store: Option<&'a str>,
    /// How long a stick is waited for.
    pub patience: Patience,
}

/// Gets a state that a server has nothing to do with, whole and sealed.
pub fn receive(
    cx: &mut Context,
    State { text, kind }: &State<'_>,
    by: &Finding<'_>,
) -> Result<Sealed, Stop> {
    let failed = |error: &dyn std::fmt::Display| Stop::Failed(format!("{text}: {error}"));
    let instant = match kind {
        Kind::File(name) => {
            let (content, _) = file::open(name, "Reading")?;
            return Sealed::receive(content).map_err(|error| failed(&error));
        }
        Kind::Instant(instant) => instant,
        Kind::Now | Kind::Loaded(_) => {
            let what = "is of a server: name a file or an instant of a target (NAME@INSTANT)";
            return Err(Stop::Usage(format!("{text} {what}")));
        }
    };
    let place = place::find(&instant.target, by.config)?;
    by.patience.lasts_until(cx, [(&*instant.target, &place.target)])?;
    let folder = place::store(cx, &place, by.store)?;
    let source = Source { target: &*place.target, folder: &folder };
    let reached = opened::prepare(source, &instant.wish).map_err(|error| failed(&error))?;
    let told = Value::Object(reached.told());
    warn_of(cx, &told["unusable"]);
    warn_of_end(cx, &told);
    warn_of_history(cx, &told);
    Sealed::of(&reached.prepared).map_err(|error| failed(&error))
}

/// Tells of the files that did not verify, as a server names them.
pub fn warn_of(cx: &mut Context, unusable: &Value) {
    let lost: Vec<Lost> = Deserialize::deserialize(unusable).unwrap_or_default();
    lost.iter().for_each(|lost| cx.warn(&lost.to_string()));
}

/// Tells where a state is of another history than the server's own or, where none is asked, than
/// the one that goes on.
pub fn warn_of_history(cx: &mut Context, data: &Value) {
    let present = data["present_timeline"].as_str();
    if let Some(present) = present.filter(|_| data["own_past"] == false) {
        cx.warn(&format!(
            "That is of another history than the server's own, {present}: what was committed in \
             that since they parted is not in it"
        ));
    }
    if let Some(present) = data["goes_on"].as_str() {
        cx.warn(&format!(
            "That is of another history than the one that goes on there, {present}: what was \
             committed in that since they parted is not in it; to have that: {}",
            named(present)
        ));
    }
}

/// Tells that it may not be all of the wished instant: as a compaction has left less, or as more
/// may have been committed by then.
pub fn warn_of_end(cx: &mut Context, data: &Value) {
    if data["exact"] == false {
        cx.warn("what was committed between this and the wished instant is kept together only");
    }
    if let Some(why) = data["end_reason"].as_str() {
        cx.warn(why);
    }
}
