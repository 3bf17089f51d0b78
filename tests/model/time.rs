//! What time it is to a server whose machine's clock is turned.

/// In seconds. The wall clock counts while it is not behind what the store knew when it was opened;
/// until then time goes on from there. The store is told of each change.
#[derive(Debug)]
pub struct Time {
    wall: u64,
    floor: u64,
    /// The time by which everything lives.
    pub now: u64,
}

impl Time {
    /// In a new store, which knows of no time.
    pub fn new(start: u64) -> Self {
        Self { wall: start, floor: 0, now: start }
    }

    /// So much passes, or more, so that it is not before `earliest` when the wall clock is believed
    /// again. How much it was.
    pub fn pass(&mut self, seconds: u64, earliest: u64) -> u64 {
        let believed = self.wall + seconds >= self.floor;
        let more = if believed { earliest.saturating_sub(self.wall + seconds) } else { 0 };
        let seconds = seconds + more;
        self.wall += seconds;
        self.now = if believed { self.wall } else { self.now + seconds };
        seconds
    }

    /// Somebody turns the clock back.
    pub fn turn_back(&mut self, seconds: u64) {
        self.wall -= seconds;
        if self.wall >= self.floor {
            self.now = self.wall;
        }
    }

    /// The store is opened anew.
    pub fn restart(&mut self) {
        self.floor = self.now;
    }
}
