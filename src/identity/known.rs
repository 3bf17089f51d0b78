//! How things that have an id, a name and aliases are found.

use super::index::{Aliases, Names};
use crate::barrier::txn::{Scope, TxnError};
use crate::base::record::Record;

/// An entity or a group.
pub trait Known: Record {
    /// The folder of all of the kind.
    const FOLDER: &'static str;
    /// Their names.
    const NAMES: Names;
    /// Their aliases.
    const ALIASES: Aliases;

    /// Where the one of that id lies.
    fn place(id: &str) -> String {
        format!("{}/{id}", Self::FOLDER)
    }

    /// The one of that id.
    fn by_id(scope: &mut Scope<'_>, id: &str) -> Result<Option<Self>, TxnError> {
        scope.read(&Self::place(id))
    }

    /// The one of that name.
    fn by_name(scope: &mut Scope<'_>, name: &str) -> Result<Option<Self>, TxnError> {
        let id = Self::NAMES.find(scope, name)?;
        Self::found(scope, id)
    }

    /// The one that has the alias of that id.
    fn by_alias_id(scope: &mut Scope<'_>, id: &str) -> Result<Option<Self>, TxnError> {
        let id = Self::ALIASES.owner(scope, id)?;
        Self::found(scope, id)
    }

    /// The one that is known by `name` at the mount of that accessor.
    fn by_alias(
        scope: &mut Scope<'_>,
        accessor: &str,
        name: &str,
    ) -> Result<Option<Self>, TxnError> {
        let id = Self::ALIASES.owner_named(scope, accessor, name)?;
        Self::found(scope, id)
    }

    /// The one of an id that was found, or was not.
    fn found(scope: &mut Scope<'_>, id: Option<String>) -> Result<Option<Self>, TxnError> {
        match id {
            Some(id) => Self::by_id(scope, &id),
            None => Ok(None),
        }
    }

    /// Shows each of them, in no order.
    fn each(scope: &mut Scope<'_>, mut look: impl FnMut(Self)) -> Result<(), TxnError> {
        scope.each(Self::FOLDER, |one| {
            look(Self::decode(one)?);
            Ok(())
        })
    }

    /// The names of all, sorted.
    fn list_names(scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        Self::NAMES.list(scope)
    }
}
