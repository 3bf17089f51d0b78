//! The mount table: where each engine and each auth method is.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::{MountConfig, Ttls};
use super::old;
use crate::api::engine::Engine;
use crate::auth;
use crate::barrier::names::MountId;
use crate::base::entropy::Entropy;
use crate::base::record::{Record, RecordError, decode_body};
use crate::base::shell;
use crate::engines;

/// What the path of every auth method begins with.
pub const AUTH: &str = "auth/";

/// One mount: of a secrets engine, or of an auth method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// Its whole path, with a slash at the end: `secret/`, `auth/userpass/`.
    pub path: String,
    /// The type of the engine or method (`kv`, `userpass`).
    pub kind: String,
    /// The prefix of its entries in the store: random, so that a remount moves nothing.
    pub id: MountId,
    /// Shown to clients.
    pub uuid: String,
    /// By which clients and aliases name it: `kv_1a2b3c4d`, `auth_userpass_1a2b3c4d`.
    pub accessor: String,
    /// Free text.
    pub description: String,
    /// The engine's options; null and none are told apart, as Vault does.
    pub options: Option<BTreeMap<String, String>>,
    /// Accepted and shown; there is no replication for it to matter.
    pub local: bool,
    /// Accepted and shown; everything is sealed here.
    pub seal_wrap: bool,
    /// Accepted and shown; there is no entropy augmentation.
    pub external_entropy_access: bool,
    /// What can be tuned.
    pub config: MountConfig,
    /// Names its stay at this path: its id at first, and another with each move, so that what came
    /// through it before is over for good, also when it comes back.
    pub stay: MountId,
}

impl Record for Mount {
    const VERSION: u8 = 3;

    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((1, body)) => Ok(decode_body::<old::Mount>(body)?.into()),
            Some((2, body)) => old::before_stays(body),
            Some((3, body)) => decode_body(body),
            Some((version, _)) => Err(RecordError::Version(*version)),
            None => Err(RecordError::Malformed),
        }
    }
}

impl Mount {
    /// A mount with a new identity and Vault's default configuration.
    pub fn new(path: &str, kind: &str, description: &str, entropy: &dyn Entropy) -> Self {
        let table = if path.starts_with(AUTH) { "auth_" } else { "" };
        let id = MountId::random(entropy);
        Self {
            path: path.to_owned(),
            kind: kind.to_owned(),
            id,
            uuid: entropy.uuid(),
            accessor: format!("{table}{kind}_{}", entropy.hex(4)),
            description: description.to_owned(),
            options: None,
            local: false,
            seal_wrap: false,
            external_entropy_access: false,
            config: MountConfig::default(),
            stay: id,
        }
    }

    /// The same mount at another path.
    #[must_use]
    pub fn moved(&self, path: String, entropy: &dyn Entropy) -> Self {
        Self { path, stay: MountId::random(entropy), ..self.clone() }
    }

    /// Whether it is an auth method.
    pub fn is_auth(&self) -> bool {
        self.path.starts_with(AUTH)
    }

    /// Its path in the list that it is shown in: that of auth methods leaves `auth/` out.
    pub fn listed_path(&self) -> &str {
        self.path.strip_prefix(AUTH).unwrap_or(&self.path)
    }

    /// One of its options.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.as_ref()?.get(name).map(String::as_str)
    }

    /// What answers there; `None` where this program knows no such type.
    pub fn engine(&self) -> Option<&'static dyn Engine> {
        match self.is_auth() {
            true => auth::method(&self.kind),
            false => engines::engine(&self.kind, self.option("version")),
        }
    }

    /// The command that makes one like it.
    pub fn enabling(&self) -> String {
        let kind = match self.option("version") {
            Some("2") if self.kind == "kv" => "kv-v2",
            _ => &self.kind,
        };
        let path = shell::word(self.listed_path());
        format!("`edgekeep {} enable -path={path} {kind}`", self.command())
    }

    /// The command that moves it to another path.
    pub fn moving(&self, to: &str) -> String {
        let [from, to] = [&self.path, to].map(shell::word);
        format!("`edgekeep {} move {from} {to}`", self.command())
    }

    /// The command that is about mounts of its table.
    fn command(&self) -> &'static str {
        if self.is_auth() { "auth" } else { "secrets" }
    }

    /// The TTLs that hold in it.
    pub fn ttls(&self, system: Ttls) -> Ttls {
        let or_system = |own, system| if own == 0 { system } else { own };
        Ttls {
            default: or_system(self.config.default_lease_ttl, system.default),
            max: or_system(self.config.max_lease_ttl, system.max),
        }
    }
}

