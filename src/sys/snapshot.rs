//! `sys/storage/raft/snapshot`: the store as a file, out and in. Streams, so without a transaction.

use std::sync::Arc;

use super::undo::Undo;
use super::versions;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::reply::{Content, Reply, ResponseBody};
use crate::api::request::Body;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::barrier::{Barrier, Unsealed};
use crate::base::entropy::Entropy;
use crate::base::fault::Fault;
use crate::snapshot::meters::Meters;
use crate::snapshot::restore::receive;
use crate::snapshot::spool::Spools;
use crate::snapshot::take::take;

/// What these endpoints are given.
pub struct Snapshots {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// For the seal of a snapshot.
    pub entropy: Arc<dyn Entropy>,
    /// Holds what a peer is too slow for.
    pub spools: Arc<Spools>,
    /// Where they are counted.
    pub meters: Arc<Meters>,
    /// Keeps what is replaced.
    pub undo: Undo,
}

/// The endpoints with their service.
pub fn engine(service: Snapshots) -> Bound<Snapshots> {
    Bound::new("The store as a file.", ROUTES, service)
}

const ROUTES: &[Route<Snapshots>] = &[
    Route {
        path: "storage/raft/snapshot",
        synopsis: "Take or restore a snapshot.",
        description: "Reading answers with the file; writing takes the file as its body, and \
                      refuses a snapshot of other keys. All of it is checked before anything is \
                      replaced.",
        fields: &[],
        access: Access::Policy,
        operations: &[
            Operation::direct(Verb::Read, "Take a snapshot.", read),
            Operation::direct(Verb::Write, "Restore a snapshot of the same keys.", |s, ask| {
                restore(s, ask, false)
            }),
        ],
    },
    Route {
        path: "storage/raft/snapshot-force",
        synopsis: "Restore a snapshot of any keys.",
        description: "As snapshot, without regard to keys: the snapshot's own unseal keys are \
                      needed then, and the server is sealed.",
        fields: &[],
        access: Access::Policy,
        operations: &[Operation::direct(
            Verb::Write,
            "Restore a snapshot of any keys.",
            |s, ask| restore(s, ask, true),
        )],
    },
];

fn read(service: &Snapshots, _: DirectAsk) -> Outcome {
    let unsealed = service.unsealed()?;
    let taking = service.meters.begin();
    let spool = service.spools.open()?;
    let instant = unsealed.instant()?;
    let taken = take(instant, spool, unsealed.time().now(), &*service.entropy)?;
    let length = taken.length();
    let body = ResponseBody::Stream {
        content_type: "application/gzip",
        length,
        write: Box::new(move |to| {
            taken.write_to(to)?;
            taking.is_whole(length);
            Ok(())
        }),
    };
    Ok(Reply::of(200, Content::Body(body)))
}

fn restore(service: &Snapshots, ask: DirectAsk, force: bool) -> Outcome {
    let begun = service.meters.restored.now();
    let spool = service.spools.open()?;
    let received = match ask.body {
        Body::Whole(bytes) => receive(bytes.expose(), spool),
        Body::Stream(stream) => receive(stream, spool),
    }?;
    let about = &received.meta().about;
    let mut kept = None;
    received.restore_after(&service.barrier, force, |same| {
        kept = service.undo.before_restore(&service.barrier, same);
    })?;
    service.meters.restored.end(begun);
    log::warn!(
        "restored the snapshot of revision {}, timeline {}, taken at {}",
        about.revision,
        about.timeline,
        about.time
    );
    match service.barrier.unsealed() {
        Some(unsealed) => versions::note_opened(&unsealed),
        None => log::warn!(
            "the restored store is sealed: unseal it with the snapshot's own unseal keys"
        ),
    }
    Ok(kept.into_iter().fold(Reply::nothing(), Reply::warn))
}

impl Snapshots {
    fn unsealed(&self) -> Result<Arc<Unsealed>, Fault> {
        self.barrier.unsealed().ok_or_else(Fault::sealed)
    }
}
