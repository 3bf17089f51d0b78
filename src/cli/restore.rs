//! `restore`: a machine is lost, and a bare one takes its place from a target alone.

mod files;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::format::Format;
use super::operands;
use super::server::Server;
use super::shared::configuration;
use super::snapshot::instant;
use super::snapshot::place::{self, Declared, Place};
use super::snapshot::wait::Patience;
use super::stop::{Exit, Stop};
use super::values::parse_ttl;
use crate::barrier::SEAL;
use crate::barrier::journal::Head;
use crate::barrier::root::Timeline;
use crate::barrier::seal::SealRecord;
use crate::barrier::seal::auto::Mechanism;
use crate::base::record::Record;
use crate::base::ttl::Ttl;
use crate::config::Storage;
use crate::node::offline::{self, Interruption};
use crate::snapshot::SnapshotError;
use crate::snapshot::layout::Folder;
use crate::snapshot::rewind::listing::{Listing, holds};
use crate::snapshot::rewind::plan::{Refusal, present as newest_of};
use crate::snapshot::rewind::{Found, Newest, Prepared, RewindError, Source, has_any, stores};
use crate::snapshot::target::Target;
use crate::storage::folder;
use crate::storage::redb::peek;

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
    const SHARED: Shared = Shared::Output;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        if !self.include {
            operands::none(&self.operands)?;
        } else if self.operands.is_empty() && !cx.can_ask() {
            return Err(Stop::Usage(format!("-include takes the unseal keys. {}", files::INSTEAD)));
        }
        if self.start && (self.config.is_empty() || self.dry_run) {
            let what = "-start is of a server with a -config, and goes without -dry-run";
            return Err(Stop::Usage(what.into()));
        }
        let into = self.folder()?;
        let timeline = instant::timeline(self.timeline.as_deref())?;
        let (states, unseen) = self.states(cx)?;
        let prepared = self.prepare(cx, states, timeline, &into);
        let (state, mut newest) = prepared.inspect_err(|_| tell_unseen(cx, &unseen))?;
        let files = match self.include {
            true => files::brought(cx, &newest.prepared, &into, (&self.operands, &self.config))?,
            false => Vec::new(),
        };
        let failed = |error: &dyn std::fmt::Display| Stop::Failed(format!("{FAILED}: {error}"));
        let further = self.force.then(|| further(&state.listing, &newest.prepared, &into));
        if !self.dry_run {
            let done = offline::rewind(&mut newest.prepared, &into, self.force);
            done.map_err(|error| failed(&error))?;
        }
        if let Some(further) = further.flatten() {
            let remedy = "to keep what it has beside that, move the folder away first";
            let then = if self.dry_run { remedy } else { "what it had beside that is gone" };
            cx.warn(&format!("{further}: {then}"));
        }
        self.tell(cx, &newest, &state, &into)?;
        let mut exit = Exit::Done;
        if self.include {
            exit = files::put_back(cx, &files, self.force, self.dry_run)?;
        }
        if !self.dry_run && cx.format == Format::Table {
            cx.say(&next(self.start, seal_of(&into)))?;
        }
        tell_unseen(cx, &unseen);
        if !self.start {
            return Ok(exit);
        }
        // What ends the program is the server's from here on, which ends in its own way.
        let _signals = Interruption::begin().map_err(|error| failed(&error))?;
        Server::of(self.config).run(cx)
    }
}

const FAILED: &str = "Error restoring the store";

/// What a target has of a store.
struct State {
    /// What the target is called.
    name: String,
    target: Arc<dyn Target>,
    folder: Folder,
    listing: Listing,
}

/// Where a state is: whether in the present history, in which, and how far. The greater, the newer;
/// of others that are not the present one, as far as their numbers tell.
type Order = (bool, Timeline, u64);

impl State {
    fn source(&self) -> Source<'_> {
        Source { target: &*self.target, folder: &self.folder }
    }

    /// What it claims to have by its names.
    fn order(&self, present: Timeline) -> Order {
        let own = self.listing.span(present).filter(|span| span.reached);
        let one = own.or_else(|| newest_of(&self.listing).ok());
        let one = one.or_else(|| self.listing.spans().last().copied());
        one.map_or((false, present, 0), |span| {
            (span.timeline == present, span.timeline, span.last.revision)
        })
    }
}

fn order_of(found: &Newest, present: Timeline) -> Order {
    let timeline = found.prepared.timeline();
    (timeline == present, timeline, found.prepared.found().instant.revision)
}

