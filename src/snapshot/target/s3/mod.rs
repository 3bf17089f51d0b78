//! A bucket of any S3 server.
//!
//! What fits into one part is put at once, what is larger part by part: in either case the object
//! is there when the server has all of it, and no more than a part is held in memory. Each part is
//! signed with its hash, so that what the server took is what was read.

mod multipart;
mod refusal;
mod settings;
mod sign;

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use self::multipart::Upload;
use self::refusal::Refusal;
pub use self::settings::S3Settings;
use self::sign::{Signable, encode_path, query};
use super::exactly::Exactly;
use super::remote::{Leftovers, Means};
use super::web::{Trust, Web, object};
use super::xml;
use super::{Listed, MOST_LISTED, Name, Target, TargetError};
use crate::base::digest::sha256;
use crate::base::url;
use crate::client::SettingsError;
use crate::client::http::{Body, Reply, Request};

/// The length of a part: S3 allows 5 MiB to 5 GiB.
const PART: u64 = 8 << 20;
/// The most parts that an object has.
const MOST_PARTS: u64 = 10_000;
/// How long an answer in XML may be: a thousand names of at most 1,024 bytes, and their fields.
const MOST_BODY: u64 = 8 << 20;
/// How long to wait before a request that the server failed at is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// A bucket.
pub struct S3Target {
    settings: S3Settings,
    web: Web,
    /// The host as it is sent and signed.
    host: String,
    means: Means,
    leftovers: Leftovers<Upload>,
}

impl S3Target {
    /// The target of these settings; nobody is asked yet.
    pub fn new(settings: S3Settings, means: Means) -> Result<Self, SettingsError> {
        let visible = |key: &String| key.bytes().all(|byte| byte.is_ascii_graphic());
        if !settings.kms_key.iter().all(visible) {
            return Err(SettingsError("that is no name of a key of the KMS".into()));
        }
        let base = settings.base()?;
        let trust = Trust {
            ca_cert: settings.ca_cert.clone(),
            skip_verify: settings.tls_skip_verify,
            plain_by: None,
        };
        let web = Web::new(&base, trust, means.patience)?;
        let host = base.split('/').nth(2).unwrap_or_default().to_ascii_lowercase();
        Ok(Self { settings, web, host, means, leftovers: Leftovers::new() })
    }

