//! One connection of a peer: what it is at, and how long it may take.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::body::Body;
use super::buffer::Buffer;
use super::callers::{Caller, CallerId};
use super::desk::Desk;
use super::head::{self, CONNECTION_ID, Framing, Head, Persistence};
use super::slots::Key;
use super::wire::{Fill, Lost, Wire};
use crate::server::limits::Limits;
use crate::server::refusal::Refusal;
use crate::server::rules::Rules;

/// Digits kept free in a forwarded head for a length that is known only at the body's end.
const LENGTH_DIGITS: usize = 10;
const END_OF_HEAD: usize = 4;

/// Bytes of answer that wait for a peer before no more is taken from its line.
pub const WINDOW: usize = 256 << 10;

const SECOND: Duration = Duration::from_secs(1);

/// For how long what moved fast makes up for what then moves too slowly.
const CREDIT: Duration = Duration::from_secs(60);

/// How a peer keeps up since it is waited for.
struct Pace {
    since: Duration,
    /// Until when what has moved is enough.
    enough: Duration,
    /// When the last of it moved.
    last: Duration,
    lately: Lately,
}

/// The bytes that moved lately, and whether they were too few in the second before.
struct Lately {
    since: Duration,
    bytes: u64,
    lagged: bool,
}

impl Pace {
    fn from(now: Duration) -> Self {
        let lately = Lately { since: now, bytes: 0, lagged: false };
        Self { since: now, enough: now, last: now, lately }
    }

    /// It is waited for anew; how it reads what still waits is known.
    fn restart(&mut self, now: Duration) {
        (self.since, self.enough, self.last) = (now, now, now);
    }

    fn step(&mut self, bytes: usize, now: Duration, limits: &Limits) {
        if bytes > 0 {
            if now.saturating_sub(self.lately.since) >= SECOND {
                self.lately = Lately { since: now, bytes: 0, lagged: self.lags(now, limits) };
            }
            self.lately.bytes += bytes as u64;
            let earned = (bytes as u64).saturating_mul(1_000_000) / limits.slowest.max(1);
            self.enough = (self.enough + Duration::from_micros(earned)).min(now + CREDIT);
            self.last = now;
        }
    }

    /// Whether less than is fair moved in the last second, or nothing did.
    fn lags(&self, now: Duration, limits: &Limits) -> bool {
        let span = now.saturating_sub(self.lately.since);
        if now.saturating_sub(self.last) >= SECOND {
            true
        } else if span >= SECOND {
            u128::from(self.lately.bytes) * 1000 < u128::from(limits.fair) * span.as_millis()
        } else {
            self.lately.lagged
        }
    }

    /// How long it is waited: until nothing moves for as long as a `stall`, or what moves is too
    /// little.
    fn patience(&self, stall: Duration) -> Duration {
        stall + self.enough.min(self.last).saturating_sub(self.since)
    }
}

/// What a peer is at.
pub enum Phase {
    /// The TLS handshake.
    Greeting,
    /// Between requests, or in the middle of a head of which so many bytes hold no end.
    Head(usize),
    /// A body arrives; it is passed on when it is whole.
    Body(Collected),
    /// The request waits for a line; the body that follows it, when it has no bound.
    Waiting(Buffer, Option<Body>),
    /// The request is on that line, and the body that still follows it.
    Running(Key, Option<Body>),
    /// The last answer goes out; `true` when more may arrive that must be read away.
    Closing(bool),
    /// All was said; what still arrives is thrown away, so that the answer is not lost.
    Lingering,
}

/// A request whose body is not whole yet.
pub struct Collected {
    request: Buffer,
    /// Bytes of head in it; the rest is body.
    head: usize,
    body: Body,
}

/// What is to be done for a peer next.
pub enum Step {
    /// Nothing until its socket or its line moves.
    Rest,
    /// A request is ready for a line.
    Ready,
    /// It has a line that may have to be served.
    Serve(Key),
    /// It is done.
    Close,
}

