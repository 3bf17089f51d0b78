//! A secret of kv version 1: one value.

use super::ends::{Ends, Standing};
use super::place::Place;
use super::report::Told;
use super::server::Trouble;

/// Brings one.
pub fn bring(ends: &Ends, place: Place<'_>) -> Result<Told, Trouble> {
    let path = place.shown();
    let theirs = ends.from.need(&path)?;
    let standing = match ends.to.get(&path)? {
        None => Standing::Absent,
        Some(ours) if ours == theirs => Standing::Same,
        Some(_) => Standing::Differs("its value is another here".into()),
    };
    ends.settle(standing, |_| ends.to.put(&path, theirs))
}
