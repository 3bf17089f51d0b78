//! Which quota a request meets: the one in the narrowest place that it is in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::place::Place;
use super::prefixes::Prefixes;

/// Quotas of one kind, so that a request finds its own without walking through them.
pub struct Rules<T> {
    /// By the path of a mount; with it, by role.
    roles: Prefixes<BTreeMap<String, Arc<T>>>,
    /// By whole paths, without a slash at the end.
    paths: BTreeMap<String, Arc<T>>,
    /// By what paths begin with, mounts and everything among that.
    prefixes: Prefixes<Arc<T>>,
}

impl<T> Rules<T> {
    /// Whether the role of a login counts at `path`.
    pub fn want_role(&self, path: &str) -> bool {
        self.roles.longest(path).is_some()
    }

    /// The one that a request to `path` meets, made as `role` if it is a login.
    pub fn find(&self, path: &str, role: Option<&str>) -> Option<&T> {
        let of_role = || self.roles.longest(path)?.get(role?);
        let of_path = || self.paths.get(path.strip_suffix('/').unwrap_or(path));
        let around = || self.prefixes.longest(path);
        of_role().or_else(of_path).or_else(around).map(Arc::as_ref)
    }
}

impl<T> FromIterator<(Place, T)> for Rules<T> {
    fn from_iter<I: IntoIterator<Item = (Place, T)>>(quotas: I) -> Self {
        let mut roles: BTreeMap<String, BTreeMap<String, Arc<T>>> = BTreeMap::new();
        let (mut paths, mut mounts, mut globs) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (place, quota) in quotas {
            let quota = Arc::new(quota);
            match place {
                Place::Global => drop(mounts.insert(String::new(), quota)),
                Place::Mount(mount) => {
                    // A request may name the mount without its slash.
                    let bare = mount.strip_suffix('/').unwrap_or(&mount);
                    paths.entry(bare.to_owned()).or_insert_with(|| quota.clone());
                    mounts.insert(mount, quota);
                }
                Place::Below { mount, prefix } => drop(globs.insert(mount + &prefix, quota)),
                Place::Path { mount, path } => drop(paths.insert(mount + &path, quota)),
                Place::Role { mount, role } => {
                    roles.entry(mount).or_default().insert(role, quota);
                }
            }
        }
        // All of a mount by a `*` is narrower than the mount.
        mounts.extend(globs);
        let (roles, prefixes) = (roles.into_iter().collect(), mounts.into_iter().collect());
        Self { roles, paths, prefixes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_place_counts() {
        let role = |mount: &str, role: &str| Place::Role { mount: mount.into(), role: role.into() };
        let rules: Rules<&str> = [
            (Place::Global, "global"),
            (Place::within("secret/", ""), "mount"),
            (Place::within("secret/", "data/a"), "path"),
            (Place::within("secret/", "data/*"), "glob"),
            (Place::within("secret/", "data/a*"), "longer glob"),
            (Place::within("auth/approle/", "login"), "login"),
            (Place::within("kv/", ""), "hidden"),
            (Place::within("kv/", "*"), "all of kv"),
            (role("auth/approle/", "app"), "role"),
        ]
        .into_iter()
        .collect();
        for (path, role, wanted) in [
            ("sys/mounts", None, "global"),
            ("secretly", None, "global"),
            ("secret", None, "mount"),
            ("secret/", None, "mount"),
            ("secret/metadata/a", None, "mount"),
            ("secret/data/a", None, "path"),
            ("secret/data/a/", None, "path"),
            ("secret/data/a//", None, "longer glob"),
            ("secret/data/a/b", None, "longer glob"),
            ("secret/data/b", None, "glob"),
            ("kv/x", None, "all of kv"),
            ("auth/approle/login", None, "login"),
            ("auth/approle/login", Some("web"), "login"),
            ("auth/approle/login", Some("app"), "role"),
            ("auth/approle/role/app", None, "global"),
            ("auth/userpass/login", Some("app"), "global"),
        ] {
            assert_eq!(rules.find(path, role), Some(&wanted), "{path} {role:?}");
        }
        assert!(rules.want_role("auth/approle/login"));
        assert!(!rules.want_role("auth/userpass/login/app"));
        assert_eq!(Rules::<()>::from_iter([]).find("a", None), None);
    }
}
