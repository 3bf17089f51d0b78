//! What every [`Storage`] must do, as one suite: a store of a new kind is ready when it passes.

use std::collections::BTreeMap;

use super::{Entry, Key, Storage, StorageError, Urgency, Value, View, Writer};
use crate::base::entropy::{Entropy, SeededEntropy};

type Model = BTreeMap<Key, Value>;

/// Runs the suite on stores that `make` makes, each empty. Panics where one breaks its contract,
/// and returns the first error that a sound store must not give.
pub fn run(make: &dyn Fn() -> Box<dyn Storage>) -> Result<(), StorageError> {
    a_transaction_sees_its_own_writes(&*make())?;
    extreme_entries_are_kept(&*make())?;
    a_failed_job_leaves_nothing(&*make())?;
    a_replaced_store_holds_only_the_new(&*make())?;
    views_are_whole_under_concurrent_writers(&*make())?;
    for seed in 0..8 {
        a_random_history_is_that_of_a_map(&*make(), seed)?;
    }
    Ok(())
}

fn put(store: &dyn Storage, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
    store.write(Urgency::Ordinary, &mut |to| to.put(key, value).map(|_| ()))
}

fn all(view: &dyn View, from: &[u8], to: Option<&[u8]>) -> Result<Vec<Entry>, StorageError> {
    let entries: Vec<Entry> = view.scan(from, to)?.collect::<Result<_, _>>()?;
    let keys: Vec<Key> = view.keys(from, to)?.collect::<Result<_, _>>()?;
    assert!(keys.iter().eq(entries.iter().map(|(key, _)| key)), "keys are those of the entries");
    Ok(entries)
}

fn a_transaction_sees_its_own_writes(store: &dyn Storage) -> Result<(), StorageError> {
    assert_eq!(all(&*store.view()?, b"", None)?, []);
    store.write(Urgency::Ordinary, &mut |to| {
        assert_eq!(to.get(b"a")?, None);
        assert_eq!(to.put(b"a", b"1")?, None);
        assert_eq!(to.get(b"a")?, Some(b"1".to_vec()));
        assert_eq!(to.put(b"a", b"2")?, Some(b"1".to_vec()));
        assert_eq!(to.delete(b"a")?, Some(b"2".to_vec()));
        assert_eq!(to.delete(b"a")?, None);
        assert_eq!(to.get(b"a")?, None);
        assert_eq!(to.put(b"a", b"3")?, None);
        Ok(())
    })?;
    store.write(Urgency::Essential, &mut |to| {
        assert_eq!(to.put(b"b", b"4")?, None);
        assert_eq!(to.delete(b"a")?, Some(b"3".to_vec()));
        Ok(())
    })?;
    assert_eq!(all(&*store.view()?, b"", None)?, [(b"b".to_vec(), b"4".to_vec())]);
    store.maintain()
}

fn extreme_entries_are_kept(store: &dyn Storage) -> Result<(), StorageError> {
    let mut entries: Vec<Entry> = vec![
        (vec![0], vec![]),
        (vec![0, 0], vec![0]),
        (vec![0xff; 60_000], vec![7; 5]),
        (vec![0xff; 60_001], vec![8; 3 << 20]),
        (b"k".to_vec(), vec![9; 40_000]),
    ];
    for (key, value) in &entries {
        put(store, key, value)?;
    }
    entries.sort();
    let view = store.view()?;
    assert!(all(&*view, b"", None)? == entries);
    for (key, value) in &entries {
        assert!(view.get(key)?.as_ref() == Some(value));
    }
    Ok(())
}

fn a_failed_job_leaves_nothing(store: &dyn Storage) -> Result<(), StorageError> {
    put(store, b"old", b"1")?;
    let before = all(&*store.view()?, b"", None)?;
    for steps in 0..4 {
        let mut job = |to: &mut dyn Writer| {
            let mut left = steps;
            let mut step = || match left {
                0 => Err(StorageError::Aborted("enough".into())),
                _ => {
                    left -= 1;
                    Ok(())
                }
            };
            step()?;
            to.put(b"new", b"2")?;
            step()?;
            to.delete(b"old")?;
            step()?;
            to.put(b"old", b"3")?;
            Err(StorageError::Aborted("at the end".into()))
        };
        let refused = store.write(Urgency::Ordinary, &mut job);
        assert!(matches!(refused, Err(StorageError::Aborted(_))), "{refused:?}");
        assert_eq!(all(&*store.view()?, b"", None)?, before);
        let refused = store.replace(&mut job);
        assert!(matches!(refused, Err(StorageError::Aborted(_))), "{refused:?}");
        assert_eq!(all(&*store.view()?, b"", None)?, before);
    }
    put(store, b"new", b"2")
}

