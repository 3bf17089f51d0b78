//! `restore`: a machine is lost, and a bare one takes its place from a target alone.

mod files;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::operands;
use super::server::Server;
use super::snapshot::place::{self, Declared, Place};
use super::snapshot::wait::Patience;
use super::stop::{Exit, Stop};
use super::values::parse_ttl;
use crate::barrier::root::Timeline;
use crate::base::ttl::Ttl;
use crate::base::variable::Variable;
use crate::config::{self, Storage};
use crate::node::offline::{self, Interruption};
use crate::snapshot::layout::Folder;
use crate::snapshot::rewind::listing::{Listing, Span};
use crate::snapshot::rewind::plan::{Refusal, present};
use crate::snapshot::rewind::{Newest, Source, stores};
use crate::snapshot::target::Target;

/// Restore a lost machine's store from a target alone.
///
/// Finds the newest good state there, checks all of it down to the chain of the journal, and puts
/// it into the data folder, in which there is no store yet. No server runs there meanwhile.
#[derive(FromArgs, ArgsInfo)]
pub struct Restore {
    /// configuration of the server, file or folder: its storage is restored into; may be given more
    /// than once
    #[argh(option, arg_name = "path")]
    config: Vec<String>,
    /// where the snapshots are: the path of a folder, or one of the configuration's by its name, of
    /// which otherwise all are looked at
    #[argh(option, arg_name = "name")]
    target: Option<String>,
    /// the id of the store, where the target holds several
    #[argh(option, arg_name = "uuid")]
    store: Option<String>,
    /// the history, where several went on beside each other
    #[argh(option, arg_name = "timeline")]
    timeline: Option<String>,
    /// data folder (the path of storage "redb") to restore into, where there is no configuration
    #[argh(option, arg_name = "folder")]
    into: Option<String>,
    /// get and check everything, tell what would be, and make nothing
    #[argh(switch)]
    dry_run: bool,
    /// replace a store that is there already
    #[argh(switch)]
    force: bool,
    /// put the files back too that the lost machine included in its snapshots; that takes its
    /// unseal keys, which are asked for, or stand behind the options
    #[argh(switch)]
    include: bool,
    /// start the server of the configuration then
    #[argh(switch)]
    start: bool,
    /// wait so long for a stick that is not there, where no other target has anything; until it
    /// comes by default
    #[argh(option, arg_name = "duration", from_str_fn(parse_ttl))]
    wait: Option<Ttl>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Restore {
    const OPERANDS: &'static str = "[KEY...]";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if !self.include {
            operands::none(&self.operands)?;
        } else if self.operands.is_empty() && !self.dry_run && !cx.can_ask() {
            return Err(Stop::Usage(format!("-include takes the unseal keys. {}", files::INSTEAD)));
        }
        if self.start && (self.config.is_empty() || self.dry_run) {
            let what = "-start is of a server with a -config, and goes without -dry-run";
            return Err(Stop::Usage(what.into()));
        }
        let into = self.folder()?;
        let timeline = self.timeline.as_deref().map(str::parse).transpose();
        let timeline = timeline.map_err(|error| Stop::Usage(format!("-timeline: {error}")))?;
        let (state, mut newest) = self.prepare(cx, timeline, &into)?;
        let failed = |error: &dyn std::fmt::Display| Stop::Failed(format!("{FAILED}: {error}"));
        if !self.dry_run {
            let done = offline::rewind(&mut newest.prepared, &into, self.force);
            done.map_err(|error| failed(&error))?;
        }
        self.tell(cx, &newest, &state, &into)?;
        let mut exit = Exit::Done;
        if self.include && !self.dry_run {
            exit = files::put_back(cx, &into, (&self.operands, &self.config), self.force)?;
        }
        if !self.dry_run {
            cx.say(NEXT)?;
        }
        if !self.start {
            return Ok(exit);
        }
        // What ends the program is the server's from here on, which ends in its own way.
        let _signals = Interruption::begin().map_err(|error| failed(&error))?;
        Server::of(self.config).run(cx)
    }
}

const FAILED: &str = "Error restoring the store";

const NOTHING: &str = "There is no snapshot of any store. They lie in a folder that is called by \
                       the id of their store, as 0b5ad4f8-8e4f-4c8d-9a5e-1f2d3c4b5a69: name the \
                       folder in which that one is";

