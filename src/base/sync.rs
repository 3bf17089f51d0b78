//! Locks, taken also after a panic elsewhere: what a lock guards is whole at any moment, so the
//! other threads go on.

use std::sync::{Condvar, LockResult, TryLockError};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// Waits until nobody else holds it.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    whole(mutex.lock())
}

/// Takes it if nobody else holds it.
pub fn try_lock<T: ?Sized>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits until nobody writes.
pub fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    whole(lock.read())
}

/// Takes it if nobody writes, nor waits for that.
pub fn try_read<T: ?Sized>(lock: &RwLock<T>) -> Option<RwLockReadGuard<'_, T>> {
    match lock.try_read() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Waits until nobody else reads or writes.
pub fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    whole(lock.write())
}

/// Gives the lock back until `condvar` is notified; may return before that.
pub fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    whole(condvar.wait(guard))
}

/// The same until `holds`, or until so much time has passed.
pub fn wait_for<T>(
    condvar: &Condvar,
    guard: MutexGuard<'_, T>,
    at_most: Duration,
    holds: impl Fn(&T) -> bool,
) {
    drop(condvar.wait_timeout_while(guard, at_most, |value| !holds(value)));
}

fn whole<T>(outcome: LockResult<T>) -> T {
    outcome.unwrap_or_else(PoisonError::into_inner)
}
