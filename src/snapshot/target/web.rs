//! Exchanges with a server that speaks HTTP, and how their failures are told.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::TargetError;
use crate::base::sync::lock;
use crate::base::{pem, url};
use crate::client::error::{PlainServer, Trouble};
use crate::client::http::{Http, Patience, Reply, Request};
use crate::client::tls::Tls;
use crate::client::{Address, SettingsError};

/// A server, and what it is called.
pub(super) struct Web {
    address: Address,
    tls: Tls,
    /// Made when somebody is first asked, as the file of an authority may hang, or not be there
    /// yet; and anew once that file is another one.
    http: Mutex<Option<(Option<Version>, Arc<Http>)>>,
    /// What URLs are appended to: scheme, host and perhaps a path; no slash at its end.
    pub base: String,
    patience: Duration,
}

/// Whom to believe, and whether anybody may listen.
pub(super) struct Trust {
    pub ca_cert: Option<PathBuf>,
    pub skip_verify: bool,
    /// How a setting is called that allows to speak without TLS, where it is not set.
    pub plain_by: Option<&'static str>,
}

/// Tells a file from what was there before: inode, bytes, and when it was last changed.
type Version = (u64, u64, i64, i64);

fn version(file: &Path) -> Option<Version> {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

impl Web {
    /// A server that is not asked yet.
    pub fn new(base: &str, trust: Trust, patience: Duration) -> Result<Self, SettingsError> {
        let refused = |text: String| Err(SettingsError(text));
        let authority = base.split_once("://").map(|(_, rest)| rest.split('/').next());
        if authority.flatten().is_some_and(|authority| authority.contains('@')) {
            // Told without the text, which may hold a password.
            return refused(
                "a URL holds no user and no password: they have their own settings".into(),
            );
        }
        if url::host(base).is_none() {
            return refused(format!("{base:?} is no URL: write https://HOST or https://HOST/PATH"));
        }
        let address = Address::parse(base).map_err(SettingsError)?;
        if let (Some(setting), false) = (trust.plain_by, address.is_https()) {
            return refused(format!(
                "{address} would carry names, sizes and credentials for all to read: write \
                 https://, or say {setting}"
            ));
        }
        let (ca_cert, skip_verify) = (trust.ca_cert, trust.skip_verify);
        let tls = Tls { ca_cert, skip_verify, ..Tls::default() };
        let (base, http) = (address.base().to_owned(), Mutex::default());
        Ok(Self { address, tls, http, base, patience })
    }

    fn http(&self) -> Result<Arc<Http>, SettingsError> {
        let authority = self.tls.ca_cert.as_deref();
        let now = authority.and_then(version);
        if let Some((_, http)) = lock(&self.http).as_ref().filter(|(known, _)| *known == now) {
            return Ok(http.clone());
        }
        if let Some(file) = authority {
            let wrong = |why| SettingsError(format!("ca_cert {}: {why}", file.display()));
            pem::regular(file).map_err(wrong)?;
        }
        let http = Arc::new(Http::elsewhere(&self.address, &self.tls, self.patience)?);
        *lock(&self.http) = Some((now, http.clone()));
        Ok(http)
    }

    /// The path of [`base`](Self::base); empty or with a slash at its start.
    pub fn path(&self) -> &str {
        let rest = self.base.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }

    /// Sends a request, and waits for the head of its answer, whatever its status. What may be
    /// asked twice is, where the connection breaks: one that was kept may have been ended by its
    /// server just then (RFC 9110, section 9.3).
    pub fn exchange(&self, request: Request<'_, '_>) -> Result<Reply, TargetError> {
        let http = self.http().map_err(|SettingsError(what)| TargetError::Failed(what))?;
        let again = request.again();
        let mut outcome = http.exchange(request, Patience::Endless);
        if let (Err(Trouble::Broken(_)), Some(again)) = (&outcome, again) {
            outcome = http.exchange(again, Patience::Endless);
        }
        outcome.map_err(|trouble| self.told(trouble))
    }

    /// The body of an answer, if it has at most so many bytes.
    pub fn body(&self, reply: Reply, most: u64) -> Result<Vec<u8>, TargetError> {
        let mut body = Vec::new();
        let read = reply.body.take(most + 1).read_to_end(&mut body);
        read.map_err(|error| self.told(Trouble::Broken(error.to_string())))?;
        if body.len() as u64 > most {
            let text = format!("{} answers with more than {most} bytes", self.base);
            return Err(TargetError::Failed(text));
        }
        Ok(body)
    }

    fn told(&self, trouble: Trouble) -> TargetError {
        let at = &self.base;
        match trouble {
            Trouble::Refused => TargetError::Away(format!("nobody listens at {at}")),
            Trouble::UnknownHost => TargetError::Away(format!(
                "the host of {at} is not known: check its name, and whether the network is up"
            )),
            Trouble::Late => TargetError::Away(format!(
                "{at} has not moved for {} seconds",
                self.patience.as_secs()
            )),
            Trouble::Plain(PlainServer::Http) => TargetError::Failed(format!("{at} speaks no TLS")),
            Trouble::Plain(PlainServer::Silent) => TargetError::Away(format!(
                "{at} ended the connection before a word of TLS: what is behind it is down, or it \
                 speaks none"
            )),
            Trouble::Tls(why) => TargetError::Denied(format!("no TLS with {at}: {}", remedy(&why))),
            Trouble::Protocol(why) => {
                TargetError::Failed(format!("{at} does not answer in HTTP: {why}"))
            }
            Trouble::Broken(why) => {
                TargetError::Away(format!("the connection to {at} broke: {why}"))
            }
        }
    }
}

fn remedy(why: &str) -> String {
    let remedy = if why.contains("UnknownIssuer") || why.contains("BadSignature") {
        "name the authority that signed its certificate in ca_cert"
    } else if why.contains("NotValidForName") || why.contains("not valid for name") {
        "use a name that its certificate bears"
    } else if why.contains("xpired") || why.contains("NotValidYet") {
        "its certificate has run out or is for later, or this machine's clock is wrong"
    } else {
        "its certificate or its version of TLS does not suit"
    };
    format!("{remedy} ({why})")
}

/// Reads the answer's body as the object that it is: its length must be told, so that an end
/// before it is an error.
pub(super) fn object(reply: Reply, at: &str) -> Result<Box<dyn Read + Send>, TargetError> {
    let length = reply.header("Content-Length").and_then(|length| length.parse().ok());
    let Some(left) = length else {
        let text = format!("{at}: the server does not tell how long it is");
        return Err(TargetError::Failed(text));
    };
    Ok(Box::new(Object { body: reply.body, left }))
}

/// An object on its way. That it ends early is the connection's, and says nothing of the object.
struct Object {
    body: Box<dyn Read + Send>,
    /// So many bytes are to come.
    left: u64,
}

impl Read for Object {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.body.read(buffer) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            let what = "the connection ended in the middle of it";
            return Err(io::Error::new(ErrorKind::ConnectionAborted, what));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
