//! A request's failure as the client is told it: Vault's status and Vault's texts.

use std::borrow::Cow;

use super::golang;

/// What Vault puts before an error of an engine.
const LISTED: &str = "1 error occurred:\n\t* ";

/// What is answered instead of a reply. It may repeat what the sender sent: it is never logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status, 4xx or 5xx.
    pub status: u16,
    /// The texts of `{"errors": [...]}`; empty for Vault's bare 404 and 405.
    pub errors: Vec<Cow<'static, str>>,
    /// Headers beside them, such as `Retry-After`.
    pub headers: Vec<(&'static str, String)>,
    /// What more follows from it.
    pub cause: Cause,
}

/// What follows from a failure besides its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing.
    Any,
    /// What was sent for somebody who can log in is wrong: that counts towards their being locked
    /// out.
    WrongCredentials,
    /// There is nobody of that name who could log in: that is counted alike, so that nobody learns
    /// who there is from who is locked out.
    UnknownUser,
    /// There are as many leases as there may be: what has ended makes room.
    Crowded,
    /// Others have taken the memory that requests share: they give it back when they end.
    NoRoom,
    /// The store that it was for is gone: another takes its place.
    Gone,
}

impl Fault {
    /// Seconds after which there may be space again: somebody has to make it.
    pub const SPACE: &'static str = "30";

    /// A status with one text.
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        let (errors, headers) = (vec![text.into()], Vec::new());
        Self { status, errors, headers, cause: Cause::Any }
    }

    /// A status and `{"errors":[]}`.
    pub const fn bare(status: u16) -> Self {
        Self { status, errors: Vec::new(), headers: Vec::new(), cause: Cause::Any }
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with one more text, which says what to do instead.
    #[must_use]
    pub fn saying(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.errors.push(text.into());
        self
    }

    /// Says after how many seconds the same request may be worth sending again.
    #[must_use]
    pub fn again_in(self, seconds: &str) -> Self {
        self.with_header("Retry-After", seconds)
    }

    /// 400: the request is wrong, and the text says what to send instead.
    pub fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, text)
    }

    /// 400: a login with the wrong password, or the like.
    pub fn wrong_credentials(text: &'static str) -> Self {
        Self { cause: Cause::WrongCredentials, ..Self::bad_request(text) }
    }

    /// The same where there is nobody to whom it could belong.
    pub fn unknown_user(text: &'static str) -> Self {
        Self { cause: Cause::UnknownUser, ..Self::bad_request(text) }
    }

    /// 429: a quota allows no more leases where the request to `path` would make one. Vault's text.
    pub fn crowded(path: &str) -> Self {
        let text = format!("request path {}: lease count quota exceeded", golang::quote(path));
        Self { cause: Cause::Crowded, ..Self::listed(429, &text) }
    }

    /// 503: there is no memory for it at present.
    pub fn no_room(text: String) -> Self {
        Self { cause: Cause::NoRoom, ..Self::new(503, text).again_in("1") }
    }

    /// 403 `permission denied`.
    pub fn denied() -> Self {
        Self::new(403, "permission denied")
    }

    /// 403 by a policy: the token is good, but may not do this. Vault's text.
    pub fn refused() -> Self {
        Self::listed(403, "permission denied")
    }

    /// A text in the form that Vault gives to errors of its engines.
    pub fn listed(status: u16, text: &str) -> Self {
        Self::new(status, format!("{LISTED}{text}\n\n"))
    }

    /// The same without that form, which Vault does not use where no token is asked for.
    #[must_use]
    pub fn unlisted(mut self) -> Self {
        for error in &mut self.errors {
            if let Some(text) = error.strip_prefix(LISTED) {
                *error = Cow::Owned(text.trim_end_matches('\n').to_owned());
            }
        }
        self
    }

    /// 404 with no text: nothing is there.
    pub const fn not_found() -> Self {
        Self::bare(404)
    }

    /// 404: what is to be brought back is not in the loaded snapshot.
    pub fn not_in_snapshot() -> Self {
        Self::new(404, "the snapshot has nothing there")
    }

    /// 405: the path is there, the verb is not. Vault's text.
    pub fn unsupported_operation() -> Self {
        Self::listed(405, "unsupported operation")
    }

    /// 404: an engine has no such path. Vault's text.
    pub fn unsupported_path() -> Self {
        Self::listed(404, "unsupported path")
    }

    /// 500: our failure; the text is for the operator and names no secret.
    pub fn internal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(500, text)
    }

    /// 503 `Vault is sealed`.
    pub fn sealed() -> Self {
        Self::new(503, "Vault is sealed")
    }

    /// 503: nobody has the store yet.
    pub fn opening() -> Self {
        Self::new(503, "the store is being opened: try again when it is open").again_in("1")
    }

    /// 507: the disk is too full for writes; reads and deletes go on.
    pub fn disk_full() -> Self {
        Self::new(
            507,
            "the disk is nearly full: writes are refused until space is freed; reads and deletes \
             go on",
        )
        .again_in(Self::SPACE)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.errors.join("; "))
    }
}

impl std::error::Error for Fault {}
