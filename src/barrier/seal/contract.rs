//! What every [`AutoSeal`] must do, as one suite: a seal of a new kind is ready when it passes.

use super::auto::{AutoSeal, SealError, WrappedKey};
use crate::base::entropy::Entropy;
use crate::base::pages::Key;

/// Runs the suite on `seal`; `other` is one of the same kind that has another key. Panics where the
/// contract is broken, and returns the first error that a sound seal must not give.
pub fn run(
    seal: &dyn AutoSeal,
    other: &dyn AutoSeal,
    entropy: &dyn Entropy,
) -> Result<(), SealError> {
    assert_eq!(seal.mechanism(), other.mechanism());
    let keys = [Key::new([0; 32]), Key::new([0xff; 32]), Key::random(entropy)];
    for key in &keys {
        let wrapped = seal.wrap(key, entropy)?;
        assert_eq!(*seal.unwrap(&wrapped)?, **key, "it comes back");
        assert_eq!(*seal.unwrap(&wrapped)?, **key, "as often as it is asked for");
        assert!(seal.is_current(&wrapped));
        assert!(!contains(&wrapped.bytes, &**key), "it is wrapped");
        assert_ne!(seal.wrap(key, entropy)?.bytes, wrapped.bytes, "each time in another way");
        assert!(other.unwrap(&wrapped).is_err(), "another key opens nothing");
    }
    nothing_changed_is_unwrapped(seal, &seal.wrap(&keys[2], entropy)?);
    Ok(())
}

/// A few places of what is wrapped, changed or cut off.
fn nothing_changed_is_unwrapped(seal: &dyn AutoSeal, wrapped: &WrappedKey) {
    let length = wrapped.bytes.len();
    for place in [length / 3, length / 2, length - 3] {
        let mut changed = wrapped.clone();
        changed.bytes[place] ^= 1;
        assert!(seal.unwrap(&changed).is_err(), "changed at {place} of {length}");
    }
    for kept in [0, 1, length / 2, length - 1] {
        let cut = WrappedKey { bytes: wrapped.bytes[..kept].to_vec(), ..wrapped.clone() };
        assert!(seal.unwrap(&cut).is_err(), "cut to {kept} of {length}");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
