//! Bytes on their way through the gate.

use zeroize::Zeroize;

/// A queue of bytes. Taken from the front, given at the back; what is freed is wiped, and an
/// empty one holds no memory, so that an idle connection costs nothing here.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    /// How many bytes it will hold in the end, where that is known.
    expected: Option<usize>,
}

impl Buffer {
    /// Takes no more memory ahead of its content than `length` bytes need.
    pub fn will_hold(&mut self, length: usize) {
        self.expected = Some(length);
    }

    /// Bytes of memory that it takes up.
    pub fn size(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that wait.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The bytes that wait, to be decrypted where they are or patched.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    /// Adds to the back.
    pub fn append(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds up to `most` bytes that `fill` writes; it tells how many they were.
    pub fn append_with<E>(
        &mut self,
        most: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.reserve(most);
        let end = self.bytes.len();
        self.bytes.resize(end + most, 0);
        let filled = fill(&mut self.bytes[end..]);
        self.bytes.truncate(end + filled.as_ref().map_or(0, |n| (*n).min(most)));
        filled.map(drop)
    }

    /// Takes `n` bytes, at most all, from the front.
    pub fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.bytes.len());
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
    }

    fn reserve(&mut self, more: usize) {
        if self.bytes.len() + more <= self.bytes.capacity() {
            return;
        }
        let ahead = (2 * self.len()).min(self.expected.unwrap_or(usize::MAX));
        let mut wider = Vec::with_capacity((self.len() + more).max(ahead));
        wider.extend_from_slice(self.as_slice());
        *self = Self { bytes: wider, start: 0, expected: self.expected };
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.bytes.as_mut_slice().zeroize();
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0, expected: None }
    }
}
