//! The builtins by which a running server is set and watched.

use std::sync::Arc;

use crate::audit::devices::Audit;
use crate::barrier::Barrier;
use crate::base::entropy::Entropy;
use crate::pipeline::Builtin;
use crate::sys;
use crate::sys::openapi::OpenApi;

/// What they are made of.
pub struct Operations {
    pub entropy: Arc<dyn Entropy>,
    pub openapi: OpenApi,
    pub audit: Arc<Audit>,
    pub barrier: Arc<Barrier>,
}

/// Each engine, with the prefix that it answers under.
pub fn builtins(services: Operations) -> Vec<Builtin> {
    let Operations { entropy, openapi, audit, barrier } = services;
    let audited_headers = audit.headers.clone();
    let audit = sys::audit::AuditDevices { audit, barrier };
    vec![
        ("sys/", Box::new(sys::openapi::engine(openapi))),
        ("sys/", Box::new(sys::audit::engine(audit))),
        ("sys/", Box::new(sys::tools::engine(entropy))),
        ("sys/", Box::new(sys::config::cors::engine())),
        ("sys/", Box::new(sys::config::ui_headers::engine(Vec::new()))),
        ("sys/", Box::new(sys::config::audit_headers::engine(audited_headers))),
    ]
}
