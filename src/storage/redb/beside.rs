//! A look at one entry of a store's file while a server has it open. Nothing is locked and nothing
//! repaired, so that the server goes on as if nobody looked; it may overwrite a page that is being
//! read here, and what it may have spoilt is read again.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use redb::{BackendError, ConcurrencyMode, StorageBackend};

use super::examine::{Unchanged, cached, entry, tried};
use crate::storage::Value;

/// How often it is looked at most, until two looks see the same.
const LOOKS: usize = 10;
/// Between two: the server writes in bursts.
const PAUSE: Duration = Duration::from_millis(30);

/// It is not known what lies there: what was seen made no sense, or was another thing each time.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclear;

/// What lies under `key` in such a file.
pub fn peek_beside(file: &File, key: &[u8]) -> Result<Option<Value>, Unclear> {
    let mut last = look(file, key);
    for _ in 1..LOOKS {
        thread::sleep(PAUSE);
        let seen = look(file, key);
        if seen.is_ok() && seen == last {
            return seen;
        }
        last = seen;
    }
    Err(Unclear)
}

fn look(file: &File, key: &[u8]) -> Result<Option<Value>, Unclear> {
    let file = file.try_clone().map_err(|_| Unclear)?;
    let file = Beside { file: Unchanged(file), heading: AtomicBool::new(false) };
    let mut builder = cached();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
    tried(|| entry(&builder.open_read_only_with_backend(file)?, key)).map_err(|_| Unclear)
}

/// A file as redb wants it of one that another process writes, by locks between the two. The server
/// takes none of these, so all are had at once.
#[derive(Debug)]
struct Beside {
    file: Unchanged,
    /// Whether the header is being read. All that is asked then is whether a writer lives: without
    /// one the file would have to be repaired first.
    heading: AtomicBool,
}

impl StorageBackend for Beside {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.heading.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        self.heading.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(self.heading.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::base::clock::SystemClock;
    use crate::storage::folder::data_file;
    use crate::storage::redb::{Options, Redb};
    use crate::storage::{Storage, Urgency};

    /// A folder that goes when it is let go of.
    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn put(store: &Redb, key: &[u8], value: &[u8]) {
        store.write(Urgency::Ordinary, &mut |to| to.put(key, value).map(drop)).unwrap();
    }

    #[test]
    fn an_entry_is_seen_while_others_are_written() {
        let name = format!("edgekeep-beside-{}", std::process::id());
        let scratch = Scratch(std::env::temp_dir().join(name));
        let options = Options { floor_bytes: 0, ..Options::new(Arc::new(SystemClock)) };
        let store = Redb::open(&scratch.0, options).unwrap();
        let file = File::open(data_file(&scratch.0)).unwrap();
        assert_eq!(peek_beside(&file, b"it"), Ok(None));
        put(&store, b"it", b"first");
        assert_eq!(peek_beside(&file, b"it").unwrap().unwrap(), b"first");
        // The pages on the way to it are written anew, again and again.
        let over = AtomicBool::new(false);
        let seen: Vec<_> = thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..600_u32 {
                    let key = (number % 300).to_be_bytes();
                    put(&store, &key, &vec![b'x'; number as usize * 5]);
                }
                over.store(true, Ordering::Relaxed);
            });
            let looks = std::iter::repeat_with(|| peek_beside(&file, b"it"));
            looks.take_while(|_| !over.load(Ordering::Relaxed)).collect()
        });
        let right = seen.iter().flatten().filter(|value| value.as_deref() == Some(b"first"));
        let right = right.count();
        assert_eq!(right, seen.iter().flatten().count(), "another value was seen");
        assert!(right > seen.len() / 2, "it was seen {right} times of {}", seen.len());
        put(&store, b"it", b"second");
        assert_eq!(peek_beside(&file, b"it").unwrap().unwrap(), b"second");
    }
}