/// What a target has of a store.
struct State {
    /// What the target is called.
    name: String,
    target: Arc<dyn Target>,
    folder: Folder,
    listing: Listing,
    /// The end of its newest history.
    end: Span,
}

/// Where a state is in the histories: the greater, the newer.
type Order = (Timeline, u64);

impl State {
    fn order(&self) -> Order {
        (self.end.timeline, self.end.last.revision)
    }
}

fn order_of(found: &Newest) -> Order {
    (found.prepared.timeline(), found.prepared.found().instant.revision)
}

impl Restore {
    /// The newest state that can be had of the store that is meant, from whichever target has it.
    fn prepare(
        &self,
        cx: &mut Context,
        timeline: Option<Timeline>,
        into: &Path,
    ) -> Result<(State, Newest), Stop> {
        let mut states = self.states(cx)?;
        must_be_one(&states)?;
        if timeline.is_none() {
            must_be_sure(&states)?;
        }
        states.sort_by_key(|state| Reverse(state.order()));
        let (mut best, mut failed): (Option<(State, Newest)>, Vec<String>) = Default::default();
        for state in states {
            // What is torn there may be whole on another target: this one claims no more than is
            // had already.
            if best.as_ref().is_some_and(|(_, found)| order_of(found) >= state.order()) {
                break;
            }
            let source = Source { target: &*state.target, folder: &state.folder };
            match offline::prepare_newest(source, timeline, into, self.force) {
                Ok(found) => {
                    if best.as_ref().is_none_or(|(_, best)| order_of(best) < order_of(&found)) {
                        best = Some((state, found));
                    }
                }
                Err(error) => failed.push(match self.target.is_some() {
                    true => error.to_string(),
                    false => format!("{}: {error}", state.name),
                }),
            }
        }
        match best {
            Some(best) => {
                failed.iter().for_each(|failed| cx.warn(failed));
                Ok(best)
            }
            None if failed.is_empty() => Err(Stop::Failed(NOTHING.into())),
            None => Err(Stop::Failed(format!("{FAILED}: {}", failed.join("\n")))),
        }
    }

    /// What there is, by the names of the files.
    fn states(&self, cx: &mut Context) -> Result<Vec<State>, Stop> {
        let places = match self.target.as_deref() {
            Some(name) => vec![(name.to_owned(), Ok(place::find(name, &self.config)?))],
            None if self.config.is_empty() => Vec::new(),
            None => place::configured(&self.config)?,
        };
        if places.is_empty() {
            return Err(Stop::Usage(
                "Where are the snapshots? Name the path of a folder with -target, or give a \
                 -config that has a snapshot \"NAME\""
                    .into(),
            ));
        }
        let patience = Patience::of(self.wait);
        loop {
            let (states, failed) = self.look(&places);
            if !states.is_empty() {
                failed.iter().for_each(|failed| cx.warn(failed));
                return Ok(states);
            }
            let there = places
                .iter()
                .filter_map(|(name, place)| Some((&**name, &place.as_ref().ok()?.target)));
            if patience.lasts_until(cx, there)? {
                continue;
            }
            return match failed.is_empty() {
                true => Ok(states),
                false => Err(Stop::Failed(format!("{FAILED}: {}", failed.join("\n")))),
            };
        }
    }

    /// What each target has of the stores that may be meant, and what fails.
    fn look(&self, places: &[Declared]) -> (Vec<State>, Vec<String>) {
        let (mut states, mut failed) = (Vec::new(), Vec::new());
        for (name, place) in places {
            let Place { target, prefix } = match place {
                Ok(place) => place,
                Err(error) => {
                    failed.push(format!("{name}: {error}"));
                    continue;
                }
            };
            match target.list(prefix.trim_matches('/')) {
                Ok(listed) => states.extend(self.of(name, target, stores(prefix, &listed))),
                Err(error) => failed.push(format!("{name}: {error}")),
            }
        }
        (states, failed)
    }

    /// Those of the stores on a target that may be meant.
    fn of(
        &self,
        name: &str,
        target: &Arc<dyn Target>,
        found: Vec<(Folder, Listing)>,
    ) -> impl Iterator<Item = State> {
        let meant = self.store.as_deref();
        let found = found.into_iter();
        let found = found.filter(move |(of, _)| meant.is_none_or(|store| of.store_id() == store));
        found.filter_map(move |(folder, listing)| {
            let end = *listing.spans().last()?;
            let (name, target) = (name.to_owned(), Arc::clone(target));
            Some(State { name, target, folder, listing, end })
        })
    }

