//! The builtins by which a running server is set and watched.

use std::sync::Arc;

use rustix::system::uname;

use crate::audit::devices::Audit;
use crate::barrier::Barrier;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::logs::Logs;
use crate::mount::store::MountStore;
use crate::pipeline::Builtin;
use crate::pipeline::lockout::Lockouts;
use crate::snapshot::keeper::Keeper;
use crate::sys;
use crate::sys::config::state::Sanitized;
use crate::sys::config::ui_headers::Configured;
use crate::sys::openapi::OpenApi;
use crate::sys::reach::Reach;

/// What they are made of.
pub struct Operations {
    pub entropy: Arc<dyn Entropy>,
    pub openapi: OpenApi,
    pub audit: Arc<Audit>,
    pub barrier: Arc<Barrier>,
    pub mounts: Arc<MountStore>,
    pub clock: Arc<dyn Clock>,
    /// The URL at which clients reach the server.
    pub address: String,
    /// What may be shown of the configuration.
    pub configuration: Sanitized,
    /// The headers that listeners add to answers.
    pub response_headers: Configured,
    pub logs: Arc<Logs>,
    pub lockouts: Arc<Lockouts>,
    pub keeper: Arc<Keeper>,
    pub reach: Arc<Reach>,
}

/// Each engine, with the prefix that it answers under.
pub fn builtins(services: Operations) -> Vec<Builtin> {
    let Operations {
        response_headers,
        entropy,
        openapi,
        audit,
        barrier,
        mounts,
        clock,
        address,
        configuration,
        logs,
        lockouts,
        keeper,
        reach,
    } = services;
    let locked_users = sys::locked_users::LockedUsers { lockouts, mounts: mounts.clone() };
    let audited_headers = audit.headers.clone();
    let monitor = sys::monitor::Monitor { logs: logs.clone(), barrier: barrier.clone() };
    let audit = sys::audit::AuditDevices { audit, barrier };
    let hostname = uname().nodename().to_string_lossy().into_owned();
    let member = sys::cluster::Member { hostname, address, since: clock.wall() };
    vec![
        ("sys/", Box::new(sys::openapi::engine(openapi))),
        ("sys/", Box::new(sys::audit::engine(audit))),
        ("sys/", Box::new(sys::tools::engine(entropy))),
        ("sys/", Box::new(sys::locked_users::engine(locked_users))),
        ("sys/", Box::new(sys::config::cors::engine())),
        ("sys/", Box::new(sys::config::ui_headers::engine(response_headers))),
        ("sys/", Box::new(sys::config::state::engine(configuration))),
        ("sys/", Box::new(sys::config::audit_headers::engine(audited_headers))),
        ("sys/", Box::new(sys::cluster::engine(member))),
        ("sys/", Box::new(sys::plugins::engine(mounts.clone()))),
        ("sys/", Box::new(sys::inspect::engine(mounts))),
        ("sys/", Box::new(sys::host_info::engine(clock))),
        ("sys/", Box::new(sys::loggers::engine(logs))),
        ("sys/", Box::new(sys::monitor::engine(monitor))),
        ("sys/", Box::new(sys::versions::engine())),
        ("sys/", Box::new(sys::snapshot_auto::engine(keeper))),
        ("sys/", Box::new(sys::snapshots::engine(reach))),
        ("sys/", Box::new(sys::ui::engine())),
        ("sys/", Box::new(sys::absent::engine())),
    ]
}