/// All mounts. None lies inside another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MountTable {
    /// In the order of their paths.
    by_path: Vec<Arc<Mount>>,
    /// In the order of their accessors.
    by_accessor: Vec<Arc<Mount>>,
}

impl MountTable {
    /// The mounts of a new store.
    pub fn initial(entropy: &dyn Entropy) -> Self {
        let new = |path, kind, description| Mount::new(path, kind, description, entropy);
        let mut cubbyhole = new("cubbyhole/", "cubbyhole", "per-token private secret storage");
        cubbyhole.local = true;
        let mut identity = new("identity/", "identity", "identity store");
        identity.config.passthrough_request_headers = vec!["Authorization".to_owned()];
        let purpose = "system endpoints used for control, policy and debugging";
        let mut system = new("sys/", "system", purpose);
        system.seal_wrap = true;
        system.config.passthrough_request_headers = vec!["Accept".to_owned()];
        let token = new("auth/token/", "token", "token based credentials");
        [cubbyhole, identity, system, token].into_iter().collect()
    }

    /// All mounts, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.by_path.iter().map(Arc::as_ref)
    }

    /// The mount at exactly `path` (with its slash).
    pub fn at(&self, path: &str) -> Option<&Mount> {
        let place = self.by_path.binary_search_by(|mount| mount.path.as_str().cmp(path)).ok()?;
        self.by_path.get(place).map(Arc::as_ref)
    }

    /// The mount of that id.
    pub fn by_id(&self, id: MountId) -> Option<&Mount> {
        self.iter().find(|mount| mount.id == id)
    }

    /// The mount at exactly that path, while its stay there is still that one.
    pub fn during(&self, stay: MountId, path: &str) -> Option<&Mount> {
        self.at(path).filter(|mount| mount.stay == stay)
    }

    /// The mount of that accessor.
    pub fn by_accessor(&self, accessor: &str) -> Option<&Mount> {
        let order = |mount: &Arc<Mount>| mount.accessor.as_str().cmp(accessor);
        let place = self.by_accessor.binary_search_by(order).ok()?;
        self.by_accessor.get(place).map(Arc::as_ref)
    }

    /// The mount that `path` is in, and the path below it. `secret` is in `secret/` too.
    pub fn resolve<'p>(&self, path: &'p str) -> Option<(&Mount, &'p str)> {
        // Paths that begin alike are neighbours, and no mount lies inside another: so only the
        // last one that is not behind the path can be the one around it.
        let before = self.by_path.partition_point(|mount| mount.path.as_str() <= path);
        let around = before.checked_sub(1).and_then(|place| self.by_path.get(place));
        let found = around.and_then(|mount| Some((mount, path.strip_prefix(&*mount.path)?)));
        let (mount, below) = match found {
            Some(found) => found,
            None => (self.at_without_slash(path)?, ""),
        };
        Some((mount, below))
    }

    /// A mount that lies around, at or inside `path`, which is why none can be made there.
    pub fn conflict(&self, path: &str) -> Option<&Mount> {
        let around = self.resolve(path).map(|(mount, _)| mount);
        around.or_else(|| {
            let next = self.by_path.partition_point(|mount| mount.path.as_str() < path);
            self.by_path.get(next).map(Arc::as_ref).filter(|mount| mount.path.starts_with(path))
        })
    }

    fn at_without_slash(&self, path: &str) -> Option<&Arc<Mount>> {
        let slashed = || path.bytes().chain(*b"/");
        let place =
            self.by_path.binary_search_by(|mount| mount.path.bytes().cmp(slashed())).ok()?;
        self.by_path.get(place)
    }

    /// Adds a mount, in place of the one with its id; the caller has looked for conflicts.
    pub fn put(&mut self, mount: Mount) {
        self.remove(mount.id);
        let mount = Arc::new(mount);
        let place = self.by_path.partition_point(|other| other.path < mount.path);
        self.by_path.insert(place, mount.clone());
        let place = self.by_accessor.partition_point(|other| other.accessor < mount.accessor);
        self.by_accessor.insert(place, mount);
    }

    /// Takes a mount out.
    pub fn remove(&mut self, id: MountId) {
        for list in [&mut self.by_path, &mut self.by_accessor] {
            list.retain(|mount| mount.id != id);
        }
    }
}

