//! The ways to a thing: by its name, by an alias, by what it is a member of.

use serde::{Deserialize, Serialize};

use super::record::Alias;
use crate::barrier::txn::{Scope, TxnError};
use crate::base::digest::sha256;
use crate::base::entropy::Entropy;
use crate::base::hex;
use crate::base::record::Record;

/// The id of the thing that an entry leads to.
#[derive(Serialize, Deserialize)]
struct Pointer {
    id: String,
}

impl Record for Pointer {
    const VERSION: u8 = 1;
}

/// The same with the name as it was written, for listings.
#[derive(Serialize, Deserialize)]
struct Named {
    id: String,
    name: String,
}

impl Record for Named {
    const VERSION: u8 = 1;
}

/// That two things belong together, which the path says.
#[derive(Serialize, Deserialize)]
struct Mark;

impl Record for Mark {
    const VERSION: u8 = 1;
}

/// What a name is found by: a digest, whatever the name's length and characters, of its lower case.
pub fn key(name: &str) -> String {
    hex::encode(&sha256(name.to_lowercase().as_bytes()))
}

/// Names of things of one kind, each unique without regard to case.
pub struct Names(&'static str);

/// Names of entities.
pub const ENTITIES: Names = Names("entity-name");
/// Names of groups.
pub const GROUPS: Names = Names("group-name");

impl Names {
    fn at(&self, name: &str) -> String {
        format!("{}/{}", self.0, key(name))
    }

    /// The id of the thing of that name.
    pub fn find(&self, scope: &mut Scope<'_>, name: &str) -> Result<Option<String>, TxnError> {
        Ok(scope.read::<Named>(&self.at(name))?.map(|named| named.id))
    }

    /// A name that nothing has, which begins with `prefix`.
    pub fn free(
        &self,
        scope: &mut Scope<'_>,
        prefix: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, TxnError> {
        loop {
            let name = format!("{prefix}_{}", entropy.hex(4));
            if self.find(scope, &name)?.is_none() {
                return Ok(name);
            }
        }
    }

    /// Gives a thing the name, in place of the one that it `had`.
    pub fn give(
        &self,
        scope: &mut Scope<'_>,
        id: &str,
        name: &str,
        had: Option<&str>,
    ) -> Result<(), TxnError> {
        if had == Some(name) {
            return Ok(());
        }
        if let Some(had) = had {
            self.take(scope, had)?;
        }
        scope.write(&self.at(name), &Named { id: id.to_owned(), name: name.to_owned() })
    }

    /// Frees a name.
    pub fn take(&self, scope: &mut Scope<'_>, name: &str) -> Result<(), TxnError> {
        scope.delete(&self.at(name))
    }

    /// All names as they were written, sorted.
    pub fn list(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        let mut names = Vec::new();
        scope.each(self.0, |named| {
            names.push(Named::decode(named)?.name);
            Ok(())
        })?;
        names.sort_unstable();
        Ok(names)
    }
}

/// Aliases of things of one kind: by id, and by accessor and name.
pub struct Aliases {
    ids: &'static str,
    names: &'static str,
}

/// Aliases of entities.
pub const ENTITY_ALIASES: Aliases = Aliases { ids: "entity-alias", names: "entity-alias-name" };
/// Aliases of groups.
pub const GROUP_ALIASES: Aliases = Aliases { ids: "group-alias", names: "group-alias-name" };

impl Aliases {
    fn at(&self, accessor: &str, name: &str) -> String {
        format!("{}/{accessor}/{}", self.names, key(name))
    }

    /// How many there are of the mount of that accessor.
    pub fn count(&self, scope: &mut Scope<'_>, accessor: &str) -> Result<u64, TxnError> {
        scope.count(&format!("{}/{accessor}", self.names))
    }

    /// The id of whose alias it is.
    pub fn owner(&self, scope: &mut Scope<'_>, id: &str) -> Result<Option<String>, TxnError> {
        find(scope, &format!("{}/{id}", self.ids))
    }

    /// The same, of the alias of that name there.
    pub fn owner_named(
        &self,
        scope: &mut Scope<'_>,
        accessor: &str,
        name: &str,
    ) -> Result<Option<String>, TxnError> {
        find(scope, &self.at(accessor, name))
    }

    /// Notes whose alias it is.
    pub fn put(&self, scope: &mut Scope<'_>, alias: &Alias, owner: &str) -> Result<(), TxnError> {
        point(scope, &format!("{}/{}", self.ids, alias.id), owner)?;
        point(scope, &self.at(&alias.accessor, &alias.name), owner)
    }

    /// Forgets an alias.
    pub fn delete(&self, scope: &mut Scope<'_>, alias: &Alias) -> Result<(), TxnError> {
        scope.delete(&format!("{}/{}", self.ids, alias.id))?;
        scope.delete(&self.at(&alias.accessor, &alias.name))
    }

    /// The owners of some of the aliases at a mount, with where that is noted.
    pub fn some_at(
        &self,
        scope: &mut Scope<'_>,
        accessor: &str,
        limit: usize,
    ) -> Result<Vec<(String, Option<String>)>, TxnError> {
        let folder = format!("{}/{accessor}", self.names);
        let paths = scope.list_some(&folder, limit)?.into_iter();
        let mut found = Vec::new();
        for path in paths.map(|key| format!("{folder}/{key}")) {
            let owner = find(scope, &path)?;
            found.push((path, owner));
        }
        Ok(found)
    }

    /// The ids of all aliases, sorted.
    pub fn list(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        scope.list(self.ids)
    }
}

/// The id that the entry at `path` leads to.
pub fn find(scope: &mut Scope<'_>, path: &str) -> Result<Option<String>, TxnError> {
    Ok(scope.read::<Pointer>(path)?.map(|pointer| pointer.id))
}

/// Lets the entry at `path` lead to `id`.
pub fn point(scope: &mut Scope<'_>, path: &str, id: &str) -> Result<(), TxnError> {
    scope.write(path, &Pointer { id: id.to_owned() })
}

/// What belongs to a thing, one entry each.
pub struct Bonds(&'static str);

/// The groups that an entity is a member of.
pub const GROUPS_OF_ENTITY: Bonds = Bonds("entity-group");
/// The entities that are members of a group.
pub const ENTITIES_OF_GROUP: Bonds = Bonds("group-entity");
/// The groups that are members of a group.
pub const MEMBERS_OF_GROUP: Bonds = Bonds("group-group");
/// The groups that a group is a member of.
pub const PARENTS_OF_GROUP: Bonds = Bonds("group-parent");
/// The entities that went into an entity.
pub const MERGED_INTO: Bonds = Bonds("merged-into");

impl Bonds {
    /// What is kept in that folder.
    pub const fn new(folder: &'static str) -> Self {
        Self(folder)
    }

    /// Everything that something belongs to, sorted.
    pub fn all(&self, scope: &mut Scope<'_>) -> Result<Vec<String>, TxnError> {
        let mut all = scope.list(self.0)?;
        all.iter_mut().for_each(|name| name.truncate(name.trim_end_matches('/').len()));
        Ok(all)
    }

    fn at(&self, of: &str, id: &str) -> String {
        format!("{}/{of}/{id}", self.0)
    }

    /// What belongs to `of`, sorted.
    pub fn list(&self, scope: &mut Scope<'_>, of: &str) -> Result<Vec<String>, TxnError> {
        scope.list(&format!("{}/{of}", self.0))
    }

    /// The first of what belongs to `of`.
    pub fn some(
        &self,
        scope: &mut Scope<'_>,
        of: &str,
        limit: usize,
    ) -> Result<Vec<String>, TxnError> {
        scope.list_some(&format!("{}/{of}", self.0), limit)
    }

    /// Whether `id` belongs to `of`.
    pub fn has(&self, scope: &mut Scope<'_>, of: &str, id: &str) -> Result<bool, TxnError> {
        Ok(scope.get(&self.at(of, id))?.is_some())
    }

    /// Lets `id` belong to `of`.
    pub fn tie(&self, scope: &mut Scope<'_>, of: &str, id: &str) -> Result<(), TxnError> {
        scope.write(&self.at(of, id), &Mark)
    }

    /// Ends that.
    pub fn cut(&self, scope: &mut Scope<'_>, of: &str, id: &str) -> Result<(), TxnError> {
        scope.delete(&self.at(of, id))
    }
}
