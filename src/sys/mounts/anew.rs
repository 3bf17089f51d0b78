//! A mount itself is not brought back: it is made anew, under the rights that this takes, and
//! filled.

use super::fields::PATH;
use super::table::is_fixed;
use super::{Mounts, Table};
use crate::api::call::SystemCall;
use crate::api::route::Outcome;
use crate::base::fault::Fault;
use crate::mount::table::Mount;

/// Says what to do instead.
pub fn recover(
    table: Table,
    mounts: &Mounts,
    call: &mut SystemCall<'_>,
    then: &mut SystemCall<'_>,
) -> Outcome {
    let [path, source] =
        [table.path(call.fields.need(&PATH)?), table.path(then.fields.need(&PATH)?)];
    let (now, then) = (mounts.store.read(call.txn)?, mounts.store.read(then.txn)?);
    let standing = now.at(&path);
    let same = standing.and_then(|mount| then.by_id(mount.id));
    let old = same.or_else(|| then.at(&source)).ok_or_else(Fault::not_in_snapshot)?;
    let refused = Fault::unsupported_operation();
    let moved = now.by_id(old.id).filter(|_| old.path == path);
    Err(match (standing, moved) {
        _ if is_fixed(&old.path) => refused,
        (None, Some(moved)) => refused.saying(format!(
            "it is at {} now, with what it holds: {}",
            moved.path,
            moved.moving(&path)
        )),
        (None, None) => refused.saying(format!(
            "a mount is made anew, and filled with what the snapshot has in it: {}",
            Mount { path, ..old.clone() }.enabling()
        )),
        (Some(_), _) => refused.saying(format!(
            "what is tuned of a mount comes back with {}/tune, and what it held with the paths \
             in it",
            call.ask.path.trim_end_matches('/')
        )),
    })
}