/// One connection.
pub struct Peer {
    /// Its socket.
    pub wire: Wire,
    /// What it is at.
    pub phase: Phase,
    /// Its id and what is known of it, once it may send requests.
    pub caller: Option<(CallerId, Arc<Caller>)>,
    /// What becomes of the connection after the answer.
    pub persistence: Persistence,
    /// The request was HEAD.
    pub bodiless: bool,
    /// The request was of HTTP/1.1: its answer may come in chunks.
    pub chunks: bool,
    /// Bytes that count against the room for requests and answers.
    pub held: usize,
    /// Bytes of unbounded body that were passed on.
    uploaded: u64,
    address: Option<SocketAddr>,
    /// Those of the listener that it came to.
    pub rules: Arc<Rules>,
    plain: Buffer,
    served: bool,
    pace: Pace,
}

impl Peer {
    /// A new connection.
    pub fn new(wire: Wire, address: Option<SocketAddr>, rules: Arc<Rules>, now: Duration) -> Self {
        Self {
            wire,
            phase: Phase::Greeting,
            caller: None,
            persistence: Persistence::Stays,
            bodiless: false,
            chunks: false,
            held: 0,
            uploaded: 0,
            address,
            rules,
            plain: Buffer::default(),
            served: false,
            pace: Pace::from(now),
        }
    }

    /// When its time is up; none while it is not the peer who is waited for.
    pub fn deadline(&self, desk: &Desk) -> Option<Duration> {
        let limits = &desk.limits;
        let paced = |stall| self.pace.patience(stall);
        let span = match &self.phase {
            Phase::Greeting => limits.handshake,
            Phase::Lingering => limits.linger,
            _ if self.wire.unsent() > 0 => paced(limits.write_stall),
            Phase::Head(_) if self.plain.is_empty() && self.served => match desk.stopping {
                true => limits.resting,
                false => limits.idle,
            },
            Phase::Head(_) => limits.head,
            Phase::Body(_) | Phase::Running(_, Some(_)) => paced(limits.read_stall),
            Phase::Closing(_) => paced(limits.write_stall),
            Phase::Waiting(..) | Phase::Running(_, None) => return None,
        };
        Some(self.pace.since + span)
    }

    /// Whether an answer goes out to it, or a body comes in from it, more slowly than is fair to
    /// who waits for room.
    pub fn lags(&self, desk: &Desk) -> bool {
        let moves = self.wire.unsent() > 0 || matches!(self.phase, Phase::Body(_));
        moves && self.pace.lags(desk.now, &desk.limits)
    }

    /// Whether so much of its answer waits that no more is taken from its line.
    pub fn is_full(&self) -> bool {
        self.wire.unsent() > self.held.max(WINDOW)
    }

    /// Whether it may be sent away for a newer one: nothing of it is being worked on.
    pub fn is_idle(&self) -> bool {
        match self.phase {
            Phase::Greeting | Phase::Lingering => true,
            Phase::Head(_) => self.wire.unsent() == 0,
            _ => false,
        }
    }

    /// Who goes first when room is needed: who never asked anything, and of those the oldest.
    pub fn merit(&self) -> (bool, Duration) {
        (self.served, self.pace.since)
    }

    /// Whether it has not sent a whole request yet.
    pub fn is_new(&self) -> bool {
        !self.served && matches!(self.phase, Phase::Greeting | Phase::Head(_))
    }

    /// Whether it was answered, and asked nothing since.
    pub fn is_resting(&self) -> bool {
        self.served && self.is_between_requests()
    }

    /// Whether it rests between two requests.
    pub fn is_between_requests(&self) -> bool {
        matches!(self.phase, Phase::Head(_)) && self.plain.is_empty() && self.wire.unsent() == 0
    }

