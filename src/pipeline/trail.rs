//! What the audit log is told of a request: once before it is carried out, however often it is run,
//! and once before it is answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use serde_json::{Map, Value};

use super::rights::Sender;
use super::settle::Settled;
use super::wrapping::jwt::Claimed;
use crate::api::ask::Ask;
use crate::api::reply::{Auth, Content};
use crate::audit::devices::{Audit, Devices};
use crate::audit::entry::{self, Answer, Asked, Entry, Mount, Wrapping};
use crate::barrier::Unsealed;
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;
use crate::base::timekeeper::TimeKeeper;
use crate::mount::store::MountStore;
use crate::token::record::Uses;

/// The trail of one request to a store.
pub struct Trail {
    /// Not held: the request may wait for somebody outside while the store is sealed.
    of: Weak<Unsealed>,
    time: Arc<TimeKeeper>,
    /// Those that are told; `None` while there is none.
    devices: Option<Arc<Devices>>,
    asked: Asked,
    sender: entry::Sender,
    /// Whether it may be carried out.
    allowed: bool,
    /// Whether it was told of.
    told: bool,
}

impl Trail {
    /// Nothing is known but what is asked.
    pub fn new(store: &Arc<Unsealed>, devices: Option<Arc<Devices>>, ask: &Ask) -> Self {
        let (of, time) = (Arc::downgrade(store), Arc::clone(store.time()));
        let asked = Asked {
            id: ask.id.clone(),
            verb: ask.verb,
            creates: false,
            path: ask.path.clone(),
            mount: None,
            address: ask.peer.address,
            port: ask.peer.port,
            serial: ask.peer.serial.clone(),
            wrap_ttl: ask.wrap_ttl.unwrap_or_default(),
            snapshot: ask
                .snapshot
                .as_ref()
                .map(|snapshot| (snapshot.id.clone(), snapshot.source.clone().unwrap_or_default())),
            headers: BTreeMap::new(),
        };
        // A token is told as what it was when it was made, in whatever form it is sent.
        let claimed = ask.token.as_ref().and_then(Claimed::read).map(|jwt| jwt.id);
        let token = claimed.or_else(|| ask.token.clone());
        let sender = entry::Sender { token, ..entry::Sender::default() };
        Self { of, time, devices, asked, sender, allowed: false, told: false }
    }

    /// Looks where it leads, and what of it is told.
    pub fn look(
        &mut self,
        txn: &mut Txn,
        audit: &Audit,
        mounts: &MountStore,
        headers: &[(String, String)],
    ) -> Result<(), Fault> {
        let table = mounts.read(txn)?;
        self.asked.mount = table.resolve(&self.asked.path).map(|(mount, _)| Mount {
            kind: mount.kind.clone(),
            accessor: mount.accessor.clone(),
            request_keys: mount.config.audit_non_hmac_request_keys.clone(),
            response_keys: mount.config.audit_non_hmac_response_keys.clone(),
        });
        let audited = audit.headers.read(txn)?;
        self.asked.tell_headers(headers, &audited);
        Ok(())
    }

    /// It is sent by this one.
    pub fn sent_by(&mut self, sender: &Sender) {
        let token = &sender.found.token;
        self.sender.accessor.clone_from(&token.accessor);
        self.sender.display_name.clone_from(&token.display_name);
        self.sender.policies = sender.policies();
        self.sender.token_policies.clone_from(&token.policies);
        self.sender.identity_policies.clone_from(&sender.identity_policies);
        self.sender.metadata = token.metadata.clone().unwrap_or_default();
        self.sender.entity_id.clone_from(&token.entity_id);
        self.sender.token_type = Some(token.kind.as_str());
        self.sender.ttl = token.life.creation_ttl;
        self.sender.issued = Some(token.life.created);
        // As it was when the request came.
        self.sender.remaining_uses = match token.uses {
            Uses::Unlimited => 0,
            Uses::Left(left) => i64::from(left) + 1,
            Uses::Spent => 1,
        };
    }

    /// It may be carried out; a write `creates` what is not there yet, or updates.
    pub fn allow(&mut self, creates: bool) {
        self.asked.creates = creates;
        self.allowed = true;
    }

    /// Whether it was told of.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Tells of the request, and why it is refused if it is, before its engine was asked.
    pub fn tell(
        &mut self,
        data: Option<&Map<String, Value>>,
        fault: Option<&Fault>,
    ) -> Result<(), Fault> {
        self.told = true;
        let entry = Entry {
            time: self.time.now(),
            sender: &self.sender,
            asked: &self.asked,
            data,
            answer: None,
            fault: fault.filter(|_| !self.allowed),
        };
        match (&self.devices, self.sender.token_type) {
            (Some(devices), Some(_)) if !devices.log(&entry) => {
                Err(Fault::listed(500, "internal error"))
            }
            (Some(devices), None) if !devices.log(&entry) => Err(Fault::internal("internal error")),
            _ => Ok(()),
        }
    }

    /// Tells of its answer, to the devices that there are by now.
    pub fn tell_answer(
        &self,
        audit: &Audit,
        data: Option<&Map<String, Value>>,
        outcome: &Result<Settled, Fault>,
    ) -> Result<(), Fault> {
        let settled = outcome.as_ref().ok();
        let entry = Entry {
            time: self.time.now(),
            sender: &self.sender,
            asked: &self.asked,
            data,
            answer: Some(settled.map(answer).unwrap_or_default()),
            fault: outcome.as_ref().err(),
        };
        match audit.known(&self.of).or_else(|| self.devices.clone()) {
            Some(devices) if !devices.log(&entry) => Err(Fault::internal("internal error")),
            _ => Ok(()),
        }
    }
}

fn answer(settled: &Settled) -> Answer<'_> {
    let reply = &settled.reply;
    // What a wrapping token stands for is told as if it was sent.
    let held = settled.held.as_ref();
    let held = |name: &str| held?.get(name)?.as_object();
    Answer {
        auth: match &reply.auth {
            Auth::Shown(auth) => Some(auth),
            Auth::None | Auth::Login(_) => held("auth"),
        },
        data: match &reply.content {
            Content::Data(data) => data.as_ref(),
            Content::DataAtTop(data) => Some(data),
            Content::Bare(document) => document.as_object(),
            Content::Wrapped(_) => held("data"),
            Content::Nothing | Content::Body(_) => None,
        },
        warnings: &reply.warnings,
        lease_id: "",
        wrapping: match &reply.content {
            Content::Wrapped(info) => Some(Wrapping {
                ttl: info.ttl,
                token: &info.token,
                accessor: &info.accessor,
                created: info.created,
                path: &info.path,
                wrapped_accessor: info.wrapped_accessor.as_deref().unwrap_or_default(),
            }),
            _ => None,
        },
    }
}
