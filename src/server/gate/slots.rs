//! Places for connections, named so that a late event never reaches a place's next owner.

/// A place and the count of its owners, as the kernel keeps it with a watched socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The place.
    pub index: u32,
    /// Its owners before this one.
    pub turn: u32,
}

/// The turns that are told apart: as many bits as [`Key::turn`] has beside an event's kind.
pub const TURNS: u32 = (1 << 30) - 1;

/// A growing set of places.
pub struct Slots<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    /// No place is taken.
    pub const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// How many are taken.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The name that the next [`insert`](Self::insert) gives.
    pub fn next_key(&self) -> Key {
        match self.free.last() {
            Some(&index) => Key { index, turn: self.places[index as usize].0 },
            // Descriptors bound the number of places far below this.
            None => Key { index: u32::try_from(self.places.len()).unwrap_or(u32::MAX), turn: 0 },
        }
    }

    /// Takes a place.
    pub fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        if self.free.pop().is_some() {
            self.places[key.index as usize].1 = Some(value);
        } else {
            self.places.push((0, Some(value)));
        }
        key
    }

    /// Who has that place, if it is still the same owner.
    pub fn get(&self, key: Key) -> Option<&T> {
        match self.places.get(key.index as usize) {
            Some((turn, value)) if *turn == key.turn => value.as_ref(),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.places.get_mut(key.index as usize) {
            Some((turn, value)) if *turn == key.turn => value.as_mut(),
            _ => None,
        }
    }

    /// Frees a place.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.get_mut(key)?;
        let (turn, value) = &mut self.places[key.index as usize];
        *turn = turn.wrapping_add(1) & TURNS;
        self.free.push(key.index);
        value.take()
    }

    /// All owners.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|(_, value)| value.as_mut())
    }

    /// All owners and their places.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().zip(0..).filter_map(|((turn, value), index)| {
            Some((Key { index, turn: *turn }, value.as_ref()?))
        })
    }
}
