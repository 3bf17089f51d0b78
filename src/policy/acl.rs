//! What a token may do: the rules of all its policies.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::capability::{Capabilities, Capability};
use super::grant::{Grant, Limits, permit_data, permit_wrapping};
use super::rank::Rank;
use super::rules::{Rule, Rules};
use crate::base::policies::ROOT;

/// The rules of a token's policies. Of all that match a path those of the most specific one hold,
/// and of several policies that have it, all together; deny wins among them.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    root: bool,
    rules: Vec<Arc<Rules>>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What it takes. Whether a write creates or updates is for the endpoint to say.
    pub capability: Capability,
    /// The path after `/v1/`; that of a listing ends in a slash.
    pub path: &'a str,
    /// For how long the answer is to be wrapped, if it is.
    pub wrap_ttl: Option<Duration>,
}

/// Whether it may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Whether `sudo` is held on the path: to be asked for where an endpoint wants it, beside
    /// `allowed`.
    pub sudo: bool,
}

impl Decision {
    const DENIED: Self = Self { allowed: false, sudo: false };
}

impl Acl {
    /// Everything is allowed.
    pub fn root() -> Self {
        Self { root: true, rules: Vec::new() }
    }

    /// These rules.
    pub fn of(rules: Vec<Arc<Rules>>) -> Self {
        Self { root: false, rules }
    }

    /// Whether everything is allowed.
    pub fn is_root(&self) -> bool {
        self.root
    }

    /// Answers a question. `data` is what was sent: it is asked for only where a rule on
    /// parameters has to be judged. Nothing is allocated, but for the names of parameters that are
    /// not in lower case.
    pub fn check<'d, E>(
        &self,
        question: &Question<'_>,
        data: impl FnOnce() -> Result<&'d Map<String, Value>, E>,
    ) -> Result<Decision, E> {
        if self.root {
            return Ok(Decision { allowed: true, sudo: true });
        }
        let listing = question.capability == Capability::List;
        let Some((path, rank)) = self.most_specific(question.path, listing) else {
            return Ok(Decision::DENIED);
        };
        let grants = self.grants(path, rank);
        let capabilities = sum(grants.clone());
        if !capabilities.gives(question.capability) {
            return Ok(Decision::DENIED);
        }
        let granted = Decision { allowed: true, sudo: capabilities.gives(Capability::Sudo) };
        let limits = grants.filter_map(|grant| grant.limits.as_deref());
        if !permit_wrapping(limits.clone(), question.wrap_ttl) {
            return Ok(Decision::DENIED);
        }
        let by_data = !listing && question.capability != Capability::Delete;
        if by_data && limits.clone().any(Limits::by_data) && !permit_data(limits, data()?) {
            return Ok(Decision::DENIED);
        }
        Ok(granted)
    }

    /// What is given on a path, as `sys/capabilities` shows it.
    pub fn capabilities(&self, path: &str) -> Vec<&'static str> {
        if self.root {
            return vec![ROOT];
        }
        let mut names = self.given(path).names();
        names.sort_unstable();
        names
    }

    /// Whether anything is given on a mount (`secret/`) or below it: whether it may be shown to
    /// exist.
    pub fn reaches(&self, mount: &str) -> bool {
        self.root || self.given(mount).give_anything() || {
            let mut below = self.rules.iter().flat_map(|rules| rules.below(mount));
            below.any(|rule| self.total(rule).give_anything())
        }
    }

    /// Each path, with what all policies give on it; for those who show rights.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Rank, Vec<&Grant>)> {
        self.rules.iter().enumerate().flat_map(move |(index, rules)| {
            let earlier = &self.rules[..index];
            let fresh = move |rule: &&Rule| earlier.iter().all(|e| e.at(&rule.rank).is_none());
            rules.iter().filter(fresh).map(|rule| (&rule.rank, self.grants_at(rule).collect()))
        })
    }

    /// What a listing of `path` would be judged by, as Vault has it here.
    fn given(&self, path: &str) -> Capabilities {
        let found = self.most_specific(path, true);
        found.map(|(path, rank)| sum(self.grants(path, rank))).unwrap_or_default()
    }

    fn total(&self, rule: &Rule) -> Capabilities {
        sum(self.grants_at(rule))
    }

    fn grants_at<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = &'a Grant> {
        let at = self.rules.iter().filter_map(|rules| rules.at(&rule.rank));
        at.flat_map(|rule| &rule.grants)
    }

    /// The most specific rule for a path, and the path that it is for: to a listing that is also
    /// the path without its slash, if no rule is for exactly the one with it, or none at all.
    fn most_specific<'p>(&self, path: &'p str, listing: bool) -> Option<(&'p str, &Rank)> {
        let path = path.trim_start_matches('/');
        let bare = path.strip_suffix('/').filter(|_| listing);
        let found = [Some(path), bare].map(|path| path.and_then(|p| Some((p, self.best(p)?))));
        let exact = found.iter().flatten().find(|(_, rank)| rank.is_exact());
        exact.or_else(|| found.iter().flatten().next()).copied()
    }

    fn best(&self, path: &str) -> Option<&Rank> {
        self.rules.iter().filter_map(|rules| rules.best(path)).map(|rule| &rule.rank).max()
    }

    /// What is given by the rules of `rank`, which is the best for `path`.
    fn grants<'a>(
        &'a self,
        path: &'a str,
        rank: &'a Rank,
    ) -> impl Iterator<Item = &'a Grant> + Clone {
        let best = self.rules.iter().filter_map(move |rules| rules.best(path));
        best.filter(move |rule| rule.rank == *rank).flat_map(|rule| &rule.grants)
    }
}

