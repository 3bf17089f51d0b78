//! Whose meters `sys/metrics` tells.

use std::sync::{Arc, Mutex};

use crate::audit::devices::Audit;
use crate::base::clock::Clock;
use crate::base::meter::{Metered, Process};
use crate::config::Telemetry;
use crate::pipeline::Builtin;
use crate::pipeline::flights::Flights;
use crate::pipeline::lockout::Lockouts;
use crate::pipeline::meters::Meters;
use crate::pipeline::meters::bounds::Bounds;
use crate::pipeline::tokens::Tokens;
use crate::policy::meters::Meters as PolicyMeters;
use crate::quota::limiter::Quotas;
use crate::server::counters::Counters;
use crate::snapshot::follow::Follower;
use crate::snapshot::keeper::Keeper;
use crate::snapshot::meters::Meters as SnapshotMeters;
use crate::sys;
use crate::sys::about::About;
use crate::sys::metrics::usage::Usage;
use crate::sys::metrics::{Core, Metrics};

/// Who counts.
pub struct Counting {
    pub clock: Arc<dyn Clock>,
    pub about: About,
    pub tokens: Arc<Tokens>,
    pub policies: Arc<PolicyMeters>,
    pub audit: Arc<Audit>,
    pub snapshots: Arc<SnapshotMeters>,
    pub keeper: Arc<Keeper>,
    pub follower: Option<Arc<Follower>>,
    pub flights: Arc<Flights>,
    pub requests: Arc<Meters>,
    pub quotas: Arc<Quotas>,
    pub lockouts: Arc<Lockouts>,
    pub front: Arc<Counters>,
}

/// The endpoints that tell what is counted.
pub fn builtins(counting: &Counting, metrics: Arc<Metrics>) -> Vec<Builtin> {
    let flights = counting.flights.clone();
    vec![
        ("sys/", Box::new(sys::metrics::engine(metrics))),
        ("sys/", Box::new(sys::in_flight::engine(flights))),
        ("sys/", Box::new(sys::counters::engine(counting.tokens.mounts.clone()))),
    ]
}

/// The list of them, behind the endpoint.
pub fn metrics(counting: &Counting, telemetry: &Telemetry) -> Metrics {
    let Counting { clock, about, tokens, policies, audit, snapshots, flights, requests, .. } =
        counting;
    let bounds = Bounds {
        barrier: about.barrier.clone(),
        quotas: counting.quotas.clone(),
        tokens: tokens.clone(),
        lockouts: counting.lockouts.clone(),
    };
    let core = Core {
        barrier: about.barrier.clone(),
        mounts: tokens.mounts.clone(),
        requests: requests.clone(),
    };
    let usage = Usage {
        barrier: about.barrier.clone(),
        mounts: tokens.mounts.clone(),
        clock: clock.clone(),
        period: telemetry.usage_period,
        most: telemetry.cardinality,
        counting: Mutex::default(),
        kept: Mutex::default(),
    };
    let mut sources: Vec<Arc<dyn Metered>> = vec![
        Arc::new(core),
        Arc::new(usage),
        Arc::new(bounds),
        about.barrier.clone(),
        tokens.meters.clone(),
        policies.clone(),
        audit.clone(),
        snapshots.clone(),
        counting.keeper.clone(),
        flights.clone(),
        requests.clone(),
        counting.front.clone(),
        Arc::new(Process::started(&**clock)),
    ];
    sources.extend(counting.follower.clone().map(|follower| follower as Arc<dyn Metered>));
    Metrics::new(about.clone(), sources, telemetry.prometheus, clock.clone())
}
