//! A folder behind WebDAV (RFC 4918): nginx, Apache and their like.
//!
//! An object comes under a temporary name, is compared by its length, and moved to its own. How
//! durable that is, the server alone decides: WebDAV has no word for it.

mod listing;

use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use self::listing::{Entry, Kind};
use super::exactly::Exactly;
use super::remote::{Leftovers, Means, is_temporary};
use super::web::{Trust, Web, object};
use super::{Listed, MOST_LISTED, Name, Target, TargetError};
use crate::base::credential::Credential;
use crate::base::sync::lock;
use crate::base::url;
use crate::client::SettingsError;
use crate::client::http::{Body, Reply, Request};

/// Where a WebDAV server is, and how it is spoken to.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// The folder, which must be there: `https://HOST/PATH`.
    pub url: String,
    /// Who logs in, by HTTP's Basic scheme.
    pub username: Option<String>,
    /// With which password.
    pub password: Option<Credential>,
    /// A PEM file of authorities to believe instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// Believe any certificate.
    pub tls_skip_verify: bool,
    /// Speak without TLS where the URL says `http://`, the password included.
    pub allow_http: bool,
}

/// A folder behind WebDAV.
pub struct HttpTarget {
    web: Web,
    login: Option<(String, Option<Credential>)>,
    means: Means,
    leftovers: Leftovers<String>,
    /// The folders that are known to be there.
    made: Mutex<HashSet<String>>,
}

/// How often a MOVE is tried.
const MOVES: u32 = 4;
/// How long an answer of PROPFIND may be: some ten thousand objects in one folder.
const MOST_BODY: u64 = 8 << 20;

impl HttpTarget {
    /// The target of these settings; nobody is asked yet.
    pub fn new(settings: HttpSettings, means: Means) -> Result<Self, SettingsError> {
        let HttpSettings { url, username, password, ca_cert, tls_skip_verify, allow_http } =
            settings;
        let login = match (username, password) {
            (Some(name), _) if name.contains(':') || name.contains(char::is_control) => {
                return Err(SettingsError("a user name for HTTP has no `:` in it".into()));
            }
            (Some(name), password) => Some((name, password)),
            (None, Some(_)) => {
                return Err(SettingsError("a password needs a user name beside it".into()));
            }
            (None, None) => None,
        };
        let plain_by = (!allow_http).then_some("http_allow_plain = true");
        let trust = Trust { ca_cert, skip_verify: tls_skip_verify, plain_by };
        let web = Web::new(&url, trust, means.patience)?;
        let made = Mutex::new(HashSet::new());
        Ok(Self { web, login, means, leftovers: Leftovers::new(), made })
    }

