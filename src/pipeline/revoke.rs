//! What ends by itself: leases whose time is over, the children of tokens that were revoked, and
//! what came through mounts that are gone. All of it is dead before it is removed here; removing
//! it takes small steps, so that no request waits long.

use std::sync::Arc;

use super::tokens::{Found, Tokens};
use crate::barrier::Unsealed;
use crate::barrier::owed::Owed;
use crate::barrier::root::Timeline;
use crate::barrier::txn::{Txn, TxnError};
use crate::lease::expiry::{self, Minute};
use crate::lease::store::{self as leases, Ended, Holder};
use crate::mount::returned;
use crate::mount::table::MountTable;
use crate::storage::Urgency;
use crate::token::record::TokenKey;
use crate::token::store;

/// How many leases or tokens a step takes.
const STEP: usize = 200;
/// Or as many as make it this long, in bytes of what is removed.
const STEP_BYTES: usize = 1 << 20;

/// How many tokens a step takes at most that come back by a restore, while nobody else has the
/// store.
const RETURNED_STEP: usize = 2_000;

/// How many leases of a mount that is gone are looked at for those of a step: a mount that took its
/// place may have many.
const LOOK: usize = 1_000;

/// How many steps of each kind somebody takes at most who waits for room.
const HASTE: usize = 10;

/// A gap of more minutes than this is not looked through one by one.
const GAP: u64 = 120;

/// Removes what is over. One for the life of a server.
pub struct Reaper {
    tokens: Arc<Tokens>,
    /// The last minute that was looked at, and in which history: a restore begins another.
    last: Option<(Timeline, Minute)>,
}

impl Reaper {
    /// Nothing was looked at yet.
    pub fn new(tokens: Arc<Tokens>) -> Self {
        Self { tokens, last: None }
    }

    /// Removes everything that is over by now, until `stop` says to end.
    pub fn round(
        &mut self,
        unsealed: &Arc<Unsealed>,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), TxnError> {
        let now = Minute::of(unsealed.time().expiry_now());
        let timeline = unsealed.status().timeline;
        for minute in self.due_minutes(unsealed, timeline, now)? {
            while step(unsealed, |txn| self.expire_some(txn, minute))? {
                if stop() {
                    return Ok(());
                }
            }
        }
        self.last = Some((timeline, now));
        while step(unsealed, |txn| self.remove_some_fallen(txn))? && !stop() {}
        while self.remove_some_ended(unsealed)? && !stop() {}
        Ok(())
    }

    /// Does at once some of what a round would, for who needs the room: leases whose time is over
    /// before their minute is, where `expired` says so. Whether there was anything to remove.
    pub fn hasten(&self, unsealed: &Arc<Unsealed>, expired: bool) -> Result<bool, TxnError> {
        let now = unsealed.time().expiry_now();
        let mut any = false;
        for minute in Minute::of(now).through(Minute::after(now)).filter(|_| expired) {
            let (turn, most) = (now.as_secs(), HASTE * STEP);
            let due = unsealed.transact(|txn| expiry::due_by_turns(txn, minute, turn, most))?;
            for ids in due.chunks(STEP) {
                any |= step(unsealed, |txn| self.remove_expired(txn, ids))?;
            }
        }
        for _ in 0..HASTE {
            let fallen = step(unsealed, |txn| self.remove_some_fallen(txn))?;
            let ended = self.remove_some_ended(unsealed)?;
            if !fallen && !ended {
                break;
            }
            any = true;
        }
        Ok(any)
    }

    /// Ends those of these leases whose time is over; whether there were any.
    fn remove_expired(&self, txn: &mut Txn, ids: &[String]) -> Result<bool, TxnError> {
        let mut any = false;
        for id in ids {
            let Some(found) = holder(txn, id)? else { continue };
            if found.token.is_expired(txn.expiry_now()) {
                self.tokens.revoke(txn, &found)?;
                any = true;
            }
            if txn.weight() >= STEP_BYTES {
                break;
            }
        }
        Ok(any)
    }

    fn due_minutes(
        &self,
        unsealed: &Arc<Unsealed>,
        timeline: Timeline,
        now: Minute,
    ) -> Result<Vec<Minute>, TxnError> {
        match self.last {
            // A clock that was turned back notes what is due further back than the last look.
            Some((same, last)) if same == timeline && last.min(now).until(now) <= GAP => {
                Ok(last.min(now).through(now).collect())
            }
            _ => unsealed.transact(|txn| expiry::minutes(txn, now)),
        }
    }

