//! What becomes of a handler's reply before it is sent: a login gets its token, and what is asked
//! to be wrapped is wrapped.

use std::time::Duration;

use serde_json::Value;

use super::locate::Target;
use super::lockout::User;
use super::tokens::Tokens;
use super::wrapping::{self, Wanted};
use super::{Pipeline, login, respond};
use crate::api::ask::Ask;
use crate::api::reply::{Auth, Content, Reply};
use crate::barrier::txn::Txn;
use crate::base::fault::Fault;

/// A reply that is ready to be sent.
pub struct Settled {
    /// It holds no login any more.
    pub reply: Reply,
    /// By which the audit log knows the request.
    pub request_id: String,
    /// What a wrapping token was made for, as the audit log is told of it.
    pub held: Option<Value>,
}

impl Settled {
    /// A reply that needs nothing.
    pub fn plain(reply: Reply, ask: &Ask) -> Self {
        Self { reply, request_id: ask.id.clone(), held: None }
    }

    /// The same, with what it was wrapped for.
    #[must_use]
    pub fn holding(self, document: Value) -> Self {
        Self { held: Some(document), ..self }
    }
}

/// Settles the reply of a request's handler, in the request's transaction.
pub fn settle(
    pipeline: &Pipeline,
    txn: &mut Txn,
    ask: &Ask,
    target: &Target<'_, '_>,
    mut reply: Reply,
    wanted: Wanted,
) -> Result<Settled, Fault> {
    let tokens = &*pipeline.tokens;
    if let Auth::Login(login) = &reply.auth {
        let Target::Mounted { view, .. } = target else {
            return Err(Fault::internal("only an auth method answers with a login"));
        };
        let (auth, warnings) = login::make((tokens, &pipeline.rights), txn, ask, view, login)?;
        reply.auth = Auth::Shown(auth);
        reply.warnings.extend(warnings);
    }
    if let (Some(name), Target::Mounted { view, .. }) = (reply.newcomer.take(), target) {
        pipeline.lockouts.unlock(txn, &User { accessor: view.accessor.clone(), name })?;
    }
    let Some(ttl) = wanted.ttl() else { return Ok(Settled::plain(reply, ask)) };
    if let Content::DataAtTop(data) = reply.content {
        // What is wrapped is in its place alone.
        reply.content = Content::Data(Some(data));
    }
    match respond::document(Settled::plain(reply, ask)) {
        Ok(document) => Ok(wrap(tokens, txn, ask, ttl, &document)?.holding(document)),
        // An empty answer and one that is wrapped already stay as they are.
        Err(settled) => Ok(*settled),
    }
}

/// What is sent in the place of a document.
pub fn wrap(
    tokens: &Tokens,
    txn: &mut Txn,
    ask: &Ask,
    ttl: Duration,
    document: &Value,
) -> Result<Settled, Fault> {
    let info = wrapping::wrap(tokens, txn, &ask.path, (ttl, ask.wrap_format), document)?;
    Ok(Settled::plain(Reply::of(200, Content::Wrapped(info)), ask))
}
