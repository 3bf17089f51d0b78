//! Memory for keys: pages that the kernel neither swaps out nor dumps, wiped when given back.
//!
//! Small values share a page, since an ordinary process may lock little memory (64 KiB on old
//! kernels). The only file of the crate with `unsafe`.
#![allow(unsafe_code)]

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard};

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use rustix::param::page_size;
use zeroize::Zeroize;

use super::entropy::Entropy;
use super::sync::lock;

/// A value in locked pages, wiped when dropped. It has no `Debug`, whatever `T` has.
///
/// `T` must keep its secrets inside itself: what it has on the heap is not locked.
pub struct Locked<T> {
    value: NonNull<T>,
}

/// A key of `N` bytes in locked pages.
pub type Key<const N: usize> = Locked<[u8; N]>;

// SAFETY: `Locked` owns its value alone, as a `Box` does.
unsafe impl<T: Send> Send for Locked<T> {}
// SAFETY: as for a `Box`: shared access gives out `&T` only.
unsafe impl<T: Sync> Sync for Locked<T> {}

impl<T> Locked<T> {
    /// Moves `value` into locked pages.
    pub fn new(value: T) -> Self {
        const { assert!(size_of::<T>() <= SMALLEST_PAGE && align_of::<T>() <= UNIT) };
        let value_at = pages().take(size_of::<T>()).cast::<T>();
        // SAFETY: the memory is ours alone, as long as `T` and aligned for it.
        unsafe { value_at.write(value) };
        Self { value: value_at }
    }
}

impl<const N: usize> Key<N> {
    /// A new random key.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut key = Self::new([0; N]);
        entropy.fill(&mut *key);
        key
    }

    /// The key with these bytes; `None` when there are not `N` of them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == N).then(|| {
            let mut key = Self::new([0; N]);
            key.copy_from_slice(bytes);
            key
        })
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: written in `new`, freed only in `drop`.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: written in `new`, freed only in `drop`, and borrowed mutably here.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for Locked<T> {
    fn drop(&mut self) {
        let bytes = self.value.cast::<u8>();
        // SAFETY: the value is not used again, and its memory is ours until it is given back.
        unsafe {
            self.value.drop_in_place();
            std::slice::from_raw_parts_mut(bytes.as_ptr(), size_of::<T>()).zeroize();
        }
        pages().give_back(bytes, size_of::<T>());
    }
}

/// Whether pages are locked from now on (Vault's `disable_mlock` says no); at first they are.
pub fn set_locking(wanted: bool) {
    LOCKING.store(wanted, Ordering::Relaxed);
}

/// Tries to lock a page, and says why that fails: for the start of a server that demands it.
pub fn check_locking() -> Result<(), std::io::Error> {
    REFUSED.store(0, Ordering::Relaxed);
    drop(Locked::new([0_u8; SMALLEST_PAGE]));
    refusal().map_or(Ok(()), Err)
}

/// Why the kernel refused to lock a page that now holds keys all the same.
pub fn refusal() -> Option<std::io::Error> {
    match REFUSED.load(Ordering::Relaxed) {
        0 => None,
        errno => Some(std::io::Error::from_raw_os_error(errno)),
    }
}

static LOCKING: AtomicBool = AtomicBool::new(true);
static REFUSED: AtomicI32 = AtomicI32::new(0);
static PAGES: Mutex<Pages> = Mutex::new(Pages(Vec::new()));

/// Pages are given out in units of this many bytes (a cache line).
const UNIT: usize = 64;
/// No machine that we run on has smaller pages.
const SMALLEST_PAGE: usize = 4096;

fn pages() -> MutexGuard<'static, Pages> {
    lock(&PAGES)
}

struct Pages(Vec<Page>);

struct Page {
    start: NonNull<u8>,
    /// Whether each unit of the page is given out.
    used: Vec<bool>,
}

// SAFETY: a page is plain memory, which no thread owns more than another.
unsafe impl Send for Page {}

impl Pages {
    fn take(&mut self, bytes: usize) -> NonNull<u8> {
        let units = units(bytes);
        if let Some(place) = self.0.iter_mut().find_map(|page| page.take(units)) {
            return place;
        }
        let mut page = Page::map();
        let place = page.take(units);
        self.0.push(page);
        place.unwrap_or_else(|| handle_alloc_error(layout()))
    }

    fn give_back(&mut self, place: NonNull<u8>, bytes: usize) {
        for page in &mut self.0 {
            page.give_back(place, units(bytes));
        }
        self.0.retain(|page| page.used.contains(&true));
    }
}

