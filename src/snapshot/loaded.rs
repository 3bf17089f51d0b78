//! Loading: a state of the store is put beside the present one, to be read there.
//!
//! It lies sealed in a file without a name, on the disk of the store, and is gone when it is
//! unloaded, when its time is over, and when the server is sealed or ends.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use super::SnapshotError;
use super::lent::Lent;
use super::restorable::Restorable;
use super::restore::receive;
use super::rewind::plan::Wish;
use super::rewind::{Prepared, RewindError, Source, prepare};
use super::spool::Spools;
use crate::barrier::Unsealed;
use crate::barrier::past::Loaded;
use crate::barrier::verify::Report;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::storage::Job;

/// How long a state stays loaded: Vault's time.
pub const STAY: Duration = Duration::from_secs(72 * 60 * 60);

/// What loading takes.
pub struct Loader {
    /// Where the states lie.
    pub spools: Arc<Spools>,
    /// Measures how long that takes.
    pub clock: Arc<dyn Clock>,
    /// For their ids.
    pub entropy: Arc<dyn Entropy>,
}

impl Loader {
    /// Loads the snapshot that `stream` brings. All of it is checked first.
    pub fn load_file(&self, keys: &Lent, stream: impl Read) -> Result<Arc<Loaded>, SnapshotError> {
        keys.get()?.pasts().must_have_room()?;
        let received = receive(stream, self.spools.open()?)?;
        let by = keys.get()?;
        received.must_be_readable(&by)?;
        let loaded = self.load(&by, &mut |to| received.fill(to));
        loaded.map_err(|error| match error {
            SnapshotError::Broken(what) => SnapshotError::Broken(format!(
                "{what}; `edgekeep snapshot verify FILE` names all that is bad"
            )),
            other => other,
        })
    }

    /// Loads an instant that a target leads to; what led there comes with it. All of it is fetched
    /// into `spools` and checked first.
    pub fn load_instant(
        &self,
        keys: &Lent,
        source: Source<'_>,
        wish: &Wish,
        spools: &Spools,
    ) -> Result<(Arc<Loaded>, Prepared), RewindError> {
        keys.get()?.pasts().must_have_room()?;
        let prepared = prepare(source, wish, Some(keys.clone()), spools)?;
        let loaded = self.load(&*keys.get()?, &mut |to| prepared.fill(to))?;
        Ok((loaded, prepared))
    }

    /// Loads the state that `fill` puts: all entries of a store of the keys of `by`, which are
    /// opened and counted before anybody reads there. Memory does not grow with it.
    pub fn load(&self, by: &Unsealed, fill: &mut Job<'_>) -> Result<Arc<Loaded>, SnapshotError> {
        by.pasts().must_have_room()?;
        let (past, report) = by.open_past(self.spools.store(self.clock.clone(), fill)?)?;
        must_be_whole(&report)?;
        let created = by.time().now();
        let expires = created.plus(STAY);
        let loaded = Arc::new(Loaded { id: self.entropy.uuid(), created, expires, past });
        by.pasts().put(Arc::clone(&loaded))?;
        Ok(loaded)
    }
}

/// Refuses a state of which an entry does not open, or is missing.
fn must_be_whole(report: &Report) -> Result<(), SnapshotError> {
    if report.good() {
        return Ok(());
    }
    let what = match report.bad.named.first() {
        Some(entry) => format!("does not open: {entry}"),
        None => "its entries do not add up to its root record".to_owned(),
    };
    Err(SnapshotError::Broken(what))
}
