//! What the process asks for itself, of the kernel and of the C library.

use rustix::param::page_size;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// No core is dumped of this process, and no other process of its user may trace it.
///
/// # Errors
/// What the kernel answered; the process goes on as it was.
pub fn forbid_core_dumps() -> std::io::Result<()> {
    // Read now, and kept: before Linux 6.4 it stands in a file of the process that is then root's.
    page_size();
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Makes freed memory go back to the system, for the whole process; to be called at the start.
///
/// glibc keeps an arena for each thread, and once a large block was freed it keeps up to 64 MB
/// of each for the next one: more than a small board has. Other libraries' allocators are left
/// as they are.
pub fn give_back_freed_memory() {
    #[cfg(target_env = "gnu")]
    {
        // From malloc.h, see mallopt(3).
        const M_TRIM_THRESHOLD: i32 = -1;
        const M_MMAP_THRESHOLD: i32 = -3;
        const M_ARENA_MAX: i32 = -8;
        super::pages::mallopt(M_TRIM_THRESHOLD, 64 << 10);
        super::pages::mallopt(M_MMAP_THRESHOLD, 64 << 10);
        super::pages::mallopt(M_ARENA_MAX, 2);
    }
}

/// Gives back the pages that lie free between blocks in use, where glibc would keep them for
/// good: to be called now and then.
pub fn give_back_free_pages() {
    #[cfg(target_env = "gnu")]
    super::pages::malloc_trim();
}
