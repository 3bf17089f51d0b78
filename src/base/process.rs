//! What the process asks for itself, of the kernel and of the C library.

use std::fs::File;
use std::io::Read;
use std::sync::LazyLock;

use rustix::param::page_size;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::digest::sha256;

/// By what one build of the program is told from another of its version; none where its file cannot
/// be read. It is the SHA-256 of the beginning of that, where the linker has noted which it is
/// (`--build-id`), and what lies where: to hash all of it takes a small board half a second.
pub fn fingerprint() -> Option<[u8; 32]> {
    static OWN: LazyLock<Option<[u8; 32]>> = LazyLock::new(|| {
        // The file that was started, also where another has taken its name since.
        let file = File::open("/proc/self/exe").ok()?;
        let mut beginning = Vec::new();
        file.take(64 << 10).read_to_end(&mut beginning).ok()?;
        Some(sha256(&beginning))
    });
    *OWN
}

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
