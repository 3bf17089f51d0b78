//! An import that is under way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::ends::Ends;
use super::place::Place;
use super::report::{Fate, Kind, Report, Told};
use super::server::Trouble;
use super::{absent, mounts, policies};
use crate::base::sync::lock;
use crate::cli::progress::Progress;

/// How many secrets are under way at a time: a server syncs together what is written together.
const AT_ONCE: usize = 4;

/// Both servers, what is to be told, and how far it is.
pub struct Job {
    /// The servers.
    pub ends: Ends,
    /// What is told in the end.
    pub report: Report,
    progress: Arc<Mutex<Progress>>,
}

/// Why nothing more can come.
#[derive(Debug)]
pub enum Ended {
    /// A server is gone, sealed or full: what it said.
    Broken(String),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Broken(why) => why,
            Self::Interrupted => "interrupted",
        })
    }
}

impl Job {
    /// Nothing is done yet.
    pub fn new(ends: Ends, progress: Arc<Mutex<Progress>>) -> Self {
        Self { ends, report: Report::default(), progress }
    }

    /// Brings everything: what others refer to comes first.
    pub fn run(&mut self) -> Result<(), Ended> {
        policies::bring(self)?;
        mounts::bring(self)?;
        absent::tell(self)
    }

    /// What there is to be told.
    pub fn finish(self) -> Report {
        self.report
    }

    /// Brings one thing and tells what became of it.
    pub fn one(
        &mut self,
        kind: Kind,
        name: &str,
        bring: impl FnOnce(&Ends) -> Result<Told, Trouble>,
    ) -> Result<Fate, Ended> {
        lock(&self.progress).add(1);
        let told = match bring(&self.ends) {
            Ok(told) => told,
            Err(Trouble::Here(why)) => Told::because(Fate::Failed, why),
            Err(Trouble::Everywhere(why)) => return Err(why),
        };
        let fate = told.fate;
        self.report.tell(kind, name, told);
        Ok(fate)
    }

    /// Brings several secrets, some at a time, and tells of them in their order.
    pub fn several(
        &mut self,
        kind: Kind,
        places: &[Place<'_>],
        bring: impl Fn(&Ends, Place<'_>) -> Result<Told, Trouble> + Sync,
    ) -> Result<(), Ended> {
        let (ends, next, ended) = (&self.ends, AtomicUsize::new(0), AtomicBool::new(false));
        let results = Mutex::new(BTreeMap::new());
        let work = || {
            while !ended.load(Ordering::Relaxed) {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = places.get(turn) else { break };
                let result = bring(ends, *place);
                let over = matches!(result, Err(Trouble::Everywhere(_)));
                ended.fetch_or(over, Ordering::Relaxed);
                lock(&results).insert(turn, result);
            }
        };
        thread::scope(|threads| {
            for _ in 0..places.len().min(AT_ONCE) {
                threads.spawn(work);
            }
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut end = Ok(());
        for (turn, result) in results {
            let told = self.one(kind, &places[turn].shown(), |_| result);
            end = end.and(told.map(drop));
        }
        end
    }

    /// The names that are listed at `path`, which is told as `shown`. One that is none fails by
    /// itself.
    pub fn names(&mut self, kind: Kind, shown: &str, path: &str) -> Result<Vec<String>, Ended> {
        let listed = self.read(kind, shown, |ends| ends.from.list(path))?.unwrap_or_default();
        for odd in listed.odd {
            let why = format!("it lists a name that is none, which does not come: {odd}");
            self.one(kind, shown, |ends| Err(ends.from.here(why)))?;
        }
        Ok(listed.names)
    }

    /// What `read` gives; where that fails, `name` is told to have failed.
    pub fn read<T>(
        &mut self,
        kind: Kind,
        name: &str,
        read: impl FnOnce(&Ends) -> Result<T, Trouble>,
    ) -> Result<Option<T>, Ended> {
        let mut found = None;
        match read(&self.ends) {
            Ok(read) => found = Some(read),
            Err(trouble) => drop(self.one(kind, name, |_| Err(trouble))?),
        }
        Ok(found)
    }
}