    /// The URL of what lies below the folder.
    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.web.base)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Reply, TargetError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut headers: Vec<_> = headers.iter().map(own).collect();
        if let Some((name, password)) = &self.login {
            let mut pair = Zeroizing::new(format!("{name}:").into_bytes());
            if let Some(password) = password {
                let password =
                    password.read().map_err(|error| TargetError::Denied(error.to_string()))?;
                pair.extend_from_slice(password.expose());
            }
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(&*pair));
            headers.push(("Authorization".into(), format!("Basic {}", *encoded)));
        }
        let url = self.at(path);
        let reply = self.web.exchange(Request { method, url: &url, headers: &headers, body });
        for (_, value) in &mut headers {
            zeroize::Zeroize::zeroize(value);
        }
        reply
    }

    /// Sees to it that a folder is there, and those in which it lies.
    fn make(&self, folder: &str) -> Result<(), TargetError> {
        if folder.is_empty() || lock(&self.made).contains(folder) {
            return Ok(());
        }
        self.make(folder.rsplit_once('/').map_or("", |(outer, _)| outer))?;
        let path = format!("{folder}/");
        let reply = self.send("MKCOL", &path, &[], Body::Empty)?;
        match reply.status {
            // What is there already is not allowed to be made (RFC 4918, section 9.3.1).
            200..=299 => {}
            405 if self.kind(&path)? == Some(Kind::Folder) => {}
            404 | 409 => return Err(self.no_base()),
            _ => return Err(self.refused(&reply, "MKCOL", &path)),
        }
        lock(&self.made).insert(folder.to_owned());
        Ok(())
    }

    /// What is at a path; `None` for nothing.
    fn kind(&self, path: &str) -> Result<Option<Kind>, TargetError> {
        let entries = self.ask(path, "0")?;
        Ok(entries.and_then(|entries| entries.into_iter().next()).map(|entry| entry.kind))
    }

    /// What the server tells of a path, and at a depth of 1 of what lies in it; `None` where
    /// nothing is.
    fn ask(&self, path: &str, depth: &str) -> Result<Option<Vec<Entry>>, TargetError> {
        let headers = [("Depth", depth), ("Content-Type", "application/xml; charset=utf-8")];
        let reply = self.send("PROPFIND", path, &headers, Body::Bytes(listing::QUESTION))?;
        match reply.status {
            207 => {}
            404 | 410 => return Ok(None),
            // So says Apache of what would lie below a file.
            400 if path.ends_with('/') => return Ok(None),
            _ => return Err(self.refused(&reply, "PROPFIND", path)),
        }
        let body = self.web.body(reply, MOST_BODY)?;
        let entries = listing::entries(&body);
        entries.map(Some).map_err(|why| {
            TargetError::Failed(format!("{} does not list as WebDAV does: {why}", self.at(path)))
        })
    }

    /// What lies directly in a folder, by the last part of its path; `None` for no such folder.
    fn look(&self, folder: &str) -> Result<Option<Vec<(String, Kind)>>, TargetError> {
        let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let Some(entries) = self.ask(&path, "1")? else { return Ok(None) };
        let base = url::decode_path(self.web.path()).unwrap_or_default();
        let own = [&*base, b"/", path.as_bytes()].concat();
        let inside = |entry: Entry| {
            let part = entry.path.strip_prefix(&*own)?;
            let part = String::from_utf8(part.strip_suffix(b"/").unwrap_or(part).to_vec()).ok()?;
            (!part.is_empty() && !part.contains('/')).then_some((part, entry.kind))
        };
        Ok(Some(entries.into_iter().filter_map(inside).collect()))
    }

    /// Why nothing can be below the folder that the settings name.
    fn no_base(&self) -> TargetError {
        TargetError::Failed(format!(
            "there is no folder at {}/: make it on the server (is its disk mounted?)",
            self.web.base
        ))
    }

    fn put_at(
        &self,
        temporary: &str,
        name: &Name,
        length: u64,
        content: &mut dyn Read,
    ) -> Result<(), TargetError> {
        let mut content = Exactly::new(content, length);
        let sent = if length == 0 {
            // There is nothing to be sent, but there might be something to be read.
            let _ = content.read(&mut [0]);
            match content.into_failure() {
                Some(failure) => return Err(TargetError::Source(failure)),
                None => self.send("PUT", temporary, &[], Body::Empty),
            }
        } else {
            // Who is refused is told before sending all of it.
            let expect = [("Expect", "100-continue")];
            let body = Body::Stream { length, from: &mut content };
            let sent = self.send("PUT", temporary, &expect, body);
            match content.into_failure() {
                Some(failure) => return Err(TargetError::Source(failure)),
                None => sent,
            }
        };
        let reply = sent?;
        if !(200..300).contains(&reply.status) {
            return Err(self.refused(&reply, "PUT", temporary));
        }
        let there = self.kind(temporary)?;
        if there != Some(Kind::File(length)) {
            let at = self.at(temporary);
            let text = format!("{length} bytes were put at {at}, where now is {there:?}");
            return Err(TargetError::Failed(text));
        }
        self.rename(temporary, name)
    }

    fn rename(&self, temporary: &str, name: &Name) -> Result<(), TargetError> {
        let to = self.at(name.as_str());
        let headers = [("Destination", &*to), ("Overwrite", "T")];
        let mut left = MOVES;
        loop {
            left -= 1;
            let moved = self.send("MOVE", temporary, &headers, Body::Empty)?;
            match moved.status {
                // 207 tells of a part that failed.
                200..=206 => return Ok(()),
                // Apache says so of what is to be replaced, too, when somebody else just did that.
                404 if left > 0 && self.kind(temporary)?.is_some() => {}
                _ => return Err(self.refused(&moved, "MOVE", temporary)),
            }
        }
    }

    fn remove(&self, path: &str) -> Result<(), TargetError> {
        let reply = self.send("DELETE", path, &[], Body::Empty)?;
        match reply.status {
            200..=206 | 404 | 410 => Ok(()),
            _ => Err(self.refused(&reply, "DELETE", path)),
        }
    }

    /// What a status says of a request.
    fn refused(&self, reply: &Reply, method: &str, path: &str) -> TargetError {
        let (at, status) = (self.at(path), reply.status);
        let told = |why: &str| format!("{method} {at}: {why} ({status})");
        let writes = method != "PROPFIND" && method != "GET";
        match status {
            401 if self.login.is_none() => {
                TargetError::Denied(told("the server wants a user name and a password"))
            }
            401 => TargetError::Denied(told(
                "the server takes neither this user name and password nor HTTP's Basic scheme",
            )),
            403 => TargetError::Denied(told("the server forbids it: see its rights and its log")),
            407 => TargetError::Denied(told("the proxy wants a login")),
            404 | 410 => TargetError::Absent(told("nothing is there")),
            405 | 501 if writes => TargetError::ReadOnly(told(
                "the server does not let anybody write there: nginx needs `dav_methods PUT \
                 DELETE MKCOL MOVE;`, Apache `Dav On`",
            )),
            405 | 501 => TargetError::Failed(told(
                "the server does not list: nginx needs its module dav-ext (Debian: \
                 libnginx-mod-http-dav-ext) and `dav_ext_methods PROPFIND OPTIONS;`, Apache \
                 `Dav On`",
            )),
            409 => TargetError::Failed(told("the folder is not there, or is none")),
            413 => TargetError::Failed(told(
                "that is larger than the server takes: nginx needs `client_max_body_size 0;`, \
                 Apache `LimitRequestBody 0`",
            )),
            507 => TargetError::Full(told("the server has no room")),
            408 | 423 | 425 | 429 | 502..=504 => TargetError::Away(told("not now")),
            300..=399 => TargetError::Failed(told(&match &reply.location {
                Some(elsewhere) => format!("the server says that it is at {elsewhere}"),
                None => "the server says that it is elsewhere".to_owned(),
            })),
            500 if writes => {
                TargetError::Failed(told("the server failed: see its log; is its disk full?"))
            }
            _ => TargetError::Failed(told("the server failed")),
        }
    }
}

