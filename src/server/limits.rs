//! What the front bears: every bound in one place.

use std::time::Duration;

/// The bounds of the front. The defaults suit a board with 512 MB of memory.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, idle ones included; lowered at the start to what RLIMIT_NOFILE gives.
    /// One more makes the one that has idled longest go.
    pub connections: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Bytes of a request's body, but for a snapshot that is restored: that has no bound.
    pub body_bytes: u64,
    /// Bytes of all requests and answers that are held at once; a request that finds no room is
    /// answered 503. What fits into `small_bytes` is not counted.
    pub held_bytes: usize,
    /// Bytes of memory, by an estimate, that are taken at once by what requests send and read while
    /// they are carried out and until they are answered; one that finds no room is answered 503.
    /// Of each the first 16 KiB are not counted.
    pub worked_bytes: usize,
    /// A request, its head included, or an answer of at most this many bytes always finds room.
    pub small_bytes: usize,
    /// From accepting to the end of the TLS handshake.
    pub handshake: Duration,
    /// From a head's first byte (of the first one: from the handshake's end) to its last.
    pub head: Duration,
    /// How long a peer may make no progress in the middle of sending a request's body.
    pub read_stall: Duration,
    /// How long a peer may make no progress in the middle of reading an answer.
    pub write_stall: Duration,
    /// Bytes per second that a peer must reach over the time beyond these two.
    pub slowest: u64,
    /// Bytes per second that a peer must read or send, over the last second, while another finds no
    /// room, or while more than half of the workers wait for peers that read less: they are cut.
    pub fair: u64,
    /// How long a connection may rest between two requests.
    pub idle: Duration,
    /// How long a peer's remaining bytes are read and thrown away after a refusal, so that it
    /// can read the answer.
    pub linger: Duration,
    /// How long a server that stops waits for the first request of who came just before.
    pub newcomers: Duration,
    /// How long a connection may rest between two requests when the server stops: who asks one
    /// after the other is told with an answer that it ends, and loses none.
    pub resting: Duration,
    /// How long the requests that run when the server stops may take to end.
    pub drain: Duration,
    /// Threads that run requests, which is how many run at once.
    pub workers: usize,
}

impl Limits {
    /// The shortest of the time limits, within a tenth of a second and four seconds: how finely
    /// they are kept follows from it.
    pub fn shortest(&self) -> Duration {
        let stall = self.read_stall.min(self.write_stall);
        let all = [self.handshake, self.head, stall, self.idle, self.linger];
        let shortest = all.into_iter().min().unwrap_or_default();
        shortest.clamp(Duration::from_millis(100), Duration::from_secs(4))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            head_bytes: 64 << 10,
            body_bytes: 32 << 20,
            held_bytes: 96 << 20,
            worked_bytes: 128 << 20,
            small_bytes: 4 << 10,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            read_stall: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            slowest: 1 << 10,
            fair: 1 << 20,
            idle: Duration::from_secs(300),
            linger: Duration::from_secs(2),
            newcomers: Duration::from_secs(3),
            resting: Duration::from_millis(500),
            drain: Duration::from_secs(30),
            workers: 32,
        }
    }
}