    /// Where the store goes.
    fn folder(&self) -> Result<PathBuf, Stop> {
        let given = self.into.as_deref();
        if given == Some("") {
            return Err(Stop::Usage("-into is empty: name the folder of the store".into()));
        }
        match (given, self.config.is_empty()) {
            (Some(_), false) => {
                Err(Stop::Usage("Give -config or -into, not both: it tells the folder".into()))
            }
            (Some(folder), true) => Ok(folder.into()),
            (None, true) => Err(Stop::Usage(
                "Where to? Give the -config of the server, or its data folder: -into".into(),
            )),
            (None, false) => folder_of(&self.config),
        }
    }

    fn tell(
        &self,
        cx: &mut Context,
        newest: &Newest,
        state: &State,
        into: &Path,
    ) -> Result<(), Stop> {
        let Newest { prepared, gap, lost } = newest;
        for (name, why) in lost {
            cx.warn(&format!("{name} does not count: {why}"));
        }
        let others = state.listing.spans();
        for other in others.iter().filter(|span| span.timeline != newest.prepared.timeline()) {
            cx.note(&format!("Another history of it lies there (-timeline): {other}"));
        }
        if gap.is_some() {
            cx.warn(
                "More was committed than is here: the journal on the target has a gap behind this, \
                 or its end is damaged",
            );
        }
        let (plan, found) = (prepared.plan(), prepared.found());
        let did = if self.dry_run { "Would restore" } else { "Success! Restored" };
        cx.say(&format!(
            "{did} {} of timeline {} of the store {} into {}",
            found.instant,
            prepared.timeline(),
            state.folder.store_id(),
            into.display()
        ))?;
        cx.say(&format!(
            "From {}: the snapshot of revision {} ({}) and {} segments of the journal, all checked",
            state.name,
            plan.base.revision,
            plan.base.taken.rfc3339(),
            plan.legs.len()
        ))
    }
}

/// What all targets have together tells which history goes on; of several one must be named.
fn must_be_sure(states: &[State]) -> Result<(), Stop> {
    let mut all = Listing::default();
    for state in states {
        all.snapshots.extend(state.listing.snapshots.iter().cloned());
        all.segments.extend(state.listing.segments.iter().copied());
    }
    match present(&all) {
        Err(doubt @ Refusal::Ambiguous(_)) => Err(Stop::Failed(format!("{FAILED}: {doubt}"))),
        _ => Ok(()),
    }
}

/// Of several stores one must be named.
fn must_be_one(states: &[State]) -> Result<(), Stop> {
    let mut stores: BTreeMap<&str, &State> = BTreeMap::new();
    for state in states {
        let known = stores.entry(state.folder.store_id()).or_insert(state);
        if state.order() > known.order() {
            *known = state;
        }
    }
    if stores.len() < 2 {
        return Ok(());
    }
    let told =
        |(id, state): (&&str, &&State)| format!("  {id}: {} ({})", state.end.last, state.name);
    let list: Vec<String> = stores.iter().map(told).collect();
    Err(Stop::Usage(format!(
        "There are several stores, up to these states; name one with -store:\n{}",
        list.join("\n")
    )))
}

/// The data folder of a server with this configuration.
pub fn folder_of(config: &[String]) -> Result<PathBuf, Stop> {
    let paths: Vec<PathBuf> = config.iter().map(PathBuf::from).collect();
    let (config, _) =
        config::read(&paths, &Variable::read).map_err(|e| Stop::Usage(e.to_string()))?;
    match config.storage {
        Storage::Redb { folder, .. } => Ok(folder.to_path_buf()),
        Storage::Memory => Err(Stop::Usage(
            "the configuration keeps its store in memory: name a storage \"redb\" in it".into(),
        )),
    }
}

const NEXT: &str = "
The store is sealed. What to do next:

  1. Make sure that the lost machine does not serve any more.
  2. Start the server here:              edgekeep server -config=...
  3. Unseal it, with the unseal keys that the store had then:
                                         edgekeep operator unseal

Then it begins a new timeline, and goes on with its tokens, its policies and its secrets.";
