//! A store in memory (`storage "inmem"`): for tests and for `-dev` without a disk.
//!
//! Every key has its versions beside each other, newest last; a view is the number of a commit.
//! A version goes when no view can see it any more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::scan::{Chunk, Rest, scan};
use super::{Condition, Entry, Job, Key, Storage, StorageError, Urgency, Value, View, Writer};
use crate::base::sync::{lock, read, write};

/// A scan reads this many keys under one hold of the lock.
const CHUNK: usize = 64;

/// A store that is gone with the process.
#[derive(Default)]
pub struct Memory {
    content: Mutex<Arc<Content>>,
    writing: Mutex<()>,
}

/// What one life of the store holds; a replaced store is another one.
#[derive(Default)]
struct Content(RwLock<Versions>);

#[derive(Default)]
struct Versions {
    newest: u64,
    keys: BTreeMap<Key, Vec<Version>>,
    /// How many views read a commit.
    views: BTreeMap<u64, usize>,
    /// Which commit left older versions behind, and of which key.
    superseded: VecDeque<(u64, Key)>,
    bytes: u64,
}

struct Version {
    commit: u64,
    value: Option<Value>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn content(&self) -> Arc<Content> {
        Arc::clone(&lock(&self.content))
    }
}

impl Storage for Memory {
    fn view(&self) -> Result<Box<dyn View>, StorageError> {
        let content = self.content();
        let mut versions = content.write();
        let commit = versions.newest;
        *versions.views.entry(commit).or_default() += 1;
        drop(versions);
        Ok(Box::new(MemoryView { content, commit }))
    }

    fn write(&self, _: Urgency, job: &mut Job<'_>) -> Result<(), StorageError> {
        let _writing = lock(&self.writing);
        let content = self.content();
        let mut writer = MemoryWriter { content: &content, changes: BTreeMap::new() };
        job(&mut writer)?;
        let changes = writer.changes;
        content.write().commit(changes);
        Ok(())
    }

    fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        let _writing = lock(&self.writing);
        let content = Arc::new(Content::default());
        let mut writer = MemoryWriter { content: &content, changes: BTreeMap::new() };
        job(&mut writer)?;
        let changes = writer.changes;
        content.write().commit(changes);
        *lock(&self.content) = content;
        Ok(())
    }

    fn condition(&self) -> Condition {
        let file_bytes = self.content().read().bytes;
        Condition { file_bytes, free_bytes: None, trouble: None }
    }

    fn maintain(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

impl Content {
    fn read(&self) -> RwLockReadGuard<'_, Versions> {
        read(&self.0)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Versions> {
        write(&self.0)
    }
}

impl Versions {
    fn get(&self, key: &[u8], commit: u64) -> Option<&Value> {
        at(self.keys.get(key)?, commit)
    }

    fn commit(&mut self, changes: BTreeMap<Key, Option<Value>>) {
        self.newest += 1;
        let commit = self.newest;
        for (key, value) in changes {
            let versions = self.keys.entry(key.clone()).or_default();
            self.bytes += size(&key, value.as_ref());
            versions.push(Version { commit, value });
            self.superseded.push_back((commit, key));
        }
        self.prune();
    }

    /// Drops what neither a view nor a future one can see.
    fn prune(&mut self) {
        let oldest = self.views.keys().next().copied().unwrap_or(self.newest);
        while self.superseded.front().is_some_and(|(commit, _)| *commit <= oldest)
            && let Some((commit, key)) = self.superseded.pop_front()
        {
            let Some(versions) = self.keys.get_mut(&key) else { continue };
            let hidden = versions.partition_point(|version| version.commit < commit);
            for version in versions.drain(..hidden) {
                self.bytes -= size(&key, version.value.as_ref());
            }
            if let [Version { value: None, .. }] = versions.as_slice() {
                self.bytes -= size(&key, None);
                self.keys.remove(&key);
            }
        }
    }
}

fn at(versions: &[Version], commit: u64) -> Option<&Value> {
    let seen = versions.iter().rev().find(|version| version.commit <= commit)?;
    seen.value.as_ref()
}

fn size(key: &Key, value: Option<&Value>) -> u64 {
    (key.len() + value.map_or(0, Vec::len)) as u64
}

struct MemoryView {
    content: Arc<Content>,
    commit: u64,
}

impl View for MemoryView {
    fn look(&self, key: &[u8], look: &mut dyn FnMut(&[u8])) -> Result<(), StorageError> {
        if let Some(value) = self.content.read().get(key, self.commit) {
            look(value);
        }
        Ok(())
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Key, StorageError>> + 'a>, StorageError> {
        let key = |key: &Key, _: &Value| key.clone();
        Ok(Box::new(scan(from, to, move |rest| Ok(self.chunk(rest, key)))))
    }

    fn scan<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>, StorageError> {
        let entry = |key: &Key, value: &Value| (key.clone(), value.clone());
        Ok(Box::new(scan(from, to, move |rest| Ok(self.chunk(rest, entry)))))
    }
}

impl MemoryView {
    fn chunk<T>(&self, rest: Rest<'_>, take: impl Fn(&Key, &Value) -> T) -> Chunk<T> {
        let versions = self.content.read();
        let mut chunk = Chunk { found: Vec::new(), more_after: None };
        for (seen, (key, history)) in versions.keys.range::<[u8], _>(rest).enumerate() {
            if seen == CHUNK {
                break;
            }
            if let Some(value) = at(history, self.commit) {
                chunk.found.push(take(key, value));
            }
            chunk.more_after = (seen + 1 == CHUNK).then(|| key.clone());
        }
        chunk
    }
}

impl Drop for MemoryView {
    fn drop(&mut self) {
        let mut versions = self.content.write();
        if let Some(count) = versions.views.get_mut(&self.commit) {
            *count -= 1;
            if *count == 0 {
                versions.views.remove(&self.commit);
                versions.prune();
            }
        }
    }
}

struct MemoryWriter<'a> {
    content: &'a Content,
    changes: BTreeMap<Key, Option<Value>>,
}

impl MemoryWriter<'_> {
    fn set(&mut self, key: &[u8], value: Option<Value>) -> Option<Value> {
        match self.changes.insert(key.to_vec(), value) {
            Some(ours) => ours,
            None => {
                let versions = self.content.read();
                versions.get(key, versions.newest).cloned()
            }
        }
    }
}

impl Writer for MemoryWriter<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        if let Some(ours) = self.changes.get(key) {
            return Ok(ours.clone());
        }
        let versions = self.content.read();
        Ok(versions.get(key, versions.newest).cloned())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        Ok(self.set(key, Some(value.to_vec())))
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        Ok(self.set(key, None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        crate::storage::contract::run(&|| Box::new(Memory::new())).unwrap();
    }

    #[test]
    fn old_versions_go_with_the_views_that_saw_them() {
        let store = Memory::new();
        let put = |value: &[u8]| {
            store.write(Urgency::Ordinary, &mut |to| to.put(b"k", value).map(|_| ())).unwrap();
        };
        put(b"old");
        let view = store.view().unwrap();
        for _ in 0..100 {
            put(&[1; 100]);
        }
        assert_eq!(view.get(b"k").unwrap(), Some(b"old".to_vec()));
        assert!(store.condition().file_bytes > 10_000);
        drop(view);
        assert_eq!(store.condition().file_bytes, 101);
        store.write(Urgency::Ordinary, &mut |to| to.delete(b"k").map(|_| ())).unwrap();
        assert_eq!(store.condition().file_bytes, 0);
    }
}