impl FromIterator<Mount> for MountTable {
    fn from_iter<I: IntoIterator<Item = Mount>>(mounts: I) -> Self {
        let mut by_path: Vec<_> = mounts.into_iter().map(Arc::new).collect();
        let mut by_accessor = by_path.clone();
        by_path.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        by_accessor.sort_unstable_by(|a, b| a.accessor.cmp(&b.accessor));
        Self { by_path, by_accessor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    fn table(paths: &[&str]) -> MountTable {
        let entropy = SeededEntropy::new(1);
        paths.iter().map(|path| Mount::new(path, "kv", "", &entropy)).collect()
    }

    #[test]
    fn a_path_is_in_the_mount_around_it() {
        let table = table(&["a-b/", "a/", "b/c/", "b/c-d/", "auth/up/", "c/", "z/"]);
        for (path, wanted) in [
            ("a/x", Some(("a/", "x"))),
            ("a/x/", Some(("a/", "x/"))),
            ("a/", Some(("a/", ""))),
            ("a", Some(("a/", ""))),
            ("a-b", Some(("a-b/", ""))),
            ("a-b/c", Some(("a-b/", "c"))),
            ("a-", None),
            ("a.", None),
            ("aa/x", None),
            ("b/c/d", Some(("b/c/", "d"))),
            ("b/c-d/e", Some(("b/c-d/", "e"))),
            ("b/c", Some(("b/c/", ""))),
            ("b/", None),
            ("b", None),
            ("auth/up/login/bob", Some(("auth/up/", "login/bob"))),
            ("auth/upper", None),
            ("auth/", None),
            ("", None),
            ("/", None),
            ("zz", None),
        ] {
            let found = table.resolve(path).map(|(mount, below)| (mount.path.as_str(), below));
            assert_eq!(found, wanted, "{path:?}");
        }
    }

    #[test]
    fn none_can_be_made_around_at_or_inside_another() {
        let table = table(&["a/", "b/c/", "b/c-d/"]);
        for (path, wanted) in [
            ("a/", Some("a/")),
            ("a/b/", Some("a/")),
            ("b/", Some("b/c-d/")),
            ("b/c/d/", Some("b/c/")),
            ("b/c/", Some("b/c/")),
            ("b/d/", None),
            ("aa/", None),
            ("b/c-/", None),
        ] {
            assert_eq!(table.conflict(path).map(|mount| mount.path.as_str()), wanted, "{path:?}");
        }
    }

    #[test]
    fn a_moved_mount_is_found_only_where_it_is() {
        let mut table = table(&["a/", "b/"]);
        let moved = Mount { path: "c/d/".to_owned(), ..table.at("a/").unwrap().clone() };
        table.put(moved.clone());
        assert_eq!(table.at("a/"), None);
        assert_eq!(table.at("c/d/"), Some(&moved));
        assert_eq!(table.by_accessor(&moved.accessor), Some(&moved));
        table.remove(moved.id);
        assert_eq!(table.by_accessor(&moved.accessor), None);
        assert_eq!(table.iter().count(), 1);
    }
}
