//! Scans that fetch their entries chunk by chunk and hold nothing of the store between.

use std::ops::Bound;

use super::{Key, StorageError};

/// The part of a range that is still to be read.
pub type Rest<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// A piece of a scan.
pub struct Chunk<T> {
    /// What was found, in order.
    pub found: Vec<T>,
    /// The scan goes on after this key; `None` at its end.
    pub more_after: Option<Key>,
}

/// Iterates from `from` up to and without `to`, by the chunks that `fetch` brings.
pub fn scan<'a, T: 'a>(
    from: &[u8],
    to: Option<&[u8]>,
    mut fetch: impl FnMut(Rest<'_>) -> Result<Chunk<T>, StorageError> + 'a,
) -> impl Iterator<Item = Result<T, StorageError>> + 'a {
    let to = to.map(<[u8]>::to_vec);
    let mut next = match &to {
        Some(to) if to.as_slice() <= from => None,
        _ => Some(Bound::Included(from.to_vec())),
    };
    let mut ready = Vec::new().into_iter();
    std::iter::from_fn(move || {
        loop {
            if let Some(found) = ready.next() {
                return Some(Ok(found));
            }
            let from = next.take()?;
            let upper = to.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            match fetch((from.as_ref().map(Vec::as_slice), upper)) {
                Ok(chunk) => {
                    ready = chunk.found.into_iter();
                    next = chunk.more_after.map(Bound::Excluded);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    })
}
