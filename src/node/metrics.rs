//! Whose meters `sys/metrics` tells.

use std::sync::Arc;

use crate::base::clock::Clock;
use crate::base::meter::{Metered, Process};
use crate::config::Telemetry;
use crate::mount::store::MountStore;
use crate::pipeline::meters::Meters;
use crate::server::counters::Counters;
use crate::sys::about::About;
use crate::sys::metrics::{Core, Metrics};

/// Who counts.
pub struct Counting {
    pub clock: Arc<dyn Clock>,
    pub about: About,
    pub mounts: Arc<MountStore>,
    pub requests: Arc<Meters>,
    pub front: Arc<Counters>,
}

/// The list of them, behind the endpoint.
pub fn metrics(counting: &Counting, telemetry: &Telemetry) -> Metrics {
    let Counting { clock, about, mounts, requests, front } = counting;
    let core = Core { barrier: about.barrier.clone(), mounts: mounts.clone() };
    let sources: Vec<Arc<dyn Metered>> =
        vec![Arc::new(core), requests.clone(), front.clone(), Arc::new(Process::started(&**clock))];
    Metrics::new(about.clone(), sources, telemetry.prometheus, clock.clone())
}