impl Restore {
    /// The newest state that can be had of the store that is meant, from whichever target has it.
    fn prepare(
        &self,
        cx: &mut Context,
        states: Vec<State>,
        timeline: Option<Timeline>,
        into: &Path,
    ) -> Result<(State, Newest), Stop> {
        let mut states = one_store(cx, states, into)?;
        let present = match timeline.map_or_else(|| present(&mut states, into), Ok) {
            Ok(present) => present,
            Err(doubt @ Refusal::Ambiguous(_)) => {
                let lost = states.iter().flat_map(|state| state.listing.unusable(&state.folder));
                let doubt = RewindError::Refused(doubt, lost.collect());
                return Err(Stop::Failed(format!("{FAILED}: {doubt}")));
            }
            // Each target tells what hinders there.
            Err(_) => Timeline { number: 0, id: 0 },
        };
        states.sort_by_key(|state| Reverse(state.order(present)));
        let (mut best, mut failed): (Option<(State, Newest)>, Vec<String>) = Default::default();
        for state in states {
            // What is torn there may be whole on another target: this one claims no more than is
            // had already.
            let claimed = state.order(present);
            if best.as_ref().is_some_and(|(_, found)| order_of(found, present) >= claimed) {
                break;
            }
            match offline::prepare_newest(state.source(), timeline, into, self.force) {
                Ok(found) => {
                    let order = order_of(&found, present);
                    if best.as_ref().is_none_or(|(_, best)| order_of(best, present) < order) {
                        best = Some((state, found));
                    }
                }
                Err(error @ RewindError::Snapshot(SnapshotError::Occupied(_))) => {
                    return Err(Stop::Failed(format!("{FAILED}: {error}")));
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
            None => Err(Stop::Failed(format!("{FAILED}: {}", failed.join("\n")))),
        }
    }

    /// What there is, by the names of the files, and the targets that were not looked at.
    fn states(&self, cx: &mut Context) -> Result<(Vec<State>, Vec<String>), Stop> {
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
            let (mut states, failed) = look(&places);
            let there: BTreeSet<String> =
                states.iter().map(|state| state.folder.store_id().to_owned()).collect();
            let meant = self.store.as_deref();
            states.retain(|state| meant.is_none_or(|store| state.folder.store_id() == store));
            if !states.is_empty() {
                return Ok((states, failed));
            }
            let lent = places
                .iter()
                .filter_map(|(name, place)| Some((&**name, &place.as_ref().ok()?.target)));
            if patience.lasts_until(cx, lent)? {
                continue;
            }
            if !failed.is_empty() {
                let failed = failed.join("\n");
                return Err(Stop::Failed(format!("{FAILED}: {failed}")));
            }
            let there: Vec<String> = there.into_iter().collect();
            return Err(place::no_such_store(meant.unwrap_or_default(), &there));
        }
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
        let Newest { prepared, gap } = newest;
        prepared.lost().iter().for_each(|lost| cx.warn(&lost.to_string()));
        if gap.is_some() {
            cx.warn(
                "More was committed than is here: the journal on the target has a gap behind this, \
                 or its end is damaged or cannot be read",
            );
        }
        if cx.format != Format::Table {
            let mut told = prepared.told();
            told.insert("store_id".into(), state.folder.store_id().into());
            told.insert("target".into(), state.name.as_str().into());
            told.insert("gap".into(), gap.is_some().into());
            for name in ["restored", "sealed"] {
                told.insert(name.into(), (!self.dry_run).into());
            }
            return cx.say_value(&told);
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
        ))?;
        let others = state.listing.spans().into_iter().rev();
        let others = others.filter(|span| span.timeline != prepared.timeline());
        let others: Vec<String> = others.map(|other| format!("\n  {other}")).collect();
        if !others.is_empty() {
            cx.note(&format!(
                "Other histories of it lie there, too (-timeline):{}",
                others.concat()
            ));
        }
        Ok(())
    }
}

/// What the store in a folder holds that the one which is to take its place does not, by the
/// numbers of its journal.
fn further(listing: &Listing, prepared: &Prepared, into: &Path) -> Option<String> {
    let Head { timeline, revision, .. } = offline::standing(into)?;
    let Found { timeline: history, instant, .. } = prepared.found();
    let mut way = listing.lineage(history);
    way[0].upto = instant.revision;
    (!holds(&way, timeline, revision)).then(|| {
        let into = into.display();
        format!(
            "The store that was in {into} was at revision {revision} of the timeline {timeline}, \
             which is not in the one that takes its place"
        )
    })
}

/// What of it may be older than what is to be had.
fn tell_unseen(cx: &mut Context, unseen: &[String]) {
    for why in unseen {
        cx.warn(&format!("Not looked at, and may have something newer: {why}"));
    }
}

/// What each target has of stores, and what fails.
fn look(places: &[Declared]) -> (Vec<State>, Vec<String>) {
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
            Ok(listed) => {
                let found = stores(prefix, &listed).into_iter();
                states.extend(found.map(|(folder, listing)| {
                    let (name, target) = (name.clone(), Arc::clone(target));
                    State { name, target, folder, listing }
                }));
            }
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    (states, failed)
}

