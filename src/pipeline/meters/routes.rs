//! How long engines take, for each mount and verb.

use std::array;
use std::sync::{Arc, OnceLock};

use crate::api::ask::Verb;
use crate::barrier::names::MountId;
use crate::base::clock::Clock;
use crate::base::meter::{Labels, Readings, Running, Timer, Value};
use crate::mount::table::MountTable;
use crate::pipeline::locate::Target;

/// So many mounts are told apart since the start of the server; what comes later counts together.
const MOUNTS: usize = 128;

/// Vault's names of the verbs. Whether a write is a create only its engine could tell.
const VERBS: [(Verb, &str); 7] = [
    (Verb::Read, "read"),
    (Verb::List, "list"),
    (Verb::Write, "update"),
    (Verb::Patch, "patch"),
    (Verb::Delete, "delete"),
    (Verb::Recover, "recover"),
    (Verb::Help, "help"),
];

/// What our own engines answer under.
const OWN: [&str; 3] = ["sys/", "auth/token/", "identity/"];

/// A timer for each verb, made when it is first needed.
#[derive(Default)]
struct Verbs([OnceLock<Box<Timer>>; VERBS.len()]);

/// The timers of all mounts. Each has its place, found by its id, for ever: so none is locked.
pub struct Routes {
    clock: Arc<dyn Clock>,
    own: [Verbs; OWN.len()],
    mounts: Box<[OnceLock<(MountId, Verbs)>]>,
    others: Verbs,
}

impl Routes {
    /// Measures with that clock.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: clock.clone(),
            own: array::from_fn(|_| Verbs::default()),
            mounts: (0..MOUNTS).map(|_| OnceLock::new()).collect(),
            others: Verbs::default(),
        }
    }

    /// An engine begins to carry a request out: a mounted one, or one of our own, to which `path`
    /// leads.
    pub fn begin(&self, target: &Target<'_, '_>, verb: Verb, path: &str) -> Option<Running<'_>> {
        let verbs = match target {
            Target::Builtin(_) => self.own(path)?,
            Target::Mounted { id, .. } => self.mount(*id),
            Target::Unsupported | Target::Nowhere(_) => return None,
        };
        self.timer(verbs, verb)
    }

    /// The same of an engine of our own.
    pub fn begin_own(&self, verb: Verb, path: &str) -> Option<Running<'_>> {
        self.timer(self.own(path)?, verb)
    }

    fn timer<'a>(&'a self, verbs: &'a Verbs, verb: Verb) -> Option<Running<'a>> {
        let place = VERBS.iter().position(|(known, _)| *known == verb)?;
        let timer = verbs.0.get(place)?;
        Some(timer.get_or_init(|| Box::new(Timer::new(&self.clock))).begin())
    }

    fn own(&self, path: &str) -> Option<&Verbs> {
        self.own.get(OWN.iter().position(|prefix| path.starts_with(prefix))?)
    }

    fn mount(&self, id: MountId) -> &Verbs {
        for place in self.places(id) {
            let (owner, verbs) = place.get_or_init(|| (id, Verbs::default()));
            if *owner == id {
                return verbs;
            }
        }
        &self.others
    }

    /// Where a mount's timers are looked for, one after the other.
    fn places(&self, id: MountId) -> impl Iterator<Item = &OnceLock<(MountId, Verbs)>> {
        let first = id.as_bytes().first().map_or(0, |byte| usize::from(*byte));
        let (before, from) = self.mounts.split_at(first % MOUNTS);
        from.iter().chain(before)
    }

    /// Tells those of the mounts that there are; of our own alone where nothing is known of mounts.
    pub fn tell(&self, mounts: Option<&MountTable>, to: &mut Readings) {
        for (path, verbs) in OWN.iter().zip(&self.own) {
            verbs.tell(path, to);
        }
        for mount in mounts.into_iter().flat_map(MountTable::iter) {
            let known = self.places(mount.id).map_while(OnceLock::get);
            if let Some((_, verbs)) = known.into_iter().find(|(owner, _)| *owner == mount.id) {
                verbs.tell(&mount.path, to);
            }
        }
        self.others.tell("others", to);
    }
}

impl Verbs {
    fn tell(&self, path: &str, to: &mut Readings) {
        for (place, (_, verb)) in self.0.iter().zip(VERBS) {
            let Some(timer) = place.get() else { continue };
            let name = format!("vault.route.{verb}.{}", path.replace('/', "-"));
            let help = "Milliseconds for an engine to carry a request out.";
            to.add(name, help, Labels::new(), Value::Summary(timer.millis()));
        }
    }
}