impl Target for HttpTarget {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        let folder = name.folder();
        let find = |folder: &str| {
            let inside = self.look(folder)?.unwrap_or_default();
            let stale = |(base, kind): (String, Kind)| {
                let file = matches!(kind, Kind::File(_)) && is_temporary(&base);
                file.then(|| join(folder, &base))
            };
            Ok(inside.into_iter().filter_map(stale).collect())
        };
        self.leftovers.sweep(folder, find, |path| self.remove(path))?;
        self.make(folder)?;
        let temporary = self.means.temporary(name);
        let outcome = self.leftovers.attempt(
            folder,
            &temporary,
            || self.put_at(&temporary, name, length, content),
            || self.remove(&temporary),
        );
        if outcome.is_err() {
            // The folder may have been removed meanwhile.
            lock(&self.made).clear();
        }
        outcome
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        let reply =
            self.send("GET", name.as_str(), &[("Cache-Control", "no-cache")], Body::Empty)?;
        match reply.status {
            200 => object(reply, &self.url(name)),
            _ => Err(self.refused(&reply, "GET", name.as_str())),
        }
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let under = under.trim_end_matches('/');
        if !under.is_empty() && Name::parse(under).is_none() {
            return Ok(Vec::new());
        }
        let (mut found, mut folders, mut seen) = (Vec::new(), vec![under.to_owned()], 0);
        while let Some(folder) = folders.pop() {
            let Some(inside) = self.look(&folder)? else {
                // A disk that is not mounted is no empty target.
                if folder.is_empty() || self.kind("")? != Some(Kind::Folder) {
                    return Err(self.no_base());
                }
                continue;
            };
            seen += inside.len();
            if seen > MOST_LISTED {
                let text = format!("there is more at {} than can be listed", self.web.base);
                return Err(TargetError::Failed(text));
            }
            for (base, kind) in inside {
                let Some(name) = Name::parse(join(&folder, &base)) else { continue };
                match kind {
                    Kind::Folder => folders.push(name.as_str().to_owned()),
                    Kind::File(length) => found.push(Listed { name, length }),
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        // Of a folder Apache removes all that is in it.
        match self.kind(name.as_str())? {
            Some(Kind::File(_)) => self.remove(name.as_str()),
            Some(Kind::Folder) | None => Ok(()),
        }
    }

    fn url(&self, name: &Name) -> String {
        self.at(name.as_str())
    }
}

fn join(folder: &str, base: &str) -> String {
    if folder.is_empty() { base.to_owned() } else { format!("{folder}/{base}") }
}
