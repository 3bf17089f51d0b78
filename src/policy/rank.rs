//! How specific a rule's path is.

use std::cmp::Reverse;

/// A rule's path. Of those that match a request the greatest one holds: the order of the fields is
/// Vault's order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Where its first wildcard stands: the later, the more specific.
    first: usize,
    /// Whether it has no `*` at its end.
    whole: bool,
    /// How many of its segments are `+`.
    any: Reverse<usize>,
    length: usize,
    text: Box<str>,
}

impl Rank {
    /// Reads a path as policies write it. A slash in front and a `*` at the end are not part of
    /// the text.
    pub fn of(path: &str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let (text, whole) = match path.strip_suffix('*') {
            Some(text) => (text, false),
            None => (path, true),
        };
        let any = text.split('/').filter(|segment| *segment == "+").count();
        // Vault asks for `/+`, not for a segment: `a/+b` has no wildcard and still ranks as if.
        let segmented = text == "+" || text.starts_with("+/") || text.contains("/+");
        let first = match (segmented, whole) {
            (true, _) => text.find('+').unwrap_or(text.len()),
            (false, true) => usize::MAX,
            (false, false) => text.len(),
        };
        Self { first, whole, any: Reverse(any), length: text.len(), text: text.into() }
    }

    /// Whether it has no wildcard: nothing is more specific.
    pub fn is_exact(&self) -> bool {
        self.first == usize::MAX
    }

    /// Whether all that it has is a `*` at its end.
    pub fn is_prefix(&self) -> bool {
        !self.whole && self.first == self.length
    }

    /// Whether it ends where its text ends.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The path without its `*`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_specific_path_is_the_greater() {
        // Each is more specific than the next.
        let order = [
            "a/b/c",
            "a/b/c*",
            "a/b/+/d",
            "a/b/+",
            "a/b/+/+",
            "a/b/*",
            "a/b/+/da*",
            "a/b/+/d*",
            "a/+/c/d",
            "a/+/+",
            "a/+/*",
            "+",
            "+/+",
            "*",
        ];
        for pair in order.windows(2) {
            assert!(Rank::of(pair[0]) > Rank::of(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        for (path, exact, prefix) in [
            ("a", true, false),
            ("/a", true, false),
            ("a+b", true, false),
            ("a/*/b", true, false),
            ("", true, false),
            ("*", false, true),
            ("a+*", false, true),
            ("a/+", false, false),
            ("a/+b", false, false),
            ("a/+/*", false, false),
        ] {
            let rank = Rank::of(path);
            assert_eq!((rank.is_exact(), rank.is_prefix()), (exact, prefix), "{path}");
        }
    }
}
