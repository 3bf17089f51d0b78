//! Panics of a library over what it reads: they are met, and none of them is a fault of ours that
//! its message on stderr, with a stack, would help to find.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

thread_local! {
    /// Whether a panic of this thread is met.
    static MET: Cell<bool> = const { Cell::new(false) };
}

/// Calls what may panic: then the result is `None`, and nothing was printed.
pub fn calmly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static ONCE: Once = Once::new();
    // While a panic is under way hooks cannot be changed.
    if !thread::panicking() {
        ONCE.call_once(|| {
            let usual = take_hook();
            set_hook(Box::new(move |panic| match MET.get() {
                true => log::debug!("met: {panic}"),
                false => usual(panic),
            }));
        });
    }
    let outer = MET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    MET.set(outer);
    done.ok()
}

#[cfg(test)]
mod tests {
    use super::calmly;

    #[test]
    fn a_panic_is_met_and_what_comes_after_is_not() {
        assert_eq!(calmly(|| 1), Some(1));
        let inner = || calmly(|| panic!("meant to")).map_or(2, |()| 3);
        assert_eq!(calmly(inner), Some(2));
        assert_eq!(calmly(|| -> u8 { panic!("meant to") }), None);
    }
}
