//! The program: everything is in the library.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// What is freed is wiped: secrets pass through buffers of many libraries, which do not do it
/// themselves.
#[global_allocator]
static HEAP: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    edgekeep::cli::main(std::env::args_os().skip(1))
}
