//! Answers as peers get them: what each has, and what stands behind the gate says.

use std::io::Write as _;

use super::head::{Framing, Persistence};
use crate::server::refusal::{Refusal, reason};
use crate::server::rules::ResponseHeaders;

/// The header by which an answer is marked that its worker makes as it goes out. The gate drops it.
pub const STREAMED: &str = "x-edgekeep-streamed";

/// How one answer goes out.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// The `Date` header.
    pub date: &'a str,
    /// What becomes of the connection.
    pub persistence: Persistence,
    /// The request was HEAD.
    pub bodiless: bool,
    /// The peer knows chunks: HTTP/1.1.
    pub chunks: bool,
    /// What is added.
    pub headers: &'a ResponseHeaders,
}

/// The head of an answer, read.
pub struct Answer {
    /// Bytes of it in what was parsed.
    pub length: usize,
    /// The body that follows it.
    pub body: Framing,
    /// It is made as it goes out, and may be waited for by its worker.
    pub streamed: bool,
}

/// An answer from behind the gate that is none.
#[derive(Debug)]
pub struct Senseless;

/// Writes a piece of a body without a known end; its end when it is empty. Who knows no chunks
/// reads until the connection is closed.
pub fn chunk(content: &[u8], chunks: bool, out: &mut Vec<u8>) {
    if chunks {
        out.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
    }
    out.extend_from_slice(content);
    if chunks {
        out.extend_from_slice(b"\r\n");
    }
}

/// Begins an answer: status line and the headers that every one has (as Vault's).
fn begin(status: u16, manner: Manner, out: &mut Vec<u8>) {
    let connection = match manner.persistence {
        Persistence::Stays => "",
        Persistence::StaysIfTold => "Connection: keep-alive\r\n",
        Persistence::Closes => "Connection: close\r\n",
    };
    // Writing into memory cannot fail.
    let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in manner.headers.of(status) {
        let _ = write!(out, "{name}: {value}\r\n");
    }
    let _ = write!(out, "Date: {}\r\n{connection}", manner.date);
}

/// Writes a refusal whole.
pub fn refuse(refusal: Refusal, manner: Manner, out: &mut Vec<u8>) {
    begin(refusal.status(), manner, out);
    let (kind, body) = refusal.body().unwrap_or_default();
    if !kind.is_empty() {
        let _ = write!(out, "Content-Type: {kind}\r\n");
    }
    if let Some(seconds) = refusal.again_in() {
        let _ = write!(out, "Retry-After: {seconds}\r\n");
    }
    let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
    if !manner.bodiless {
        out.extend_from_slice(body.as_bytes());
    }
}

/// Reads an answer's head from the front of `bytes`, none when it is not whole, and writes what
/// the peer gets of it to `out`.
pub fn pass(bytes: &[u8], manner: Manner, out: &mut Vec<u8>) -> Result<Option<Answer>, Senseless> {
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut lines);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Senseless),
    };
    let status = response.code.ok_or(Senseless)?;
    let is = |header: &httparse::Header<'_>, name| header.name.eq_ignore_ascii_case(name);
    let endless = response.headers.iter().any(|header| is(header, "transfer-encoding"));
    let manner = match endless && !manner.chunks {
        true => Manner { persistence: Persistence::Closes, ..manner },
        false => manner,
    };
    begin(status, manner, out);
    let mut body = endless.then_some(Framing::Chunked);
    let mut streamed = false;
    for header in response.headers.iter() {
        if is(header, STREAMED) {
            streamed = true;
            continue;
        }
        let unknown = is(header, "transfer-encoding") && !manner.chunks;
        if unknown || manner.headers.has(status, header.name) {
            continue;
        }
        if is(header, "content-length") {
            let text = std::str::from_utf8(header.value).ok();
            let length = text.and_then(|text| text.parse().ok()).ok_or(Senseless)?;
            body = Some(Framing::Length(length));
        }
        out.extend_from_slice(header.name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(header.value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    let none = manner.bodiless || status == 204 || status == 304;
    let body = if none { Some(Framing::Length(0)) } else { body };
    Ok(Some(Answer { length, body: body.ok_or(Senseless)?, streamed }))
}