fn sum<'a>(grants: impl Iterator<Item = &'a Grant>) -> Capabilities {
    let mut sum = Capabilities::default();
    grants.for_each(|grant| sum.add_all(grant.capabilities));
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::parse::parse;

    /// The rights given by these policies.
    fn acl(policies: &[&str]) -> Acl {
        let compile = |text: &&str| {
            let mut rules = Rules::default();
            for rule in parse(text.as_bytes()).unwrap() {
                rules.insert(&rule.path.fill(|_| None).unwrap(), rule.grant);
            }
            Arc::new(rules)
        };
        Acl::of(policies.iter().map(compile).collect())
    }

    fn may(acl: &Acl, capability: Capability, path: &str) -> bool {
        let question = Question { capability, path, wrap_ttl: None };
        let unasked = || -> Result<&Map<String, Value>, &str> { Err("no data is to be asked for") };
        acl.check(&question, unasked).unwrap().allowed
    }

    #[test]
    fn a_listing_tries_the_path_without_its_slash_too() {
        let acl = acl(&["
            path \"a\" { capabilities = [\"list\"] }
            path \"a/*\" { capabilities = [\"read\"] }
            path \"b/\" { capabilities = [\"list\"] }
            path \"b\" { capabilities = [\"read\"] }
            path \"c*\" { capabilities = [\"list\"] }
            path \"c/*\" { capabilities = [\"read\"] }
            path \"d/+\" { capabilities = [\"list\"] }"]);
        for (path, list, read) in [
            ("a/", true, true),
            ("a/b", false, true),
            ("b/", true, false),
            ("c/", false, true),
            ("c/x/", false, true),
            ("cx/", true, false),
            ("d/", true, false),
            ("d/x/", true, false),
            ("e/", false, false),
        ] {
            assert_eq!(may(&acl, Capability::List, path), list, "LIST {path}");
            assert_eq!(may(&acl, Capability::Read, path), read, "GET {path}");
        }
    }

    #[test]
    fn the_most_specific_path_of_all_policies_holds() {
        let wide = "path \"a/*\" { capabilities = [\"read\", \"sudo\"] }";
        let narrow = "path \"a/b\" { capabilities = [\"list\"] }";
        let deny = "path \"a/*\" { capabilities = [\"deny\"] }";
        let more = "path \"a/*\" { capabilities = [\"update\"] }";
        for (policies, path, expected) in [
            (vec![wide], "a/c", vec!["read", "sudo"]),
            (vec![wide, more], "a/c", vec!["read", "sudo", "update"]),
            (vec![wide, narrow], "a/b", vec!["list"]),
            (vec![wide, narrow, deny], "a/b", vec!["list"]),
            (vec![wide, narrow, deny], "a/c", vec!["deny"]),
            (vec![deny, more], "/a/c", vec!["deny"]),
            (vec![], "a/c", vec!["deny"]),
            (vec!["path \"a/c\" { }", wide], "a/c", vec!["deny"]),
        ] {
            assert_eq!(acl(&policies).capabilities(path), expected, "{path} by {policies:?}");
        }
        assert_eq!(Acl::root().capabilities("a"), ["root"]);
    }

    #[test]
    fn data_is_asked_for_only_where_it_matters() {
        let acl = acl(&["
            path \"a\" { capabilities = [\"read\", \"delete\"] required_parameters = [\"x\"] }
            path \"b\" { capabilities = [\"read\"] }"]);
        assert!(may(&acl, Capability::Delete, "a"));
        assert!(may(&acl, Capability::Read, "b"));
        let question = Question { capability: Capability::Read, path: "a", wrap_ttl: None };
        assert_eq!(acl.check(&question, || Err("asked")), Err("asked"));
        for (sent, allowed) in [(json!({ "x": 1 }), true), (json!({}), false)] {
            let data = || Ok::<_, &str>(sent.as_object().unwrap());
            assert_eq!(acl.check(&question, data).unwrap().allowed, allowed);
        }
    }

    #[test]
    fn a_mount_is_reached_by_any_right_in_it() {
        for (policies, expected) in [
            (vec!["path \"secret/data/x\" { capabilities = [\"read\"] }"], true),
            (vec!["path \"secret/*\" { capabilities = [\"list\"] }"], true),
            (vec!["path \"s*\" { capabilities = [\"list\"] }"], true),
            (vec!["path \"+/data\" { capabilities = [\"list\"] }"], true),
            (vec!["path \"secret/x\" { capabilities = [\"deny\"] }"], false),
            (vec!["path \"secret/x\" { }"], false),
            (vec!["path \"other/x\" { capabilities = [\"read\"] }"], false),
            (
                vec![
                    "path \"secret/x\" { capabilities = [\"read\"] }",
                    "path \"secret/x\" { capabilities = [\"deny\"] }",
                ],
                false,
            ),
        ] {
            assert_eq!(acl(&policies).reaches("secret/"), expected, "{policies:?}");
        }
        assert!(Acl::root().reaches("secret/"));
    }
}
