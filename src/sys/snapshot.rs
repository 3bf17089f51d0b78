//! `sys/storage/raft/snapshot`: the store as a file, out and in. Streams, so without a transaction.

use std::sync::Arc;

use super::restoring::{How, Restoring};
use super::rewind::REVOKE;
use crate::api::ask::{DirectAsk, Verb};
use crate::api::engine::Bound;
use crate::api::field::FieldInfo;
use crate::api::reply::{Content, Reply, ResponseBody, object};
use crate::api::request::Body;
use crate::api::route::{Access, Operation, Outcome, Route};
use crate::base::entropy::Entropy;
use crate::snapshot::lent::Lent;
use crate::snapshot::meters::Meters;
use crate::snapshot::restore::receive;
use crate::snapshot::spool::Spools;
use crate::snapshot::take::take;

/// What these endpoints are given.
pub struct Snapshots {
    /// The store, and what puts one in its place.
    pub restoring: Restoring,
    /// For the seal of a snapshot.
    pub entropy: Arc<dyn Entropy>,
    /// Holds what a peer is too slow for.
    pub spools: Arc<Spools>,
    /// Where they are counted.
    pub meters: Arc<Meters>,
}

/// The endpoints with their service.
pub fn engine(service: Snapshots) -> Bound<Snapshots> {
    Bound::new("The store as a file.", ROUTES, service)
}

/// In the query of a restore, as the body is the file; Vault has none there. The fields of a route
/// are those of its reads too, so that it is declared here alone.
const RESTORE: &[&FieldInfo] = &[&REVOKE.info];

const ROUTES: &[Route<Snapshots>] = &[
    Route {
        path: "storage/raft/snapshot",
        synopsis: "Take or restore a snapshot.",
        description: "Reading answers with the file; writing takes the file as its body, and \
                      refuses a snapshot of other keys. All of it is checked before anything is \
                      replaced. Told is how many tokens and leases come back that are not in the \
                      store, as they were revoked or had ended, or were made in what it had left; \
                      ?revoke_tokens=true revokes these tokens.",
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
    let unsealed = service.restoring.unsealed()?;
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
    let revoke_tokens = ask.exact_query(RESTORE)?.get(&REVOKE) == Some(&true);
    let begun = service.meters.restored.now();
    // Who sends it may take long.
    let keys = Lent::of(&service.restoring.unsealed()?);
    let spool = service.spools.open()?;
    let received = match ask.body {
        Body::Whole(bytes) => receive(bytes.expose(), spool),
        Body::Stream(stream) => receive(stream, spool),
    }?;
    let about = &received.meta().about;
    let called = format!(
        "the snapshot of revision {}, timeline {}, taken at {}",
        about.revision, about.timeline, about.time
    );
    let same_store = service.restoring.still(&keys)?.status().store_id == about.store_id;
    let how = How { keys, force, revoke_tokens, same_store };
    let reply = service.restoring.restore(&received, &called, &how, object([]))?;
    service.meters.restored.end(begun);
    Ok(reply)
}
