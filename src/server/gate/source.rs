//! What the kernel reports on, as a number that it keeps for each socket.

use rustix::event::epoll;

use super::slots::{Key, TURNS};

/// What the kernel reports on.
#[derive(Clone, Copy)]
pub enum Source {
    /// There is a word for the gate.
    Bell,
    /// A listener, by its place.
    Listener(usize),
    /// A peer's socket.
    Peer(Key),
    /// A line's socket.
    Line(Key),
}

impl Source {
    /// As the kernel keeps it.
    pub fn encode(self) -> epoll::EventData {
        let (kind, index, turn) = match self {
            Self::Bell => (0, 0, 0),
            Self::Listener(at) => (1, at as u64, 0),
            Self::Peer(key) => (2, u64::from(key.index), u64::from(key.turn)),
            Self::Line(key) => (3, u64::from(key.index), u64::from(key.turn)),
        };
        epoll::EventData::new_u64(kind << 62 | turn << 32 | index)
    }

    /// What [`encode`](Self::encode) made.
    pub fn decode(data: epoll::EventData) -> Self {
        let data = data.u64();
        let index = data as u32;
        let key = Key { index, turn: (data >> 32) as u32 & TURNS };
        match data >> 62 {
            0 => Self::Bell,
            1 => Self::Listener(index as usize),
            2 => Self::Peer(key),
            _ => Self::Line(key),
        }
    }
}