    /// Sends a request about the object `key`, or with `""` about the bucket; again where the
    /// server failed. Any answer but a success is an error.
    fn send(
        &self,
        method: &str,
        key: &str,
        pairs: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, TargetError> {
        let mut pauses = PAUSES.iter();
        loop {
            let refusal = match self.send_once(method, key, pairs, headers, body)? {
                Ok(reply) => return Ok(reply),
                Err(refusal) => refusal,
            };
            match pauses.next() {
                Some(pause) if refusal.is_passing() => sleep(*pause),
                _ => return Err(self.told(&refusal, method, key)),
            }
        }
    }

    fn send_once(
        &self,
        method: &str,
        key: &str,
        pairs: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Result<Reply, Refusal>, TargetError> {
        let keys = self.settings.keys().map_err(|e| TargetError::Denied(e.to_string()))?;
        let path = encode_path(&format!("{}/{key}", self.web.path()));
        let query = query(pairs);
        let signable = Signable {
            method,
            host: &self.host,
            path: &path,
            query: &query,
            headers,
            payload: sha256(body),
        };
        let mut all = signable.sign(&keys, self.settings.region(), self.means.clock.wall());
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let sends = matches!(method, "PUT" | "POST");
        if body.len() > 64 << 10 {
            // Who is refused is told before sending all of it.
            all.push(("Expect".into(), "100-continue".into()));
        }
        let origin = &self.web.base[..self.web.base.len() - self.web.path().len()];
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{origin}{path}{mark}{query}");
        let body = if sends { Body::Bytes(body) } else { Body::Empty };
        let reply = self.web.exchange(Request { method, url: &url, headers: &all, body })?;
        if (200..300).contains(&reply.status) {
            return Ok(Ok(reply));
        }
        let (status, date) = (reply.status, reply.header("Date").map(str::to_owned));
        let region = reply.header("x-amz-bucket-region").map(str::to_owned);
        let body = self.web.body(reply, MOST_BODY)?;
        Ok(Err(Refusal::read(status, &body, date.as_deref(), region.as_deref(), &keys)))
    }

    fn told(&self, refusal: &Refusal, method: &str, key: &str) -> TargetError {
        let at = format!("{}/{key}", self.web.base);
        refusal.told(method, &at, self.means.clock.wall())
    }

    /// What the XML of an answer says; `None` where it lacks something that must be there.
    fn answer<T>(
        &self,
        reply: Reply,
        root: &str,
        take: impl FnOnce(xml::Element<'_>) -> Option<T>,
    ) -> Result<T, TargetError> {
        let body = self.web.body(reply, MOST_BODY)?;
        let read = xml::read(&body, |element| match element.name() == root {
            true => take(element),
            false => None,
        });
        let broken = |why: String| {
            TargetError::Failed(format!("{} does not answer as S3 does: {why}", self.web.base))
        };
        read.map_err(|malformed| broken(malformed.to_string()))?
            .ok_or_else(|| broken(format!("that is no whole {root}")))
    }

    /// Reads the next part into `part`; an error is one of the source.
    fn read_part(
        content: &mut Exactly<&mut dyn Read>,
        part: &mut Vec<u8>,
        length: u64,
    ) -> std::io::Result<()> {
        part.clear();
        if length == 0 {
            // There is nothing to be read, but there might be something.
            return content.read(&mut [0]).map(drop);
        }
        content.take(length).read_to_end(part).map(drop)
    }

    /// One page of a listing, appended to `found`; where the next one begins.
    fn page(
        &self,
        prefix: &str,
        token: Option<&str>,
        found: &mut Vec<Listed>,
        seen: &mut usize,
    ) -> Result<Option<String>, TargetError> {
        // Without an encoding XML could not say each name that somebody else may have chosen.
        let mut pairs = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)];
        pairs.extend(token.map(|token| ("continuation-token", token)));
        let reply = self.send("GET", "", &pairs, &[], &[])?;
        self.answer(reply, "ListBucketResult", |root| {
            let encoded = root.text_of("EncodingType") == Some("url");
            for object in root.all("Contents") {
                *seen += 1;
                let key = object.text_of("Key")?;
                let key = if encoded { url::decode_query(key) } else { Some(key.to_owned()) };
                let length = object.text_of("Size")?.parse().ok()?;
                // What is no name is not ours.
                let name = key.and_then(Name::parse);
                found.extend(name.map(|name| Listed { name, length }));
            }
            if root.text_of("IsTruncated") != Some("true") {
                return Some(None);
            }
            let next = root.text_of("NextContinuationToken")?;
            (!next.is_empty() && Some(next) != token).then(|| Some(next.to_owned()))
        })
    }
}

impl Target for S3Target {
    fn put(&self, name: &Name, length: u64, content: &mut dyn Read) -> Result<(), TargetError> {
        if length > PART * MOST_PARTS {
            let text = format!("{}: larger than {} bytes", self.url(name), PART * MOST_PARTS);
            return Err(TargetError::Failed(text));
        }
        self.leftovers.sweep(
            name.folder(),
            |folder| self.uploads_in(folder),
            |upload| self.abort(upload),
        )?;
        let mut content = Exactly::new(content, length);
        let mut part = Vec::with_capacity(usize::try_from(length.min(PART)).unwrap_or(0));
        if length > PART {
            return self.put_in_parts(name, length, &mut content, &mut part);
        }
        Self::read_part(&mut content, &mut part, length).map_err(TargetError::Source)?;
        self.send("PUT", name.as_str(), &[], &self.settings.encryption(), &part).map(drop)
    }

    fn get(&self, name: &Name) -> Result<Box<dyn Read + Send>, TargetError> {
        object(self.send("GET", name.as_str(), &[], &[], &[])?, &self.url(name))
    }

    fn list(&self, under: &str) -> Result<Vec<Listed>, TargetError> {
        let under = under.trim_end_matches('/');
        let prefix = match under {
            "" => String::new(),
            under if Name::parse(under).is_some() => format!("{under}/"),
            _ => return Ok(Vec::new()),
        };
        let (mut found, mut seen, mut token) = (Vec::new(), 0, None);
        loop {
            token = self.page(&prefix, token.as_deref(), &mut found, &mut seen)?;
            if token.is_none() {
                break;
            }
            if seen > MOST_LISTED {
                let text = format!("there is more at {} than can be listed", self.web.base);
                return Err(TargetError::Failed(text));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn delete(&self, name: &Name) -> Result<(), TargetError> {
        match self.send("DELETE", name.as_str(), &[], &[], &[]) {
            Ok(_) | Err(TargetError::Absent(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn url(&self, name: &Name) -> String {
        format!("{}/{}", self.web.base, encode_path(name.as_str()))
    }
}