fn a_replaced_store_holds_only_the_new(store: &dyn Storage) -> Result<(), StorageError> {
    put(store, b"old", b"1")?;
    put(store, b"both", b"1")?;
    let early = store.view()?;
    store.replace(&mut |to| {
        assert_eq!(to.get(b"old")?, None);
        assert_eq!(to.put(b"both", b"2")?, None);
        for n in 0..2000u32 {
            assert_eq!(to.put(&n.to_be_bytes(), &[1; 100])?, None);
        }
        assert_eq!(to.put(&7u32.to_be_bytes(), b"7")?, Some(vec![1; 100]));
        assert_eq!(to.delete(&8u32.to_be_bytes())?, Some(vec![1; 100]));
        Ok(())
    })?;
    let late = store.view()?;
    assert_eq!(all(&*late, b"", None)?.len(), 2000);
    assert_eq!(late.get(b"old")?, None);
    assert_eq!(late.get(b"both")?, Some(b"2".to_vec()));
    assert_eq!(late.get(&7u32.to_be_bytes())?, Some(b"7".to_vec()));
    assert_eq!(late.get(&8u32.to_be_bytes())?, None);
    assert_eq!(all(&*early, b"", None)?.len(), 2, "a view held meanwhile");
    put(store, b"after", b"3")?;
    assert_eq!(store.view()?.get(b"after")?, Some(b"3".to_vec()));
    Ok(())
}

fn views_are_whole_under_concurrent_writers(store: &dyn Storage) -> Result<(), StorageError> {
    const ROUNDS: u64 = 40;
    let number = |value: Option<Value>| {
        value.and_then(|value| value.try_into().ok()).map_or(0, u64::from_be_bytes)
    };
    let count = || {
        for _ in 0..ROUNDS {
            store.write(Urgency::Ordinary, &mut |to| {
                let next = (number(to.get(b"left")?) + 1).to_be_bytes();
                to.put(b"left", &next)?;
                to.put(b"right", &next)?;
                Ok(())
            })?;
        }
        Ok(())
    };
    let watch = || {
        let mut seen = 0;
        while seen < 3 * ROUNDS {
            let view = store.view()?;
            let left = number(view.get(b"left")?);
            assert_eq!(left, number(view.get(b"right")?), "half of a transaction");
            assert!(left >= seen, "a view went back");
            seen = left;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(count), scope.spawn(count), scope.spawn(count)];
        let watcher = scope.spawn(watch);
        let mut outcomes = threads.into_iter().chain([watcher]).map(|thread| thread.join());
        outcomes.try_for_each(|outcome| outcome.unwrap_or_else(|p| std::panic::resume_unwind(p)))
    })
}

/// Numbers that follow from a seed.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    }

    /// Short keys, so that the same ones come again and some are prefixes of others.
    fn key(&self) -> Key {
        (0..1 + self.below(3)).map(|_| b'a' + self.below(5) as u8).collect()
    }

    fn value(&self) -> Value {
        let long = if self.below(10) == 0 { 9000 } else { 40 };
        vec![self.below(256) as u8; self.below(long) as usize]
    }
}

fn a_random_history_is_that_of_a_map(store: &dyn Storage, seed: u64) -> Result<(), StorageError> {
    let dice = Dice(SeededEntropy::new(seed));
    let mut model = Model::new();
    let mut held: Vec<(Box<dyn View>, Model)> = Vec::new();
    for _ in 0..120 {
        let mut after = model.clone();
        let fails = dice.below(6) == 0;
        let mut job = |to: &mut dyn Writer| {
            for _ in 0..dice.below(8) {
                change(to, &mut after, &dice)?;
            }
            if fails { Err(StorageError::Aborted("by lot".into())) } else { Ok(()) }
        };
        match store.write(Urgency::Ordinary, &mut job) {
            Ok(()) => model = after,
            Err(StorageError::Aborted(_)) if fails => {}
            Err(error) => return Err(error),
        }
        if dice.below(4) == 0 {
            held.push((store.view()?, model.clone()));
        }
        if held.len() > 5 {
            held.swap_remove(dice.below(5) as usize);
        }
        for (view, model) in &held {
            let (from, to) = (dice.key(), (dice.below(3) > 0).then(|| dice.key()));
            let inside = |key: &Key| *key >= from && to.as_ref().is_none_or(|to| key < to);
            let expected: Vec<Entry> = model
                .iter()
                .filter(|(key, _)| inside(key))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            assert_eq!(all(&**view, &from, to.as_deref())?, expected, "seed {seed}");
            let key = dice.key();
            assert_eq!(view.get(&key)?.as_ref(), model.get(&key), "seed {seed}");
        }
    }
    let expected: Vec<Entry> = model.into_iter().collect();
    assert_eq!(all(&*store.view()?, b"", None)?, expected, "seed {seed}");
    Ok(())
}

fn change(to: &mut dyn Writer, model: &mut Model, dice: &Dice) -> Result<(), StorageError> {
    let key = dice.key();
    if dice.below(3) == 0 {
        assert_eq!(to.delete(&key)?, model.remove(&key));
    } else {
        let value = dice.value();
        assert_eq!(to.put(&key, &value)?, model.insert(key.clone(), value));
    }
    assert_eq!(to.get(&key)?.as_ref(), model.get(&key));
    Ok(())
}
