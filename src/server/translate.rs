//! Between tiny_http's requests and ours.

use std::io::{self, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use zeroize::Zeroizing;

use super::Service;
use super::counters::Counters;
use super::gate::answer::STREAMED;
use super::gate::callers::{Caller, CallerId, Callers, Note};
use super::gate::head::CONNECTION_ID;
use super::refusal::reason;
use super::target::Target;
use crate::api::reply::{Response, ResponseBody, StreamWriter};
use crate::api::request::{Body, Method, Request};
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::base::sync::lock;

/// An answer's body up to this many bytes goes out in one piece with its head.
const ONE_PIECE: usize = 16 << 10;
/// Bytes of a stream that are written at once.
const STREAM_PIECE: usize = 64 << 10;

/// What a worker needs to answer requests.
pub struct Translator {
    /// Answers them.
    pub service: Arc<dyn Service>,
    /// Knows who asks.
    pub callers: Arc<Callers>,
    /// Counts.
    pub counters: Arc<Counters>,
    /// Measures.
    pub clock: Arc<dyn Clock>,
}

impl Translator {
    /// Runs one request and writes its answer.
    pub fn answer(&self, wire: tiny_http::Request) {
        let id = header(&wire, CONNECTION_ID).and_then(CallerId::parse);
        let Some((id, caller)) = id.and_then(|id| Some((id, self.callers.find(id)?))) else {
            // The gate tries a new line; or the peer has left, and nobody waits for an answer.
            return send(wire.into_writer(), "HTTP/1.1 204 No Content\r\n\r\n".into(), &[]);
        };
        let started = self.clock.boot();
        let verb = wire.method().to_string();
        let url = wire.url().to_owned();
        let wire = Shared(Arc::new(Mutex::new(Some(wire))));
        let (mount, response) = match Target::parse(&url) {
            Ok(target) => self.respond(&wire, &verb, &target, &caller),
            Err(_) => (String::new(), errors(400)),
        };
        let Some(wire) = wire.take() else { return };
        let status = response.status;
        self.send(id, wire.into_writer(), response, verb == "HEAD");
        let micros = self.clock.boot().saturating_sub(started).as_micros();
        log::debug!(
            target: "edgekeep::request",
            method = verb, mount, status, micros;
            "{verb} {mount} {status} {micros}us"
        );
    }

    /// Sends an answer. One without an end holds no worker.
    fn send(&self, id: CallerId, out: Box<dyn Write + Send>, response: Response, bodiless: bool) {
        let head = head(&response);
        let callers = self.callers.clone();
        let written = match response.body {
            ResponseBody::Endless { write, .. } if !bodiless => {
                let stream = Endless { out, id, callers };
                let run = move || stream.run(&head, write);
                thread::Builder::new().name("stream".to_owned()).spawn(run).is_ok()
            }
            body => write(out, head, body, bodiless),
        };
        if !written {
            self.callers.tell(Note::Broken(id));
        }
    }

    /// The answer, and the part of the path that the log may name.
    fn respond(
        &self,
        wire: &Shared,
        verb: &str,
        target: &Target,
        caller: &Arc<Caller>,
    ) -> (String, Response) {
        if caller.rules.require_request_header && !wire.is_meant() {
            return (String::new(), said(412, "missing 'X-Vault-Request' header"));
        }
        let method = method(verb);
        if let Some(location) = target.redirect() {
            return (String::new(), moved(location, method));
        }
        let Some(path) = target.path.strip_prefix("/v1/") else {
            return (String::new(), errors(404));
        };
        let mount = mount(path);
        let Some(method) = method else { return (mount, errors(405)) };
        let Some(request) = wire.read(method, path, target, caller) else {
            // Its body was cut short: the gate has closed the line.
            return (mount, errors(400));
        };
        if let Body::Whole(body) = &request.body
            && !body.expose().is_empty()
        {
            self.counters.bodies.record(body.expose().len() as u64);
        }
        let called = catch_unwind(AssertUnwindSafe(|| self.service.call(request)));
        let response = called.unwrap_or_else(|_| {
            self.counters.panics.count();
            errors(500)
        });
        (mount, response)
    }
}

/// The part of a path that names no secret: its first segment, under `auth` the next one too.
fn mount(path: &str) -> String {
    let segments = if path.starts_with("auth/") { 2 } else { 1 };
    path.split_inclusive('/').take(segments).collect()
}

fn method(verb: &str) -> Option<Method> {
    Some(match verb {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "LIST" => Method::List,
        "OPTIONS" => Method::Options,
        "HELP" => Method::Help,
        "RECOVER" => Method::Recover,
        _ => return None,
    })
}

fn header<'a>(wire: &'a tiny_http::Request, name: &str) -> Option<&'a str> {
    let found = wire.headers().iter().find(|header| header.field.as_str() == name);
    found.map(|header| header.value.as_str())
}

