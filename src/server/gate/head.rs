//! A request's head: read, checked and written anew for what stands behind the gate.

use std::mem::MaybeUninit;

use crate::server::refusal::Refusal;
use crate::server::target::{self, Target, TargetError};

/// More header lines than any client sends.
const MAX_HEADERS: usize = 128;

/// The header that names the connection to what stands behind the gate. No client can send it.
pub const CONNECTION_ID: &str = "x-edgekeep-connection";

/// Headers between a peer and the gate alone (RFC 9110, section 7.6.1), and those that the gate
/// writes itself. Upgrades are offered by nothing behind the gate.
const DROPPED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    CONNECTION_ID,
];

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in bytes; zero when there is no body.
    Length(u64),
    /// By its last chunk (RFC 9112, section 7.1).
    Chunked,
}

/// What becomes of a connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It stays: HTTP/1.1.
    Stays,
    /// It stays, and the answer says so: HTTP/1.0 with `Connection: keep-alive`.
    StaysIfTold,
    /// It is closed.
    Closes,
}

/// A request's head that may pass.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of it in what was parsed.
    pub length: usize,
    /// The request line and the headers as they go on, names in lower case, each line ended, the
    /// head itself not: the gate adds the body's length and the connection's id.
    pub forward: Vec<u8>,
    /// The body's.
    pub framing: Framing,
    /// The connection's.
    pub persistence: Persistence,
    /// The peer knows chunks: HTTP/1.1.
    pub chunks: bool,
    /// The peer waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// A HEAD request, whose answer has no body.
    pub bodiless: bool,
    /// A snapshot to restore: its body has no bound and is passed on as it comes.
    pub unbounded: bool,
}

/// Reads one head from the front of `bytes`; none when it is not whole yet.
///
/// Callers bound `bytes`. Nothing that passes can be read in two ways: lengths are digits that
/// agree, a length and a transfer coding exclude each other, all is printable ASCII.
pub fn parse(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut lines) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(Refusal::Version),
        Err(_) => return Err(Refusal::Malformed("")),
    };
    let (Some(method), Some(raw), Some(version)) = (request.method, request.path, request.version)
    else {
        return Err(Refusal::Malformed(""));
    };
    if !raw.is_ascii() {
        return Err(Refusal::Unprintable);
    }
    let target = Target::parse(raw).map_err(|error| match error {
        TargetError::Malformed => Refusal::Malformed(""),
        TargetError::Unprintable => Refusal::Unprintable,
    })?;

    let mut head = Head {
        length,
        forward: Vec::with_capacity(length + 128),
        framing: Framing::Length(0),
        persistence: if version == 1 { Persistence::Stays } else { Persistence::Closes },
        chunks: version == 1,
        expects_continue: false,
        bodiless: method == "HEAD",
        unbounded: matches!(method, "POST" | "PUT") && takes_a_snapshot(&target.path),
    };
    head.line(&[method, " ", target::local(raw), " HTTP/1.1"]);
    let mut meaning = Meaning::default();
    for header in request.headers.iter() {
        let value = match std::str::from_utf8(header.value) {
            Ok(value) if value.is_ascii() => value.trim_ascii(),
            _ => return Err(Refusal::Malformed("a header is not ASCII")),
        };
        let start = head.forward.len();
        head.line(&[header.name, ": ", value]);
        let name = &mut head.forward[start..start + header.name.len()];
        name.make_ascii_lowercase();
        let name = std::str::from_utf8(name).unwrap_or_default();
        meaning.note(name, value)?;
        if DROPPED.contains(&name) {
            head.forward.truncate(start);
        }
    }
    meaning.settle(version, &mut head)?;
    Ok(Some(head))
}

/// Whether a body sent there has no bound: Vault's paths that take a snapshot.
fn takes_a_snapshot(path: &str) -> bool {
    let path = path.strip_prefix("/v1/sys/storage/raft/");
    matches!(path, Some("snapshot" | "snapshot-force" | "snapshot-load"))
}

impl Head {
    fn line(&mut self, parts: &[&str]) {
        for part in parts {
            self.forward.extend_from_slice(part.as_bytes());
        }
        self.forward.extend_from_slice(b"\r\n");
    }
}

/// What the headers that concern the gate say together.
#[derive(Default)]
struct Meaning {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

impl Meaning {
    fn note(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "host" => self.hosts += 1,
            "content-length" => {
                let length = content_length(value).ok_or(Refusal::Malformed(""))?;
                if self.length.is_some_and(|earlier| earlier != length) {
                    return Err(Refusal::Malformed(""));
                }
                self.length = Some(length);
            }
            "transfer-encoding" if self.chunked => return Err(Refusal::Malformed("")),
            "transfer-encoding" if !value.eq_ignore_ascii_case("chunked") => {
                return Err(Refusal::TransferEncoding);
            }
            "transfer-encoding" => self.chunked = true,
            "connection" => {
                for token in value.split(',').map(str::trim_ascii) {
                    self.close |= token.eq_ignore_ascii_case("close");
                    self.keep_alive |= token.eq_ignore_ascii_case("keep-alive");
                }
            }
            "expect" if value.eq_ignore_ascii_case("100-continue") => self.expects_continue = true,
            "expect" => return Err(Refusal::Expectation),
            _ => {}
        }
        Ok(())
    }

    fn settle(self, version: u8, head: &mut Head) -> Result<(), Refusal> {
        match (self.hosts, version) {
            (0, 1) => return Err(Refusal::Malformed("missing required Host header")),
            (0 | 1, _) => {}
            _ => return Err(Refusal::Malformed("too many Host headers")),
        }
        head.framing = match (self.length, self.chunked) {
            (Some(_), true) => return Err(Refusal::Malformed("")),
            (None, true) if version == 0 => return Err(Refusal::TransferEncoding),
            (None, true) => Framing::Chunked,
            (length, false) => Framing::Length(length.unwrap_or(0)),
        };
        if self.close {
            head.persistence = Persistence::Closes;
        } else if version == 0 && self.keep_alive {
            head.persistence = Persistence::StaysIfTold;
        }
        head.expects_continue =
            self.expects_continue && version == 1 && head.framing != Framing::Length(0);
        Ok(())
    }
}

/// A Content-Length (RFC 9110, section 8.6): digits only, of a number that can be.
fn content_length(value: &str) -> Option<u64> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(head: &str) -> String {
        let head = parse(head.as_bytes()).unwrap().unwrap();
        String::from_utf8(head.forward).unwrap()
    }

    #[test]
    fn what_goes_on_has_no_trace_of_the_hop() {
        let raw = "GET http://h/v1/a?b=c HTTP/1.1\r\nHost: h\r\n\
            Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\
            X-EdgeKeep-Connection: 1\r\nX-Vault-Token:  t \r\n\
            TE: trailers\r\n\r\n";
        assert_eq!(forwarded(raw), "GET /v1/a?b=c HTTP/1.1\r\nhost: h\r\nx-vault-token: t\r\n");
        let raw = "GET /a?u=http://h/b HTTP/1.0\r\n\r\n";
        assert_eq!(forwarded(raw), "GET /a?u=http://h/b HTTP/1.1\r\n");
    }

    #[test]
    fn a_head_cut_anywhere_is_not_whole() {
        let raw = b"POST /v1/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n";
        for end in 0..raw.len() {
            assert!(parse(&raw[..end]).unwrap().is_none(), "{end}");
        }
        let head = parse(raw).unwrap().unwrap();
        assert_eq!((head.length, head.framing), (raw.len(), Framing::Length(3)));
    }
}
