//! Tests that find out while they run that they cannot be tried here. They say why, and count as
//! ignored: cargo's own harness would have them passed.
//!
//! A file of tests that is on this harness is named in `Cargo.toml`, with `harness = false`; its
//! [`tests!`] is the table of its contents. What is left out there is dead code, and the lints say so.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libtest_mimic::{Arguments, Completion, Trial};

/// The tests of a file, by module, in this order; one with `for` is a test of its own for each case.
///
/// ```ignore
/// tests! {
///     self { one_of_this_file }
///     usb { a_stick_is_lent for KINDS, an_empty_folder_is_no_stick }
/// }
/// ```
macro_rules! tests {
    ($($module:ident { $($test:ident $(for $cases:expr)?),+ $(,)? })+) => {
        fn main() -> std::process::ExitCode {
            let mut tests = $crate::support::harness::Tests::default();
            $($($crate::support::harness::tests!(@ tests, $module, $test $(, $cases)?);)+)+
            tests.run()
        }
    };
    (@ $tests:ident, $module:ident, $test:ident) => {
        $tests.add(concat!(stringify!($module), "::", stringify!($test)), $module::$test);
    };
    (@ $tests:ident, $module:ident, $test:ident, $cases:expr) => {
        for case in $cases {
            let name = format!(concat!(stringify!($module), "::", stringify!($test), "::{}"), case);
            $tests.add(&name, move || $module::$test(case));
        }
    };
}
pub(crate) use tests;

/// All tests of a file.
#[derive(Default)]
pub struct Tests(Vec<Trial>);

impl Tests {
    /// One more.
    pub fn add(&mut self, name: &str, test: impl FnOnce() + Send + 'static) {
        let name = name.trim_start_matches("self::").to_owned();
        let of = name.clone();
        self.0.push(Trial::ignorable_test(name, move || {
            // A panic tells the name of its thread.
            let thread = thread::Builder::new().name(of).spawn(test)?;
            let Err(ended) = thread.join() else { return Ok(Completion::Completed) };
            match ended.downcast::<Skipped>() {
                Ok(skipped) => Ok(Completion::ignored_with(skipped.0)),
                Err(failed) => resume_unwind(failed),
            }
        }));
    }

    /// Runs them as the command line wants it.
    pub fn run(self) -> ExitCode {
        THERE.store(true, Ordering::Relaxed);
        libtest_mimic::run(&Arguments::from_args(), self.0).exit_code()
    }
}

/// Why something was not tried.
struct Skipped(String);

/// Whether this process takes what is skipped for what it is.
static THERE: AtomicBool = AtomicBool::new(false);

thread_local! {
    static SKIPPING: Cell<bool> = const { Cell::new(false) };
}

/// What a test needs that not every machine has: root, a kernel that knows a file system, a registry
/// that answers. Where it cannot be had the test ends, and counts as ignored.
#[track_caller]
pub fn needs<T>(what: &str, had: Result<T, impl Display>) -> T {
    // Not only where it is not there: a test of cargo's own harness would fail then.
    let can_be_ignored = THERE.load(Ordering::Relaxed);
    assert!(can_be_ignored, "who needs {what} must be on the harness of tests/support");
    had.unwrap_or_else(|why| {
        SKIPPING.set(true);
        resume_unwind(Box::new(Skipped(format!("{what}: {why}"))))
    })
}

/// The same of what only root may.
#[track_caller]
pub fn needs_root(what: &str) {
    let is_root = rustix::process::geteuid().is_root();
    needs(what, is_root.then_some(()).ok_or("only root may"));
}

/// The same of what a package brings that can be installed. Where `EDGEKEEP_TESTS` is `all`, as
/// `.ci/run` has installed each of them, the test fails.
#[track_caller]
pub fn needs_package<T>(what: &str, had: Option<T>, package: &str) -> T {
    let all = std::env::var_os("EDGEKEEP_TESTS").is_some_and(|tests| tests == "all");
    let why = format!("{package} is not installed");
    assert!(had.is_some() || !all, "{what}: {why}, and EDGEKEEP_TESTS says that all is there");
    needs(what, had.ok_or(why))
}

/// What is made of things that may be needed in vain, or why it cannot be: for what is no test.
pub fn attempt<T>(make: impl FnOnce() -> T) -> Result<T, String> {
    THERE.store(true, Ordering::Relaxed);
    catch_unwind(AssertUnwindSafe(make)).map_err(|ended| match ended.downcast::<Skipped>() {
        Ok(skipped) => {
            SKIPPING.set(false);
            skipped.0
        }
        Err(failed) => resume_unwind(failed),
    })
}

/// Whether the thread is ended by a test that fails, and not by one that is skipped.
pub fn is_failing() -> bool {
    thread::panicking() && !SKIPPING.get()
}