/// A request of tiny_http's, shared with the stream that reads its body.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<tiny_http::Request>>>);

impl Shared {
    fn with<T>(&self, use_it: impl FnOnce(&mut tiny_http::Request) -> Option<T>) -> Option<T> {
        use_it(lock(&self.0).as_mut()?)
    }

    /// Ends the sharing: a stream that is still held elsewhere reads nothing more.
    fn take(&self) -> Option<tiny_http::Request> {
        lock(&self.0).take()
    }

    /// Whether it says that it is meant for a server of secrets.
    fn is_meant(&self) -> bool {
        self.with(|wire| {
            let values = |header: &&tiny_http::Header| header.field.as_str() == "x-vault-request";
            let mut values = wire.headers().iter().filter(values).map(|header| &header.value);
            let meant = values.next().is_some_and(|value| value.as_str() == "true");
            Some(meant && values.next().is_none())
        }) == Some(true)
    }

    /// Our form of the request; none when its body is not whole.
    fn read(
        &self,
        method: Method,
        path: &str,
        target: &Target,
        caller: &Arc<Caller>,
    ) -> Option<Request> {
        self.with(|wire| {
            let mut token = None;
            let mut bearer = None;
            let mut headers = Vec::with_capacity(wire.headers().len());
            let mut streamed = false;
            for header in wire.headers() {
                let (name, value) = (header.field.as_str().as_str(), header.value.as_str());
                match name {
                    "x-vault-token" => token = token.or_else(|| secret(value)),
                    "authorization" if value.starts_with("Bearer ") => {
                        bearer = bearer.or_else(|| secret(value["Bearer ".len()..].trim()));
                    }
                    "transfer-encoding" => streamed = true,
                    CONNECTION_ID | "content-length" => {}
                    _ => headers.push((name.to_owned(), value.to_owned())),
                }
            }
            let body = if streamed {
                let (wire, caller) = (self.clone(), caller.clone());
                Body::Stream(Box::new(Upload { wire, caller, read: 0 }))
            } else {
                Body::Whole(whole_body(wire)?)
            };
            Some(Request {
                method,
                path: path.to_owned(),
                query: target.parameters(),
                headers,
                token: token.or(bearer),
                body,
                peer: caller.peer.clone(),
            })
        })
    }
}

fn secret(text: &str) -> Option<Secret> {
    (!text.is_empty()).then(|| Secret::new(text))
}

/// A body whose length is known: none when it was cut short.
fn whole_body(wire: &mut tiny_http::Request) -> Option<Secret> {
    let mut body = Zeroizing::new(vec![0; wire.body_length().unwrap_or(0)]);
    if !body.is_empty() {
        wire.as_reader().read_exact(&mut body).ok()?;
    }
    Some(Secret::new(std::mem::take(&mut *body)))
}

/// A body without bound, read as it comes.
struct Upload {
    wire: Shared,
    caller: Arc<Caller>,
    read: u64,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.wire.with(|wire| Some(wire.as_reader().read(buffer)));
        let n = read.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))?;
        self.read += n as u64;
        // tiny_http takes a line that was closed for the body's end.
        if n == 0 && !buffer.is_empty() && !self.caller.is_whole(self.read) {
            let text = "the body was cut short before its end";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(n)
    }
}

fn errors(status: u16) -> Response {
    match status {
        500 => said(500, "internal error"),
        _ => listed(status, ""),
    }
}

/// An error of which there is something to say.
fn said(status: u16, text: &'static str) -> Response {
    listed(status, &format!("\"{text}\""))
}

fn listed(status: u16, errors: &str) -> Response {
    let text = format!("{{\"errors\":[{errors}]}}\n").into_bytes();
    let body = ResponseBody::Whole("application/json", Zeroizing::new(text));
    Response::new(status, body)
}

