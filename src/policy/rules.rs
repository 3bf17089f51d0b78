//! The rules of a policy, found by path.
//!
//! A tree of path segments in which `+` is an edge of its own. A look-up walks down the edges that
//! fit, over each node at most once, and keeps the greatest [`Rank`]; it allocates nothing, and
//! more rules make it little longer, as the edges of a node are sorted.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::grant::Grant;
use super::rank::Rank;

/// Compiled rules.
#[derive(Debug)]
pub struct Rules {
    nodes: Vec<Node>,
    len: usize,
}

/// What may follow some segments.
#[derive(Debug, Default)]
struct Node {
    /// Segments that are written out.
    next: BTreeMap<Box<str>, usize>,
    /// A `+`.
    any: Option<usize>,
    /// The rule that ends here.
    here: Option<Box<Rule>>,
    /// Rules that end in a `*`, by what the next segment begins with.
    starts: BTreeMap<Box<[u8]>, Box<Rule>>,
}

/// A path, and what is given there; several grants where a policy names the path several times.
#[derive(Debug)]
pub struct Rule {
    /// The path.
    pub rank: Rank,
    /// What is given.
    pub grants: Vec<Grant>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], len: 0 }
    }
}

impl Rules {
    const ROOT: usize = 0;

    /// How many there are: a measure of the memory that they take.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds what is given on `path`, written as in policies.
    pub fn insert(&mut self, path: &str, grant: Grant) {
        let rank = Rank::of(path);
        let (folder, start) = split(&rank);
        let start = start.map(|start| Box::from(start.as_bytes()));
        let mut at = Self::ROOT;
        for segment in folder.into_iter().flat_map(|folder| folder.split('/')) {
            at = self.child(at, segment);
        }
        let node = &mut self.nodes[at];
        let fresh = || Box::new(Rule { rank, grants: Vec::with_capacity(1) });
        let rule = match start {
            None => node.here.get_or_insert_with(fresh),
            Some(start) => node.starts.entry(start).or_insert_with(fresh),
        };
        rule.grants.push(grant);
        self.len += 1;
    }

    fn child(&mut self, at: usize, segment: &str) -> usize {
        let fresh = self.nodes.len();
        let node = &mut self.nodes[at];
        let child = match node.next.get(segment) {
            _ if segment == "+" => *node.any.get_or_insert(fresh),
            Some(child) => *child,
            None => *node.next.entry(segment.into()).or_insert(fresh),
        };
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    /// The most specific rule that matches `path`.
    pub fn best(&self, path: &str) -> Option<&Rule> {
        let mut best = None;
        self.search(Self::ROOT, Some(path), &mut best);
        best
    }

    /// It calls itself only where both a written segment and a `+` lead on. A policy's text
    /// bounds how deep that is: each such place is spelt by a path of its own.
    fn search<'a>(&'a self, mut at: usize, mut rest: Option<&str>, best: &mut Option<&'a Rule>) {
        while let Some(path) = rest {
            let (segment, after) = match path.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (path, None),
            };
            let node = &self.nodes[at];
            node.each_start(segment.as_bytes(), |rule| raise(best, rule));
            at = match (node.next.get(segment), node.any) {
                (Some(written), Some(any)) => {
                    self.search(any, after, best);
                    *written
                }
                (Some(child), None) => *child,
                (None, Some(child)) => child,
                (None, None) => return,
            };
            rest = after;
        }
        if let Some(rule) = &self.nodes[at].here {
            raise(best, rule);
        }
    }

    /// The rule for exactly the path of `rank`.
    pub fn at(&self, rank: &Rank) -> Option<&Rule> {
        let (folder, start) = split(rank);
        let mut node = &self.nodes[Self::ROOT];
        for segment in folder.into_iter().flat_map(|folder| folder.split('/')) {
            let child = if segment == "+" { node.any } else { node.next.get(segment).copied() };
            node = &self.nodes[child?];
        }
        match start {
            None => node.here.as_deref(),
            Some(start) => node.starts.get(start.as_bytes()).map(Box::as_ref),
        }
    }

    /// All rules.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.nodes.iter().flat_map(Node::rules)
    }

    /// The rules for paths that lie, or may lie, below `folder` (`secret/`).
    pub fn below(&self, folder: &str) -> Vec<&Rule> {
        let mut within = vec![Self::ROOT];
        for segment in folder.trim_end_matches('/').split('/') {
            let node = |at: usize| &self.nodes[at];
            let lead = |at| [node(at).next.get(segment).copied(), node(at).any];
            within = within.into_iter().flat_map(lead).flatten().collect();
        }
        // The folder itself, without its slash, is not below it.
        let mut rules: Vec<&Rule> =
            within.iter().flat_map(|at| self.nodes[*at].starts.values()).map(Box::as_ref).collect();
        while let Some(at) = within.pop() {
            let node = &self.nodes[at];
            let children: Vec<usize> = node.next.values().copied().chain(node.any).collect();
            rules.extend(children.iter().flat_map(|child| self.nodes[*child].rules()));
            within.extend(children);
        }
        rules
    }
}

impl Node {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.here.iter().chain(self.starts.values()).map(Box::as_ref)
    }

    /// The rules whose `*` follows something that `segment` begins with.
    fn each_start<'a>(&'a self, segment: &[u8], mut found: impl FnMut(&'a Rule)) {
        let mut key = segment;
        // Whatever else the segment begins with is no longer than what the last one before it in
        // order has in common with it.
        while let Some((start, rule)) =
            self.starts.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()
        {
            let common = start.iter().zip(key).take_while(|(a, b)| a == b).count();
            if common < start.len() {
                key = &key[..common];
                continue;
            }
            found(rule);
            match common.checked_sub(1) {
                Some(shorter) => key = &key[..shorter],
                None => return,
            }
        }
    }
}

