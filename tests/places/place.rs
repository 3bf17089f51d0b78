//! What a place is to the tests: it can be brought into trouble, and out of it.

use std::fmt;

use serde_json::Value;

/// What befalls a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Whoever keeps the objects dies: the server, the disk's electronics.
    Killed,
    /// It cannot be reached: the network is gone, the disk unmounted, the stick pulled.
    Cut,
    /// It has no room.
    Full,
    /// It cannot be written.
    ReadOnly,
    /// Next to nothing moves.
    Slow,
}

impl Trouble {
    pub const ALL: [Self; 5] = [Self::Killed, Self::Cut, Self::Full, Self::ReadOnly, Self::Slow];
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Killed => "killed",
            Self::Cut => "cut",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Slow => "slow",
        })
    }
}

/// A place for snapshots and journal.
pub trait Place {
    /// Which kind of place, for people.
    fn kind(&self) -> &'static str;

    /// How a server finds it: the fields of a target and their values.
    fn settings(&self) -> Vec<(&'static str, Value)>;

    /// Makes trouble, or more of it.
    fn begin(&mut self, trouble: Trouble);

    /// Ends it.
    fn end(&mut self, trouble: Trouble);
}
