//! Whose meters `sys/metrics` tells.

use std::sync::Arc;

use crate::audit::devices::Audit;
use crate::base::clock::Clock;
use crate::base::meter::{Metered, Process};
use crate::config::Telemetry;
use crate::pipeline::meters::Meters;
use crate::pipeline::tokens::Tokens;
use crate::server::counters::Counters;
use crate::sys::about::About;
use crate::sys::metrics::{Core, Metrics};
use crate::{policy, snapshot};

/// Who counts.
pub struct Counting {
    pub clock: Arc<dyn Clock>,
    pub about: About,
    pub tokens: Arc<Tokens>,
    pub policies: Arc<policy::meters::Meters>,
    pub audit: Arc<Audit>,
    pub snapshots: Arc<snapshot::meters::Meters>,
    pub requests: Arc<Meters>,
    pub front: Arc<Counters>,
}

/// The list of them, behind the endpoint.
pub fn metrics(counting: &Counting, telemetry: &Telemetry) -> Metrics {
    let Counting { clock, about, tokens, policies, audit, snapshots, requests, front } = counting;
    let core = Core {
        barrier: about.barrier.clone(),
        mounts: tokens.mounts.clone(),
        requests: requests.clone(),
    };
    let sources: Vec<Arc<dyn Metered>> = vec![
        Arc::new(core),
        about.barrier.clone(),
        tokens.meters.clone(),
        policies.clone(),
        audit.clone(),
        snapshots.clone(),
        requests.clone(),
        front.clone(),
        Arc::new(Process::started(&**clock)),
    ];
    Metrics::new(about.clone(), sources, telemetry.prometheus, clock.clone())
}