/// The segments of a rule's path, and what the next one begins with if it ends in a `*`.
fn split(rank: &Rank) -> (Option<&str>, Option<&str>) {
    match rank.text().rsplit_once('/') {
        _ if rank.is_whole() => (Some(rank.text()), None),
        Some((folder, start)) => (Some(folder), Some(start)),
        None => (None, Some(rank.text())),
    }
}

fn raise<'a>(best: &mut Option<&'a Rule>, rule: &'a Rule) {
    if best.is_none_or(|best| rule.rank > best.rank) {
        *best = Some(rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::{Entropy, SeededEntropy};

    fn rules(paths: &[&str]) -> Rules {
        let mut rules = Rules::default();
        paths.iter().for_each(|path| rules.insert(path, Grant::default()));
        rules
    }

    fn best<'r>(rules: &'r Rules, path: &str) -> Option<&'r Rank> {
        rules.best(path).map(|rule| &rule.rank)
    }

    #[test]
    fn the_most_specific_rule_is_found() {
        let rules = rules(&[
            "s/d/+/a",
            "s/d/x/*",
            "s/d/+/*",
            "s/d/y/+",
            "s/+/+/+",
            "s/d/+/+",
            "s/d/z*",
            "s/d/zz*",
            "s/d/z",
            "é*",
            "s/e/+/in/*",
            "end/+",
            "slash/",
        ]);
        for (path, expected) in [
            ("s/d/q/a", Some("s/d/+/a")),
            ("s/d/x/a", Some("s/d/x/*")),
            ("s/d/y/a", Some("s/d/y/+")),
            ("s/d/q/b", Some("s/d/+/+")),
            ("s/d/q/b/c", Some("s/d/+/*")),
            ("s/m/q/b", Some("s/+/+/+")),
            ("s/d/zz/a", Some("s/d/zz*")),
            ("s/d/zy", Some("s/d/z*")),
            ("s/d/z", Some("s/d/z")),
            ("s/d/q", None),
            ("other", None),
            ("", None),
            ("è", None),
            ("éa/b", Some("é*")),
            ("s/e/x/in/a/b", Some("s/e/+/in/*")),
            ("s/e/x/in", Some("s/+/+/+")),
            ("end", None),
            ("end/", Some("end/+")),
            ("end/x/y", None),
            ("slash/", Some("slash/")),
            ("slash", None),
        ] {
            assert_eq!(best(&rules, path), expected.map(Rank::of).as_ref(), "{path}");
        }
    }

    /// Whether a rule's path matches, told by the definition.
    fn matches(rule: &Rank, path: &str) -> bool {
        let (wanted, given): (Vec<&str>, Vec<&str>) =
            (rule.text().split('/').collect(), path.split('/').collect());
        let fits = |(i, (wanted, given)): (usize, (&&str, &&str))| {
            let starts = !rule.is_whole() && i + 1 == rule.text().split('/').count();
            (*wanted == "+" && !starts) || wanted == given || (starts && given.starts_with(*wanted))
        };
        let long_enough = match rule.is_whole() {
            true => wanted.len() == given.len(),
            false => wanted.len() <= given.len(),
        };
        long_enough && wanted.iter().zip(&given).enumerate().all(fits)
    }

    #[test]
    fn the_tree_finds_what_the_definition_says() {
        let entropy: &dyn Entropy = &SeededEntropy::new(7);
        let dice = |sides: usize| usize::from(entropy.bytes::<1>()[0]) % sides;
        let path = |segments: &[&str]| -> String {
            let count = 1 + dice(4);
            let parts: Vec<&str> = (0..count).map(|_| segments[dice(segments.len())]).collect();
            parts.join("/")
        };
        for _ in 0..300 {
            let mut rules = Rules::default();
            let paths: Vec<String> = (0..dice(40))
                .map(|_| {
                    let path = path(&["a", "ab", "b", "+", "+", "", "+b", "a+", "*"]);
                    if dice(3) == 0 && !path.ends_with('+') { path + "*" } else { path }
                })
                .collect();
            paths.iter().for_each(|path| rules.insert(path, Grant::default()));
            for _ in 0..60 {
                let path = path(&["a", "ab", "abc", "b", "", "+b", "+", "a+", "*"]);
                let ranks = paths.iter().map(|path| Rank::of(path));
                let expected = ranks.filter(|rank| matches(rank, &path)).max();
                assert_eq!(best(&rules, &path), expected.as_ref(), "{path} in {paths:?}");
            }
            for path in &paths {
                let rank = Rank::of(path);
                assert_eq!(rules.at(&rank).map(|rule| &rule.rank), Some(&rank));
            }
            assert_eq!(rules.len(), paths.len());
        }
    }

    #[test]
    fn what_lies_below_a_folder_is_told() {
        let rules = rules(&["a", "a/", "a/b", "a/b/c*", "a*", "+/d", "+", "b/c", "a/*", "*"]);
        let mut below: Vec<&str> = rules.below("a/").iter().map(|rule| rule.rank.text()).collect();
        below.sort_unstable();
        assert_eq!(below, ["+/d", "a/", "a/", "a/b", "a/b/c"]);
        assert!(rules.below("c/").iter().all(|rule| rule.rank.text() == "+/d"));
    }
}