/// Go's redirect to a clean path: with a link for those who read it, without for others.
fn moved(location: String, method: Option<Method>) -> Response {
    let body = if matches!(method, Some(Method::Get | Method::Head)) {
        let text = format!("<a href=\"{}\">Moved Permanently</a>.\n\n", escaped(&location));
        ResponseBody::Whole("text/html; charset=utf-8", Zeroizing::new(text.into()))
    } else {
        ResponseBody::Empty
    };
    Response { headers: vec![("Location", location)], ..Response::new(301, body) }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

/// The head of an answer.
fn head(response: &Response) -> String {
    let (kind, length) = match &response.body {
        ResponseBody::Empty => (None, Some(0)),
        ResponseBody::Whole(kind, bytes) => (Some(*kind), Some(bytes.len() as u64)),
        ResponseBody::Stream { content_type, length, .. } => (Some(*content_type), Some(*length)),
        ResponseBody::Endless { content_type, .. } => (Some(*content_type), None),
    };
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    let mut line = |name: &str, value: &str| {
        // A value with a line's end in it could speak for the server.
        if value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    };
    if let Some(kind) = kind {
        line("Content-Type", kind);
    }
    match length {
        Some(length) if response.status != 204 => line("Content-Length", &length.to_string()),
        Some(_) => {}
        None => line("Transfer-Encoding", "chunked"),
    }
    for (name, value) in &response.headers {
        line(name, value);
    }
    if matches!(response.body, ResponseBody::Stream { .. }) {
        line(STREAMED, "1");
    }
    head.push_str("\r\n");
    head
}

/// Writes an answer; false when it was a stream that failed in the middle.
fn write(mut out: Box<dyn Write + Send>, head: String, body: ResponseBody, bodiless: bool) -> bool {
    match body {
        _ if bodiless => send(out, head, &[]),
        ResponseBody::Empty | ResponseBody::Endless { .. } => send(out, head, &[]),
        ResponseBody::Whole(_, bytes) => send(out, head, &bytes),
        ResponseBody::Stream { length, write, .. } => {
            let mut counted = Counted { out: &mut out, left: length };
            let mut buffered = BufWriter::with_capacity(STREAM_PIECE, &mut counted);
            let written = catch_unwind(AssertUnwindSafe(|| {
                buffered.get_mut().out.write_all(head.as_bytes())?;
                write(&mut buffered)?;
                buffered.flush()
            }));
            // What a failed stream has left behind must not be written after all.
            drop(buffered.into_parts());
            return matches!(written, Ok(Ok(()))) && counted.left == 0;
        }
    }
    true
}

/// Writes head and body. That the peer has left meanwhile is the gate's to notice.
fn send(mut out: Box<dyn Write + Send>, head: String, body: &[u8]) {
    let mut piece = Zeroizing::new(head.into_bytes());
    let fits = body.len() <= ONE_PIECE;
    if fits {
        piece.extend_from_slice(body);
    }
    let rest = if fits { &[][..] } else { body };
    let _ = out.write_all(&piece).and_then(|()| out.write_all(rest)).and_then(|()| out.flush());
}

/// An answer without a known end, on a thread of its own. It goes out in chunks.
struct Endless {
    out: Box<dyn Write + Send>,
    id: CallerId,
    callers: Arc<Callers>,
}

impl Endless {
    fn run(mut self, head: &str, write: StreamWriter) {
        let written = catch_unwind(AssertUnwindSafe(|| {
            self.out.write_all(head.as_bytes())?;
            self.flush()?;
            write(&mut self)?;
            self.out.write_all(b"0\r\n\r\n")?;
            self.flush()
        }));
        if !matches!(written, Ok(Ok(()))) {
            self.callers.tell(Note::Broken(self.id));
        }
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A chunk of nothing would be the end.
        if !bytes.is_empty() {
            let size = format!("{:x}\r\n", bytes.len());
            self.out.write_all(&[size.as_bytes(), bytes, b"\r\n"].concat())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.callers.find(self.id) {
            Some(_) => self.out.flush(),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Takes exactly as much as was promised.
struct Counted<'a> {
    out: &'a mut dyn Write,
    left: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        let Some(left) = left else {
            return Err(io::Error::other("a stream gave more than it promised"));
        };
        self.out.write_all(bytes)?;
        self.left = left;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
