//! Memory that requests share: each says how much it is about to take. One that finds no room may
//! stand in a queue for a while, and is refused in the end, so that many large ones at once cannot
//! be the end of a small board.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::sync::{lock, wait_for};
use super::turns::{Turn, Turns};

/// So many bytes are not told for each request.
pub const SMALL: usize = 16 << 10;

/// So many stand in the queue at most: half of the workers.
const QUEUE: usize = 16;
/// The first in it waits so long for others to give back what they have taken.
const PATIENCE: Duration = Duration::from_secs(1);

/// It is taken by others: try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// So many bytes, to be shared.
pub struct Room {
    size: usize,
    taken: Mutex<usize>,
    given_back: Condvar,
    queue: Turns,
}

impl Room {
    /// Nothing is taken yet.
    pub fn new(size: usize) -> Arc<Self> {
        let (given_back, queue) = (Condvar::new(), Turns::new(1));
        Arc::new(Self { size, taken: Mutex::default(), given_back, queue })
    }

    /// How many of them are taken.
    pub fn taken(&self) -> usize {
        *lock(&self.taken)
    }
}

/// What one request has taken of a room; given back when it is dropped.
pub struct Share {
    room: Arc<Room>,
    taken: AtomicUsize,
}

impl Share {
    /// An empty one.
    pub fn new(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), taken: AtomicUsize::new(0) }
    }

    /// Takes so many bytes more. Where nobody else has taken any there is room, however much it is:
    /// so nothing is refused for ever.
    pub fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        let mut all = lock(&self.room.taken);
        let own = self.taken.load(Ordering::Relaxed);
        let alone = *all == own;
        if !alone && all.saturating_add(bytes) > self.room.size {
            return Err(NoRoom);
        }
        *all += bytes;
        self.taken.store(own + bytes, Ordering::Relaxed);
        Ok(())
    }

    /// How much it has taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Gives back what was taken beyond so many bytes.
    pub fn shrink_to(&self, bytes: usize) {
        if self.taken() <= bytes {
            return;
        }
        let mut all = lock(&self.room.taken);
        *all -= self.taken() - bytes;
        self.taken.store(bytes, Ordering::Relaxed);
        drop(all);
        self.room.given_back.notify_all();
    }

    /// Waits to be the first of the queue; `None` where it is full.
    pub fn queue(&self) -> Option<Turn<'_>> {
        self.room.queue.wait_among(QUEUE)
    }

    /// Waits until half of the room is free of others, or for [`PATIENCE`].
    pub fn wait_for_room(&self) {
        let own = self.taken();
        wait_for(&self.room.given_back, lock(&self.room.taken), PATIENCE, |all| {
            all.saturating_sub(own) <= self.room.size / 2
        });
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

/// Many small takings, told to a share whenever together they are much.
#[derive(Default)]
pub struct Tab {
    share: Option<Arc<Share>>,
    untold: usize,
}

impl Tab {
    /// One that is told to that share; the default one is told to nobody.
    pub fn of(share: Arc<Share>) -> Self {
        Self { share: Some(share), untold: 0 }
    }

    /// Takes so many bytes more.
    pub fn take(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.untold += bytes;
        match &self.share {
            Some(share) if self.untold > SMALL => share.take(std::mem::take(&mut self.untold)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_shared() {
        let room = Room::new(10);
        let (one, two) = (Share::new(&room), Share::new(&room));
        assert_eq!((one.take(6), two.take(4)), (Ok(()), Ok(())));
        assert_eq!((one.take(1), two.take(1)), (Err(NoRoom), Err(NoRoom)));
        one.shrink_to(5);
        assert_eq!((two.take(1), two.take(1)), (Ok(()), Err(NoRoom)));
        drop(one);
        assert_eq!(two.take(100), Ok(()), "who is alone may take more");
        assert_eq!(two.taken(), 105);
        let three = Share::new(&room);
        assert_eq!(three.take(1), Err(NoRoom));
        drop(two);
        assert_eq!(three.take(1), Ok(()));
    }

    #[test]
    fn little_is_told_once_it_is_much() {
        let room = Room::new(2 * SMALL);
        let mut tab = Tab::of(Arc::new(Share::new(&room)));
        assert!((0..SMALL).all(|_| tab.take(1).is_ok()));
        assert_eq!(room.taken(), 0);
        assert_eq!(tab.take(1), Ok(()));
        assert_eq!(room.taken(), SMALL + 1);
        let mut other = Tab::of(Arc::new(Share::new(&room)));
        assert_eq!((other.take(SMALL), other.take(1)), (Ok(()), Err(NoRoom)));
        drop(tab);
        assert_eq!(room.taken(), 0);
    }

    #[test]
    fn who_waits_goes_on_when_there_is_room() {
        let room = Room::new(10);
        let (one, two) = (Share::new(&room), Share::new(&room));
        assert_eq!((one.take(8), two.take(8)), (Ok(()), Err(NoRoom)));
        std::thread::scope(|threads| {
            let second = threads.spawn(|| {
                let _turn = two.queue().unwrap();
                while two.take(8).is_err() {
                    two.wait_for_room();
                }
            });
            drop(one);
            second.join().unwrap();
        });
        assert_eq!(room.taken(), 8);
    }
}