    /// Goes as far as it can without waiting.
    pub fn advance(&mut self, desk: &mut Desk) -> Result<Step, Lost> {
        loop {
            self.flush(desk)?;
            match &mut self.phase {
                Phase::Waiting(..) => return Ok(Step::Rest),
                Phase::Running(line, _) => return Ok(Step::Serve(*line)),
                Phase::Closing(_) if self.wire.unsent() > 0 => return Ok(Step::Rest),
                Phase::Closing(true) => {
                    self.wire.shut();
                    self.enter(Phase::Lingering, desk.now);
                }
                Phase::Closing(false) => return Ok(Step::Close),
                Phase::Lingering => match self.wire.discard(&mut desk.scratch)? {
                    Fill::Some => {}
                    Fill::Blocked => return Ok(Step::Rest),
                    Fill::End => return Ok(Step::Close),
                },
                Phase::Head(_) if self.wire.unsent() > 0 => return Ok(Step::Rest),
                Phase::Greeting | Phase::Head(_) | Phase::Body(_) => match self.receive(desk) {
                    Ok(Some(step)) => return Ok(step),
                    Ok(None) => {}
                    Err(refusal) => self.refuse(refusal, desk)?,
                },
            }
        }
    }

    /// Works on what has arrived, and reads more when that is not enough. None when there is
    /// more to do at once.
    fn receive(&mut self, desk: &mut Desk) -> Result<Option<Step>, Refusal> {
        self.charge(desk)?;
        match &mut self.phase {
            Phase::Greeting if !self.wire.is_greeting() => {
                let (certificates, serial) = (self.wire.certificates(), self.wire.serial());
                self.caller = Some(desk.enter(self.address, certificates, serial, &self.rules));
                self.enter(Phase::Head(0), desk.now);
                return Ok(None);
            }
            Phase::Head(scanned) => {
                let begins = *scanned == 0 && self.served;
                let head = next_head(&mut self.plain, scanned, desk)?;
                // Blank lines begin no request.
                if begins && !self.plain.is_empty() {
                    self.pace = Pace::from(desk.now);
                }
                if let Some(head) = head {
                    return self.take_head(head, desk);
                }
            }
            Phase::Body(collected) => {
                let arrived =
                    collected.body.take(&mut self.plain, &mut collected.request, usize::MAX)?;
                self.pace.step(arrived, desk.now, &desk.limits);
                let length = collected.request.len() - collected.head;
                if length as u64 > desk.limits.body_bytes {
                    return Err(Refusal::BodyTooLarge);
                }
                let whole = collected.body.is_whole();
                self.charge(desk)?;
                if whole {
                    return Ok(self.take_body());
                }
            }
            _ => {}
        }
        self.read(desk)
    }

    /// Counts what has arrived of a request, unless it is small.
    fn charge(&mut self, desk: &mut Desk) -> Result<(), Refusal> {
        let size = self.size();
        let counted = if size > desk.limits.small_bytes { size } else { 0 };
        if desk.hold(&mut self.held, counted) {
            return Ok(());
        }
        desk.crowded = true;
        Err(Refusal::NoRoom)
    }

    /// Bytes of memory that what was received takes up.
    pub fn size(&self) -> usize {
        let request = match &self.phase {
            Phase::Body(collected) => collected.request.size(),
            _ => 0,
        };
        request + self.plain.size() + self.wire.unread_size()
    }

    /// A body is whole: its request is ready.
    fn take_body(&mut self) -> Option<Step> {
        let Phase::Body(collected) = &mut self.phase else { return None };
        let mut request = std::mem::take(&mut collected.request);
        let length = request.len() - collected.head;
        write_length(&mut request.as_mut_slice()[..collected.head], length);
        self.phase = Phase::Waiting(request, None);
        Some(Step::Ready)
    }

    fn read(&mut self, desk: &mut Desk) -> Result<Option<Step>, Refusal> {
        match self.wire.fill(&mut desk.scratch, &mut self.plain, &desk.counters) {
            Ok(Fill::Some) => Ok(None),
            Ok(Fill::Blocked) => Ok(Some(Step::Rest)),
            Ok(Fill::End) | Err(Lost::Socket) => Ok(Some(Step::Close)),
            Err(lost) => {
                desk.counters.handshake_failures.count();
                if lost == Lost::Plain {
                    self.wire.send_raw(NOT_TLS);
                }
                self.enter(Phase::Closing(true), desk.now);
                Ok(None)
            }
        }
    }