    /// Ends some of the leases that are due at a minute; whether there may be more.
    fn expire_some(&self, txn: &mut Txn, minute: Minute) -> Result<bool, TxnError> {
        let due = expiry::due(txn, minute, STEP)?;
        for id in &due {
            match leases::get(txn, id)? {
                Some(lease) => self.expire(txn, id, &lease.holder)?,
                None => expiry::forget(txn, minute, id)?,
            }
            if txn.weight() >= STEP_BYTES {
                return Ok(true);
            }
        }
        Ok(due.len() == STEP)
    }

    fn expire(&self, txn: &mut Txn, id: &str, holder: &Holder) -> Result<(), TxnError> {
        let _running = self.tokens.meters.revoke.begin();
        match held(txn, holder)? {
            Some(found) if found.token.is_expired(txn.expiry_now()) => {
                self.tokens.revoke(txn, &found)
            }
            Some(found) => leases::postpone(txn, id, found.token.life.expires),
            None => self.tokens.end_lease_of_none(txn, id),
        }
    }

    /// Removes some children of tokens that were revoked; whether there may be more.
    fn remove_some_fallen(&self, txn: &mut Txn) -> Result<bool, TxnError> {
        let Some(fallen) = store::a_fallen(txn)? else { return Ok(false) };
        let children = store::some_children(txn, &fallen, STEP)?;
        for key in &children {
            match store::get(txn, *key)? {
                Some(token) => self.tokens.remove(txn, &Found { key: *key, token })?,
                None => store::unlink(txn, &fallen, *key)?,
            }
            if txn.weight() >= STEP_BYTES {
                return Ok(true);
            }
        }
        if children.is_empty() {
            store::forget_fallen(txn, &fallen)?;
        }
        Ok(true)
    }

    /// Removes some of what came through a mount that is gone; whether there may be more.
    fn remove_some_ended(&self, unsealed: &Arc<Unsealed>) -> Result<bool, TxnError> {
        // In a transaction of its own, so that a login there, which adds to what is looked through,
        // is no conflict: what it gives is alive.
        let Some(stretch) = unsealed.transact(|txn| self.next_ended(txn))? else {
            return Ok(false);
        };
        step(unsealed, |txn| self.remove_ended(txn, &stretch))
    }

    fn next_ended(&self, txn: &mut Txn) -> Result<Option<Stretch>, TxnError> {
        let Some(ended) = leases::an_ended(txn)? else { return Ok(None) };
        let ids = leases::some_below(txn, &ended.path, ended.after.as_deref(), LOOK)?;
        let mut living = self.tokens.living(txn)?;
        let mut upto = ids.last().filter(|_| ids.len() == LOOK).cloned();
        let mut over = Vec::new();
        for id in ids {
            if !living.has_lease(txn, &id)? {
                over.push(id.clone());
            }
            if over.len() == STEP || txn.weight() >= STEP_BYTES {
                upto = Some(id);
                break;
            }
        }
        Ok(Some(Stretch { ended, over, upto }))
    }

    /// Removes what is over of a stretch, and notes that; unless it has changed meanwhile what is
    /// noted.
    fn remove_ended(&self, txn: &mut Txn, stretch: &Stretch) -> Result<bool, TxnError> {
        let Stretch { ended, over, upto } = stretch;
        if leases::ended(txn, &ended.path)?.as_ref() != Some(ended) {
            return Ok(true);
        }
        for id in over {
            revoke_lease(&self.tokens, txn, id)?;
            if txn.weight() >= STEP_BYTES {
                leases::looked_below(txn, &ended.path, Some(id))?;
                return Ok(true);
            }
        }
        leases::looked_below(txn, &ended.path, upto.as_deref())?;
        Ok(true)
    }
}

/// What is next of that which came through a mount that is gone.
struct Stretch {
    ended: Ended,
    /// The leases that are over.
    over: Vec<String>,
    /// The last lease that was looked at; none where there are no more behind it.
    upto: Option<String>,
}

