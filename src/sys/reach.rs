//! The targets that requests go to. One that hangs holds whoever asks for it, so only a few may:
//! who comes after them is told so at once, and the other workers serve on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use crate::barrier::root::Timeline;
use crate::base::fault::Fault;
use crate::base::sync::lock;
use crate::snapshot::keeper::settings::Settings;
use crate::snapshot::keeper::status::{Standing, Status};
use crate::snapshot::keeper::{Desk, Keeper};
use crate::snapshot::rewind::plan::{At, Refusal, Wish};
use crate::snapshot::rewind::{self, End, Found, RewindError};
use crate::snapshot::spool::Spools;
use crate::snapshot::target::Target;

/// So many requests wait for one target at most.
const EACH: usize = 4;

/// Leads requests to targets, by their names.
pub struct Reach {
    /// Keeps the targets.
    pub keeper: Arc<Keeper>,
    /// What is fetched lies where these lie.
    spools: Spools,
    /// So many requests wait for targets at most, all together.
    most: usize,
    doors: Mutex<BTreeMap<String, Door>>,
}

/// Where requests wait for a target.
struct Door {
    /// Each that waits holds one more reference to it.
    places: Arc<()>,
    /// Of its own, lest a target that hangs takes those of another.
    spools: Arc<Spools>,
}

impl Door {
    fn waiting(&self) -> usize {
        Arc::strong_count(&self.places) - 1
    }
}

/// A request's place at a target: others are let in when it is dropped.
pub struct Turn(#[expect(dead_code, reason = "it is counted")] Arc<()>);

/// A target that is reached.
pub struct Reached {
    /// The target.
    pub target: Arc<dyn Target>,
    /// What it is called here.
    name: String,
    /// What the names of all objects there begin with.
    pub prefix: String,
    /// Hold what is fetched from it.
    pub spools: Arc<Spools>,
    _turn: Turn,
}

impl Reached {
    /// Why a state is not to be had from it, and the command that helps where one does.
    pub fn refused(&self, error: RewindError) -> Fault {
        let name = &self.name;
        let help = match &error {
            RewindError::Refused(Refusal::Nothing, lost) if lost.is_empty() => {
                format!("To have one taken: `edgekeep snapshot take {name}`")
            }
            RewindError::Refused(Refusal::Nothing, _) => format!(
                "To have a good one taken, if this server's store is good: `edgekeep snapshot take \
                 {name}`"
            ),
            RewindError::Refused(Refusal::Ours(timeline, _, at, _), _) => {
                self.beside(*timeline, *at)
            }
            RewindError::Refused(Refusal::Ahead(ahead), _) => self.beside(ahead.goes_on, ahead.at),
            _ => return error.into(),
        };
        let mut fault = Fault::from(error);
        fault.errors.push(help.into());
        fault
    }

    /// What helps where another server wrote that history, too.
    fn beside(&self, timeline: Timeline, at: At) -> String {
        let name = &self.name;
        format!(
            "To go on beside it: `edgekeep snapshot adopt {name}`. To have what is there: \
             `edgekeep snapshot restore -target={name} -timeline={timeline} {at}`; where an \
             instant is one word it ends so: @{timeline}"
        )
    }

    /// What may be missing in what was found, and the command that may have it.
    pub fn lacking(&self, found: Found, wish: Wish) -> Map<String, Value> {
        let mut told = found.lacking();
        if let Some(why @ End::Beside(None)) = found.end {
            let (name, at) = (&self.name, wish.at);
            let of = found.timeline;
            let why = format!(
                "{why}; `edgekeep snapshot restore -target={name} {at} -timeline={of} -into=FOLDER \
                 -config=CONFIGURATION` asks no server and may have it"
            );
            told.insert("end_reason".into(), why.into());
        }
        told
    }
}

impl Reach {
    /// Of `workers` that serve requests half are never held by targets.
    pub fn new(keeper: Arc<Keeper>, spools: Spools, workers: usize) -> Self {
        Self { keeper, spools, most: (workers / 2).max(1), doors: Mutex::default() }
    }

    /// Where a target is told of, and its settings.
    pub fn found(&self, name: &str) -> Result<(Arc<Desk>, Settings), Fault> {
        let missing = || match self.keeper.status(name) {
            Some(Status { error: Some(why), .. }) => {
                Fault::new(503, format!("the target {name} is not served: {why}"))
            }
            _ => Fault::new(
                404,
                format!(
                    "there is no target {name}: `edgekeep snapshot status` names those that there \
                     are"
                ),
            ),
        };
        self.keeper.target(name).ok_or_else(missing)
    }

    /// Reaches a target, unless too many wait for it, or for targets, already.
    pub fn to(&self, name: &str) -> Result<Reached, Fault> {
        let (_, settings) = self.found(name)?;
        let (turn, spools) = self.enter(name)?;
        // A folder that is away for want of its mark is there all the same, without its disk.
        let is_away = |status: Status| status.standing == Standing::Away;
        let place = &settings.place;
        let must_show = place.told_by_mark().is_some();
        let opened = match must_show && self.keeper.status(name).is_some_and(is_away) {
            true => place.keep(name),
            false => place.open(),
        };
        let target = opened.map_err(|error| {
            log::error!("target {name}: {error}");
            Fault::new(500, format!("target {name}: {error}"))
        })?;
        let (name, prefix) = (name.to_owned(), settings.place.prefix().to_owned());
        Ok(Reached { target, name, prefix, spools, _turn: turn })
    }

    /// The same for who lets the target's own thread do it.
    pub fn wait(&self, name: &str) -> Result<Turn, Fault> {
        self.enter(name).map(|(turn, _)| turn)
    }

    fn enter(&self, name: &str) -> Result<(Turn, Arc<Spools>), Fault> {
        let mut doors = lock(&self.doors);
        let all: usize = doors.values().map(Door::waiting).sum();
        let door = doors.entry(name.to_owned()).or_insert_with(|| Door {
            places: Arc::default(),
            spools: Arc::new(self.spools.several(EACH * rewind::SPOOLS)),
        });
        let waiting = door.waiting();
        let held = if waiting >= EACH {
            format!("{waiting} requests wait for the target {name}")
        } else if all >= self.most {
            format!("{all} requests wait for targets")
        } else {
            return Ok((Turn(Arc::clone(&door.places)), Arc::clone(&door.spools)));
        };
        let what = format!(
            "{held} already: see in `edgekeep snapshot status` what is slow, and try again"
        );
        Err(Fault::new(503, what))
    }
}
