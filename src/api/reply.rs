//! What is sent back: a [`Reply`] is what a handler returns, a [`Response`] is ready for the wire.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::effect::Effect;
use super::login::Login;
use crate::base::clock::Timestamp;
use crate::base::room::Share;
use crate::base::secret::Secret;

/// A handler's answer; the pipeline makes Vault's envelope around it.
pub struct Reply {
    /// HTTP status; 204 where there is nothing to say.
    pub status: u16,
    /// What is answered.
    pub content: Content,
    /// `warnings` of the envelope.
    pub warnings: Vec<String>,
    /// `lease_duration` of the envelope, seconds: a hint where there is no lease (kv v1's `ttl`,
    /// which may be negative).
    pub lease_duration: i64,
    /// `auth` of the envelope.
    pub auth: Auth,
    /// By which name somebody can log in from now on who could not before: what failed under it
    /// while nobody had it counts no more.
    pub newcomer: Option<String>,
    /// Not an answer yet: what must be done before there is one.
    pub effect: Option<Effect>,
}

/// A wrapping token, as it is handed out.
pub struct WrapInfo {
    /// The id of the token.
    pub token: Secret,
    /// What is handed out in its place, where that was asked for.
    pub jwt: Option<Secret>,
    /// By which it is named.
    pub accessor: String,
    /// How long the answer is kept.
    pub ttl: Duration,
    /// When it was wrapped.
    pub created: Timestamp,
    /// What it is an answer to.
    pub path: String,
    /// The accessor of the token in the answer, if there is one.
    pub wrapped_accessor: Option<String>,
}

/// What a reply says of a token.
pub enum Auth {
    /// Nothing.
    None,
    /// Somebody logged in: the pipeline makes the token.
    Login(Box<Login>),
    /// A token as it is shown.
    Shown(Map<String, Value>),
}

/// What is answered.
pub enum Content {
    /// Nothing.
    Nothing,
    /// `data` of the envelope; null when `None`.
    Data(Option<Map<String, Value>>),
    /// `data` of the envelope, repeated at its top level, as Vault does for parts of `sys`.
    DataAtTop(Map<String, Value>),
    /// A token in the place of what it holds.
    Wrapped(WrapInfo),
    /// A JSON document without an envelope.
    Bare(Value),
    /// Anything else.
    Body(ResponseBody),
}

impl Reply {
    /// 204.
    pub const fn nothing() -> Self {
        Self::of(204, Content::Nothing)
    }

    /// 202, as Vault tells that it tidies up.
    pub fn tidying() -> Self {
        Self::of(202, Content::Data(None)).warn(
            "Tidy operation successfully started. Any information from the operation will be \
             printed to Vault's server logs.",
        )
    }

    /// 200 with `data`.
    pub const fn data(data: Map<String, Value>) -> Self {
        Self::of(200, Content::Data(Some(data)))
    }

    /// 200 with `data`, repeated at top level.
    pub const fn data_at_top(data: Map<String, Value>) -> Self {
        Self::of(200, Content::DataAtTop(data))
    }

    /// 200 with the `keys` of a listing; Vault's bare 404 when there are none.
    pub fn list(keys: Vec<String>) -> super::route::Outcome {
        if keys.is_empty() {
            return Err(crate::base::fault::Fault::not_found());
        }
        Ok(Self::data(object([("keys", keys.into())])))
    }

    /// The same with what is known of each key, as `key_info`.
    pub fn list_with(listed: Vec<(String, Value)>) -> super::route::Outcome {
        let keys: Vec<Value> = listed.iter().map(|(key, _)| key.as_str().into()).collect();
        if keys.is_empty() {
            return Err(crate::base::fault::Fault::not_found());
        }
        let key_info: Map<String, Value> = listed.into_iter().collect();
        Ok(Self::data(object([("key_info", key_info.into()), ("keys", keys.into())])))
    }

    /// 200 with a document that has no envelope.
    pub const fn bare(document: Value) -> Self {
        Self::of(200, Content::Bare(document))
    }

    /// A status with content.
    pub const fn of(status: u16, content: Content) -> Self {
        Self {
            status,
            content,
            warnings: Vec::new(),
            lease_duration: 0,
            auth: Auth::None,
            newcomer: None,
            effect: None,
        }
    }

    /// A login, for which the pipeline makes a token.
    pub fn login(login: Login) -> Self {
        let mut reply = Self::of(200, Content::Data(None));
        reply.auth = Auth::Login(Box::new(login));
        reply
    }

    /// No answer yet: the handler is called again once that is done.
    pub fn after(effect: Effect) -> Self {
        Self { effect: Some(effect), ..Self::nothing() }
    }

    /// The same, with somebody who can log in from now on: the name is that of their alias.
    #[must_use]
    pub fn with_newcomer(self, name: impl Into<String>) -> Self {
        Self { newcomer: Some(name.into()), ..self }
    }

    /// The same under another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a warning. An answer with warnings has a body: 204 becomes 200.
    #[must_use]
    pub fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        if let Content::Nothing = self.content {
            self.content = Content::Data(None);
            self.status = 200;
        }
        self
    }
}

/// A JSON object of these fields.
pub fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An answer, ready for the wire.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers in their order; the server adds Content-Length and what each answer has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: ResponseBody,
    /// Of the memory that requests share, what is given back once this is sent.
    pub share: Option<Arc<Share>>,
}

impl Response {
    /// Without headers of its own.
    pub const fn new(status: u16, body: ResponseBody) -> Self {
        Self { status, headers: Vec::new(), body, share: None }
    }
}

/// Writes a streamed body.
pub type StreamWriter = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// The body of an answer.
pub enum ResponseBody {
    /// No body and no content type.
    Empty,
    /// Bytes with their content type; wiped when dropped.
    Whole(&'static str, Zeroizing<Vec<u8>>),
    /// Bytes that are written as they are made.
    Stream {
        /// Content type.
        content_type: &'static str,
        /// Exact length; a writer that gives less or fails closes the connection.
        length: u64,
        /// Writes the body.
        write: StreamWriter,
    },
    /// Bytes that are written as they come to be, without a known end.
    Endless {
        /// Content type.
        content_type: &'static str,
        /// Writes the body. Each flush sends what is written so far, and fails when the peer is
        /// gone: nothing else tells that while there is nothing to write.
        write: StreamWriter,
    },
}