    /// A head has arrived: what follows it, and where it goes.
    fn take_head(&mut self, head: Head, desk: &mut Desk) -> Result<Option<Step>, Refusal> {
        self.plain.consume(head.length);
        self.served = true;
        self.persistence = if desk.stopping { Persistence::Closes } else { head.persistence };
        self.bodiless = head.bodiless;
        self.chunks = head.chunks;
        let declared = match head.framing {
            Framing::Length(length) => length,
            Framing::Chunked => 0,
        };
        if !head.unbounded && declared > desk.limits.body_bytes {
            return Err(Refusal::BodyTooLarge);
        }
        let Some((id, caller)) = &self.caller else { return Err(Refusal::Failed) };
        let mut request = head.forward;
        request.extend_from_slice(format!("{CONNECTION_ID}: {id}\r\n").as_bytes());
        if head.expects_continue {
            // Nothing of the answer waits: it is sent at once.
            let _ = self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.uploaded = 0;
        let phase = if head.unbounded {
            caller.begin_upload();
            request.extend_from_slice(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
            Phase::Waiting(request.into(), Some(Body::new(head.framing)))
        } else if head.framing == Framing::Length(0) {
            request.extend_from_slice(b"\r\n");
            Phase::Waiting(request.into(), None)
        } else {
            request.extend_from_slice(b"content-length: 0000000000\r\n\r\n");
            let length = request.len();
            let mut request = Buffer::from(request);
            if let Framing::Length(body) = head.framing {
                // It was compared with the limit above.
                request.will_hold(length + usize::try_from(body).unwrap_or(0));
            }
            Phase::Body(Collected { request, head: length, body: Body::new(head.framing) })
        };
        let ready = matches!(phase, Phase::Waiting(..));
        self.enter(phase, desk.now);
        Ok(ready.then_some(Step::Ready))
    }

    /// Passes on, as chunks, what has arrived of an unbounded body. `room` is how much the line
    /// takes; `pass` gives it a chunk, an empty one at the end.
    pub fn upload(
        &mut self,
        desk: &mut Desk,
        room: usize,
        mut pass: impl FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let mut left = room;
        while let Phase::Running(line, Some(body)) = &mut self.phase {
            let mut content = Buffer::default();
            let taken = body.take(&mut self.plain, &mut content, left)?;
            if taken > 0 {
                left -= taken;
                self.uploaded += taken as u64;
                self.pace = Pace::from(desk.now);
                pass(content.as_slice());
            }
            if body.is_whole() {
                if let Some((_, caller)) = &self.caller {
                    caller.end_upload(self.uploaded);
                }
                pass(&[]);
                self.phase = Phase::Running(*line, None);
                return Ok(());
            }
            if left == 0 {
                return Ok(());
            }
            match self.wire.fill(&mut desk.scratch, &mut self.plain, &desk.counters) {
                Ok(Fill::Some) => {}
                Ok(Fill::Blocked) => return Ok(()),
                Ok(Fill::End) | Err(_) => return Err(Refusal::Malformed("")),
            }
        }
        Ok(())
    }

    /// Whether some of an unbounded body is still to come.
    pub fn is_uploading(&self) -> bool {
        matches!(self.phase, Phase::Running(_, Some(_)))
    }

    /// It is the handler that is waited for, not the peer.
    pub fn excuse(&mut self, now: Duration) {
        self.pace = Pace::from(now);
    }

    /// The answer has gone out, or waits in full: on to the next request, or to the end.
    pub fn finish(&mut self, desk: &mut Desk) {
        let unread_body = self.is_uploading();
        let unread = unread_body || !self.plain.is_empty() || self.wire.has_unread();
        if self.persistence == Persistence::Closes || unread_body {
            self.wire.say_goodbye();
            self.enter(Phase::Closing(unread), desk.now);
        } else {
            self.enter(Phase::Head(0), desk.now);
        }
    }

    /// Answers by the gate's own word, and closes.
    pub fn refuse(&mut self, refusal: Refusal, desk: &mut Desk) -> Result<(), Lost> {
        desk.counters.refused.count();
        let text = desk.refusal(refusal, self.bodiless, &self.rules);
        self.send(&text, desk.now)?;
        self.wire.say_goodbye();
        self.enter(Phase::Closing(true), desk.now);
        Ok(())
    }

    /// Puts a piece of the answer behind what waits to be sent.
    pub fn send(&mut self, bytes: &[u8], now: Duration) -> Result<(), Lost> {
        if self.wire.unsent() == 0 {
            self.pace = Pace::from(now);
        }
        self.wire.send(bytes)
    }

    /// Sends what waits.
    pub fn flush(&mut self, desk: &mut Desk) -> Result<(), Lost> {
        if self.wire.unsent() > 0 {
            let sent = self.wire.flush(&desk.counters)?;
            self.pace.step(sent, desk.now, &desk.limits);
        }
        if self.held > 0
            && self.wire.unsent() == 0
            && !matches!(self.phase, Phase::Body(_) | Phase::Waiting(..) | Phase::Running(..))
        {
            desk.release(&mut self.held);
        }
        Ok(())
    }

    /// Whether something may be done at once, without waiting for the socket to move.
    pub fn is_eager(&self) -> bool {
        !self.plain.is_empty() || self.wire.readable
    }

    fn enter(&mut self, phase: Phase, now: Duration) {
        if matches!(phase, Phase::Closing(_) | Phase::Lingering) {
            // Nothing of it is looked at any more.
            self.plain = Buffer::default();
        }
        self.phase = phase;
        self.pace.restart(now);
    }
}

/// What Go's server says to a peer that speaks no TLS.
const NOT_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// The next head in `plain`, when it is whole. `scanned` bytes are known to hold no end of one.
fn next_head(
    plain: &mut Buffer,
    scanned: &mut usize,
    desk: &Desk,
) -> Result<Option<Head>, Refusal> {
    if *scanned == 0 {
        let blank = plain.as_slice().iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let blank = blank.count();
        plain.consume(blank);
    }
    let bytes = plain.as_slice();
    // No method begins so: most often it is TLS, and who speaks it waits for an answer.
    if bytes.first().is_some_and(|first| !first.is_ascii_graphic()) {
        return Err(Refusal::Malformed(""));
    }
    let whole = ends_a_head(&bytes[scanned.saturating_sub(3)..]);
    *scanned = bytes.len();
    if whole && let Some(head) = head::parse(bytes)? {
        if head.length > desk.limits.head_bytes {
            return Err(Refusal::HeadTooLarge);
        }
        *scanned = 0;
        return Ok(Some(head));
    }
    if bytes.len() > desk.limits.head_bytes { Err(Refusal::HeadTooLarge) } else { Ok(None) }
}

/// Whether an empty line is in it.
fn ends_a_head(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .any(|(at, _)| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Puts the length of the body into the place kept free for it at the end of the head.
fn write_length(head: &mut [u8], length: usize) {
    let end = head.len() - END_OF_HEAD;
    let digits = format!("{length:0LENGTH_DIGITS$}");
    head[end - LENGTH_DIGITS..end].copy_from_slice(digits.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_fast_makes_up_for_a_minute_and_no_more() {
        let (limits, secs) = (Limits::default(), Duration::from_secs);
        let mut pace = Pace::from(Duration::ZERO);
        let ends = |pace: &Pace| pace.since + pace.patience(limits.read_stall);
        assert_eq!(ends(&pace), limits.read_stall);
        pace.step(31 << 20, secs(1), &limits);
        assert_eq!(ends(&pace), secs(1) + limits.read_stall, "nothing moved since");
        for second in (20..400).step_by(20) {
            pace.step(1, secs(second), &limits);
        }
        assert!(ends(&pace) < secs(1) + CREDIT + limits.read_stall + secs(1), "{:?}", ends(&pace));

        let mut steady = Pace::from(Duration::ZERO);
        for second in 1..10_000 {
            steady.step(1 << 10, secs(second), &limits);
            assert!(ends(&steady) > secs(second), "{second}");
        }
    }
}