impl Page {
    fn map() -> Self {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), page_size(), protection, flags) };
        let start = mapped.ok().and_then(|start| NonNull::new(start.cast::<u8>()));
        let start = start.unwrap_or_else(|| handle_alloc_error(layout()));
        if LOCKING.load(Ordering::Relaxed) {
            // SAFETY: exactly the page mapped above.
            let locked = unsafe { mlock(start.as_ptr().cast(), page_size()) };
            note(locked);
        }
        // SAFETY: exactly the page mapped above.
        note(unsafe { madvise(start.as_ptr().cast(), page_size(), Advice::LinuxDontDump) });
        Self { start, used: vec![false; page_size() / UNIT] }
    }

    fn take(&mut self, units: usize) -> Option<NonNull<u8>> {
        let first = self.used.windows(units).position(|window| !window.contains(&true))?;
        self.used[first..first + units].fill(true);
        // SAFETY: `first` is a unit of this page.
        Some(unsafe { self.start.add(first * UNIT) })
    }

    fn give_back(&mut self, place: NonNull<u8>, units: usize) {
        let Some(offset) = place.addr().get().checked_sub(self.start.addr().get()) else { return };
        if let Some(taken) = self.used.get_mut(offset / UNIT..offset / UNIT + units) {
            taken.fill(false);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the page mapped in `map`, of which nothing is given out any more.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), page_size()) };
        note(unmapped);
    }
}

/// How many units hold that many bytes; at least one, so that no two values share a place.
fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).max(1)
}

fn layout() -> Layout {
    Layout::new::<[u8; SMALLEST_PAGE]>()
}

fn note(outcome: Result<(), Errno>) {
    if let Err(errno) = outcome {
        REFUSED.store(errno.raw_os_error(), Ordering::Relaxed);
    }
}

#[cfg(target_env = "gnu")]
mod glibc {
    // SAFETY: as in malloc.h; they change settings, and touch no memory that is in use.
    unsafe extern "C" {
        pub safe fn mallopt(parameter: i32, value: i32) -> i32;
        pub safe fn malloc_trim(pad: usize) -> i32;
    }
}

/// A setting of glibc's allocator, for [`super::process`]; one that is refused stays as it was.
#[cfg(target_env = "gnu")]
pub(super) fn mallopt(parameter: i32, value: i32) {
    let _ = glibc::mallopt(parameter, value);
}

/// Has glibc's allocator give all whole free pages back, for [`super::process`].
#[cfg(target_env = "gnu")]
pub(super) fn malloc_trim() {
    let _ = glibc::malloc_trim(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn values_share_a_page_and_do_not_overlap() {
        let keys: Vec<Key<32>> = (0..40).map(|n| Key::new([n; 32])).collect();
        let wide = Locked::new([9_u64; 400]);
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(**key, [n as u8; 32]);
        }
        assert_eq!(*wide, [9; 400]);
        let first = keys[0].value.addr().get() / page_size();
        assert!(keys.iter().filter(|k| k.value.addr().get() / page_size() == first).count() > 8);
    }

    #[test]
    fn a_dropped_value_is_wiped_before_its_place_is_used_again() {
        let keep = Key::new([1_u8; 64]);
        let key = Key::new([0xaa_u8; 64]);
        let place = key.value.cast::<u8>();
        let page = place.addr().get() / page_size();
        drop(key);
        if keep.value.addr().get() / page_size() == page {
            // SAFETY: `keep` holds the page; other tests write only values of their own there.
            let bytes = unsafe { std::slice::from_raw_parts(place.as_ptr(), 64) };
            assert_ne!(bytes, [0xaa; 64]);
        }
    }

    #[test]
    fn values_are_dropped_once() {
        let shared = std::sync::Arc::new(());
        drop(Locked::new(std::sync::Arc::clone(&shared)));
        assert_eq!(std::sync::Arc::strong_count(&shared), 1);
    }

    #[test]
    fn keys_come_from_bytes_of_their_length_only() {
        assert!(Key::<32>::from_bytes(&[0; 31]).is_none());
        assert_eq!(*Key::<4>::from_bytes(&[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4]);
        let entropy = SeededEntropy::new(1);
        assert_ne!(*Key::<32>::random(&entropy), *Key::<32>::random(&entropy));
    }

    #[test]
    fn the_kernel_locks_and_does_not_dump_the_page() {
        let key = Key::new([7_u8; 32]);
        let address = key.value.addr().get();
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        let flags = maps.lines().find(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            if let Some((from, to)) = range {
                let parsed = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16));
                if let (Ok(from), Ok(to)) = parsed {
                    inside = (from..to).contains(&address);
                }
            }
            inside && line.starts_with("VmFlags:")
        });
        let flags = flags.unwrap();
        assert!(flags.contains(" dd"), "{flags}");
        assert!(flags.contains(" lo") || refusal().is_some(), "{flags}");
    }
}