/// The history that goes on, which all that the targets have of a store together tells. What they
/// have by name alone, and a doubt rests on, does not count.
fn present(states: &mut [State], into: &Path) -> Result<Timeline, Refusal> {
    loop {
        let mut all = Listing::default();
        for state in &*states {
            all.snapshots.extend(state.listing.snapshots.iter().cloned());
            all.segments.extend(state.listing.segments.iter().copied());
        }
        match newest_of(&all) {
            Ok(span) => return Ok(span.timeline),
            Err(doubt) if !vouch(states, &doubt, into) => return Err(doubt),
            Err(_) => {}
        }
    }
}

/// The same where that it goes on is not to rest on a name alone either.
fn newest(states: &mut [State], into: &Path) -> Result<Timeline, Refusal> {
    loop {
        let found = present(states, into)?;
        let spans = states.iter().filter_map(|state| state.listing.span(found)).collect();
        if !vouch(states, &Refusal::Ambiguous(spans), into) {
            return Ok(found);
        }
    }
}

/// Looks at what a refusal rests on, on each target. One that fails tells so when something is to
/// be had from it.
fn vouch(states: &mut [State], doubt: &Refusal, into: &Path) -> bool {
    states.iter_mut().fold(false, |learnt, State { target, folder, listing, .. }| {
        let source = Source { target: &**target, folder };
        offline::vouch(source, listing, doubt, into).unwrap_or(false) || learnt
    })
}

/// Of several stores one must be named.
fn one_store(cx: &mut Context, states: Vec<State>, into: &Path) -> Result<Vec<State>, Stop> {
    let mut stores: BTreeMap<String, Vec<State>> = BTreeMap::new();
    for state in states {
        stores.entry(state.folder.store_id().to_owned()).or_default().push(state);
    }
    if stores.len() > 1 {
        drop_made_up(cx, &mut stores);
    }
    if stores.len() < 2 {
        return Ok(stores.into_values().flatten().collect());
    }
    let told = |(id, states): (&String, &mut Vec<State>)| match newest(states, into) {
        Ok(present) => {
            let ends = states
                .iter()
                .filter_map(|state| Some((state.listing.span(present)?.last, &state.name)));
            let end = ends.max_by_key(|(last, _)| last.revision);
            let end = end.map(|(last, name)| format!("{last} ({name})"));
            format!("  {id}: {}", end.unwrap_or_default())
        }
        Err(doubt) => format!("  {id}: {}", doubt.to_string().replace('\n', "\n  ")),
    };
    let list: Vec<String> = stores.iter_mut().map(told).collect();
    Err(Stop::Usage(format!(
        "There are several stores, up to these states; name one with -store:\n{}",
        list.join("\n")
    )))
}

/// Of a store that somebody has made up there is no snapshot; unless none is one. A target that
/// fails may have one.
fn drop_made_up(cx: &mut Context, stores: &mut BTreeMap<String, Vec<State>>) {
    let mut lost = Vec::new();
    let mut is_real =
        |state: &State| has_any(state.source(), &state.listing, &mut lost).unwrap_or(true);
    let real: BTreeSet<String> = stores
        .iter()
        .filter(|(_, states)| states.iter().any(&mut is_real))
        .map(|(id, _)| id.clone())
        .collect();
    lost.iter().for_each(|lost| cx.warn(&lost.to_string()));
    if !real.is_empty() {
        stores.retain(|id, _| real.contains(id));
    }
}

/// The data folder of a server with this configuration.
pub fn folder_of(config: &[String]) -> Result<PathBuf, Stop> {
    match configuration(config)?.storage {
        Storage::Redb { folder, .. } => Ok(folder.to_path_buf()),
        Storage::Memory => Err(Stop::Usage(
            "the configuration keeps its store in memory: name a storage \"redb\" in it".into(),
        )),
    }
}

/// The automatic seal of the store in a folder, if it has one.
fn seal_of(into: &Path) -> Option<Mechanism> {
    let file = File::open(folder::data_file(into)).ok()?;
    SealRecord::decode(&peek(file, SEAL)?).ok()?.kind().mechanism()
}

/// What is to be done then, by who has the server started at once (`start`) too.
fn next(start: bool, seal: Option<Mechanism>) -> String {
    let served = match start {
        false => "Start the server here:              edgekeep server -config=...",
        true => "The server starts here now.",
    };
    let opened = match seal.map(Mechanism::name) {
        None => "Unseal it, with the unseal keys that the store had then:".to_owned(),
        Some(name) => format!(
            "The {name} seal opens it, if it is configured and its key is there; else\n     \
             unseal it, with the recovery keys that the store had then:"
        ),
    };
    format!(
        "
The store is sealed. What to do next:

  1. Make sure that the lost machine does not serve any more.
  2. {served}
  3. {opened}
                                         edgekeep operator unseal

Then it begins a new timeline, and goes on with its tokens, its policies and its secrets."
    )
}
