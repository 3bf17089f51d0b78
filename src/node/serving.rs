//! What stands around the pipeline: pages of other origins are judged before it.

use std::sync::Arc;

use crate::api::reply::{Response, ResponseBody};
use crate::api::request::Request;
use crate::barrier::txn::TxnError;
use crate::barrier::{Barrier, Unsealed};
use crate::base::fault::Fault;
use crate::pipeline::{self, Pipeline};
use crate::server::Service;
use crate::snapshot::follow::Follower;
use crate::sys::config::cors::{self, Verdict};
use crate::sys::metrics::Metrics;

/// Answers requests.
pub struct Serving {
    pub barrier: Arc<Barrier>,
    pub pipeline: Pipeline,
    pub metrics: Arc<Metrics>,
    pub follower: Option<Arc<Follower>>,
}

/// What a standby answers.
const OF_STANDBY: &[&str] = &["sys/health", "sys/seal-status", "sys/metrics"];

impl Serving {
    /// Metrics are told where their listener tells them to everybody; the pipeline has the rest.
    fn answer(&self, request: Request) -> Response {
        let standby = self.follower.as_ref().filter(|follower| follower.is_following());
        if let Some(standby) = standby.filter(|_| !OF_STANDBY.contains(&&*request.path)) {
            let helps = match standby.status().place {
                Some(_) => "to have it serve: edgekeep promote -config=CONFIGURATION",
                None => "it has taken nothing from there yet: edgekeep status tells why",
            };
            let what = format!(
                "Vault is sealed: this server is a standby, and serves nothing but its health \
                 while it follows {}; {helps}",
                standby.name()
            );
            return pipeline::refusal(&Fault::new(503, what));
        }
        if !self.metrics.are_for_anybody(&request) {
            return self.pipeline.answer(request);
        }
        match self.pipeline.quotas.admit_stranger(&request.path, false, &request.peer) {
            Ok(()) => self.metrics.answer_anybody(&request),
            Err(fault) => pipeline::refusal(&fault),
        }
    }
}

impl Service for Serving {
    fn call(&self, request: Request) -> Response {
        let judge = |store: &Arc<Unsealed>| store.transact(|txn| cors::judge(txn, &request));
        let verdict = match request.header("origin") {
            Some(_) => self.barrier.in_served(judge),
            None => Ok(Verdict::None),
        };
        match verdict {
            Ok(Verdict::None) | Err(TxnError::Sealed) => self.answer(request),
            Ok(Verdict::Allowed(headers)) => {
                let mut response = self.answer(request);
                response.headers.extend(headers);
                response
            }
            Ok(Verdict::Preflight(headers)) => {
                Response { headers, ..Response::new(200, ResponseBody::Empty) }
            }
            Ok(Verdict::NoMethod) => Response::new(405, ResponseBody::Empty),
            Ok(Verdict::Refused) => pipeline::refusal(&Fault::new(403, "origin not allowed")),
            Err(error) => pipeline::refusal(&error.into()),
        }
    }
}