fn step(
    unsealed: &Arc<Unsealed>,
    mut job: impl FnMut(&mut Txn) -> Result<bool, TxnError>,
) -> Result<bool, TxnError> {
    unsealed.transact(|txn| {
        txn.set_urgency(Urgency::Essential);
        job(txn)
    })
}

/// Revokes every lease below a path, in steps: each token falls whole.
pub fn revoke_below(tokens: &Tokens, unsealed: &Arc<Unsealed>, path: &str) -> Result<(), TxnError> {
    let _running = tokens.meters.revoke_prefix.begin();
    let mut after = None;
    loop {
        let look = |txn: &mut Txn| leases::some_below(txn, path, after.as_deref(), STEP);
        let ids = unsealed.transact(look)?;
        let Some(last) = ids.last() else { return Ok(()) };
        let mut left = &ids[..];
        while !left.is_empty() {
            left = unsealed.transact(|txn| {
                txn.set_urgency(Urgency::Essential);
                revoke_some(tokens, txn, left)
            })?;
        }
        after = Some(last.clone());
    }
}

/// What a restore notes of the tokens that come back by it, so that [`revoke_returned`] revokes
/// them; of those that are stored nowhere, through which mounts they did not come. What is restored
/// may have such notes of an earlier one, which hold, too: so it has a name.
pub fn to_be_revoked(tokens: &Tokens, keys: &[TokenKey], mounts: &MountTable) -> Vec<Owed> {
    let restore = tokens.entropy.uuid();
    let mut notes = store::returned(&restore, keys, RETURNED_STEP);
    notes.push(returned::noted(&restore, mounts));
    notes.into_iter().map(|(path, value)| Owed { path, value }).collect()
}

/// Whether there are tokens that came back by a restore and were not to.
pub fn has_returned(unsealed: &Arc<Unsealed>) -> Result<bool, TxnError> {
    store::has_returned(&mut unsealed.begin()?)
}

/// Revokes the tokens that came back by a restore and were not to, in steps. For who opens the
/// store: nobody else has it before.
pub fn revoke_returned(tokens: &Tokens, unsealed: &Arc<Unsealed>) -> Result<(), TxnError> {
    step(unsealed, |txn| returned::begin_anew(&tokens.mounts, txn).map(|()| false))?;
    while step(unsealed, |txn| {
        let Some((note, keys)) = store::take_returned(txn)? else { return Ok(false) };
        for (number, &key) in (1..).zip(&keys) {
            // One may have ended before.
            if let Some(token) = store::get(txn, key)? {
                tokens.revoke(txn, &Found { key, token })?;
            }
            if txn.weight() >= STEP_BYTES {
                store::put_back_returned(txn, &note, &keys[number..])?;
                break;
            }
        }
        Ok(true)
    })? {}
    Ok(())
}

/// Revokes the first of these leases and returns the others.
fn revoke_some<'a>(
    tokens: &Tokens,
    txn: &mut Txn,
    ids: &'a [String],
) -> Result<&'a [String], TxnError> {
    for (n, id) in ids.iter().enumerate() {
        revoke_lease(tokens, txn, id)?;
        if txn.weight() >= STEP_BYTES {
            return Ok(&ids[n + 1..]);
        }
    }
    Ok(&[])
}

/// Revokes a lease, if it is there.
pub fn revoke_lease(tokens: &Tokens, txn: &mut Txn, id: &str) -> Result<(), TxnError> {
    let _running = tokens.meters.revoke.begin();
    let Some(lease) = leases::get(txn, id)? else { return Ok(()) };
    match held(txn, &lease.holder)? {
        Some(found) => tokens.revoke(txn, &found),
        None => tokens.end_lease_of_none(txn, id),
    }
}

/// The token of the lease of that id, dead or alive.
pub fn holder(txn: &mut Txn, id: &str) -> Result<Option<Found>, TxnError> {
    match leases::get(txn, id)? {
        Some(lease) => held(txn, &lease.holder),
        None => Ok(None),
    }
}

/// The token of a lease, dead or alive.
pub fn held(txn: &mut Txn, holder: &Holder) -> Result<Option<Found>, TxnError> {
    let Holder::Token(name) = holder;
    let Some(key) = TokenKey::from_hex(name) else { return Ok(None) };
    Ok(store::get(txn, key)?.map(|token| Found { key, token }))
}
