//! A store that fails where it is told to: for the tests of all that stands on one.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::{Condition, Entry, Job, Key, Storage, StorageError, Urgency, Value, View, Writer};
use crate::base::meter::Readings;
use crate::base::sync::lock;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The device fails: strikes everything.
    Io,
    /// The disk is full: strikes ordinary writes.
    Full,
    /// The file system is read-only: strikes writes.
    ReadOnly,
}

/// Any store, of which chosen operations fail.
///
/// Operations count from 0: each view, look-up, start of a scan, scanned entry, put, delete,
/// and each transaction and replacement at its start and again at its end, before it is durable.
pub struct Faulty {
    inner: Box<dyn Storage>,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan(Mutex<Planned>);

#[derive(Default)]
struct Planned {
    done: u64,
    failing: Range<u64>,
    failure: Option<Failure>,
}

/// What an operation is part of.
#[derive(Clone, Copy)]
enum Part {
    Read,
    Write(Urgency),
}

impl Plan {
    fn step(&self, part: Part) -> Result<(), StorageError> {
        let mut planned = lock(&self.0);
        let number = planned.done;
        planned.done += 1;
        let failure = planned.failure.filter(|_| planned.failing.contains(&number));
        match (failure, part) {
            (Some(Failure::Io), _) => {
                let text = format!("operation {number} fails by intent");
                Err(StorageError::Io(io::Error::other(text)))
            }
            (Some(Failure::Full), Part::Write(Urgency::Ordinary)) => Err(StorageError::Full),
            (Some(Failure::ReadOnly), Part::Write(_)) => {
                Err(StorageError::ReadOnly(format!("operation {number} fails by intent")))
            }
            _ => Ok(()),
        }
    }
}

impl Faulty {
    /// `inner`, of which nothing fails as yet.
    pub fn new(inner: Box<dyn Storage>) -> Self {
        Self { inner, plan: Arc::default() }
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        lock(&self.plan.0).done
    }

    /// Lets those with `numbers` fail, as far as `failure` strikes them, and no others.
    pub fn fail(&self, numbers: Range<u64>, failure: Failure) {
        let mut planned = lock(&self.plan.0);
        planned.failing = numbers;
        planned.failure = Some(failure);
    }

    fn run(&self, part: Part, job: &mut Job<'_>, to: &mut dyn Writer) -> Result<(), StorageError> {
        job(&mut FaultyWriter { inner: to, plan: &self.plan, part })?;
        self.plan.step(part)
    }
}

impl Storage for Faulty {
    fn view(&self) -> Result<Box<dyn View>, StorageError> {
        self.plan.step(Part::Read)?;
        let inner = self.inner.view()?;
        Ok(Box::new(FaultyView { inner, plan: Arc::clone(&self.plan) }))
    }

    fn write(&self, urgency: Urgency, job: &mut Job<'_>) -> Result<(), StorageError> {
        let part = Part::Write(urgency);
        self.plan.step(part)?;
        self.inner.write(urgency, &mut |writer| self.run(part, job, writer))
    }

    fn replace(&self, job: &mut Job<'_>) -> Result<(), StorageError> {
        let part = Part::Write(Urgency::Ordinary);
        self.plan.step(part)?;
        self.inner.replace(&mut |writer| self.run(part, job, writer))
    }

    fn written(&self) -> u64 {
        self.inner.written()
    }

    fn condition(&self) -> Condition {
        self.inner.condition()
    }

    fn tell(&self, to: &mut Readings) {
        self.inner.tell(to);
    }

    fn maintain(&self) -> Result<(), StorageError> {
        self.inner.maintain()
    }

    fn close(&self) {
        self.inner.close();
    }
}

struct FaultyView {
    inner: Box<dyn View>,
    plan: Arc<Plan>,
}

impl View for FaultyView {
    fn look(&self, key: &[u8], look: &mut dyn FnMut(&[u8])) -> Result<(), StorageError> {
        self.plan.step(Part::Read)?;
        self.inner.look(key, look)
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Key, StorageError>> + 'a>, StorageError> {
        self.plan.step(Part::Read)?;
        let keys = self.inner.keys(from, to)?;
        Ok(Box::new(keys.map(|key| self.plan.step(Part::Read).and(key))))
    }

    fn scan<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry, StorageError>> + 'a>, StorageError> {
        self.plan.step(Part::Read)?;
        let entries = self.inner.scan(from, to)?;
        Ok(Box::new(entries.map(|entry| self.plan.step(Part::Read).and(entry))))
    }
}

struct FaultyWriter<'a> {
    inner: &'a mut dyn Writer,
    plan: &'a Plan,
    part: Part,
}

impl Writer for FaultyWriter<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.plan.step(self.part)?;
        self.inner.get(key)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Value>, StorageError> {
        self.plan.step(self.part)?;
        self.inner.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.plan.step(self.part)?;
        self.inner.delete(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::contract;
    use crate::storage::memory::Memory;

    #[test]
    fn without_a_failure_it_keeps_the_contract() {
        contract::run(&|| Box::new(Faulty::new(Box::new(Memory::new())))).unwrap();
    }

    #[test]
    fn each_operation_can_fail_once_and_leaves_nothing() {
        for number in 0..5 {
            let store = Faulty::new(Box::new(Memory::new()));
            store.fail(number..number + 1, Failure::Io);
            let put = || {
                store.write(Urgency::Ordinary, &mut |to| {
                    to.put(b"a", b"1")?;
                    to.put(b"b", b"2").map(|_| ())
                })
            };
            assert_eq!(put().is_err(), number < 4, "{number}");
            let _ = store.view();
            let view = store.view().unwrap();
            assert_eq!(view.get(b"a").unwrap().is_some(), number >= 4, "{number}");
            put().unwrap();
        }
    }
}
