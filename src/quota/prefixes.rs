//! Values by prefixes of paths: of the prefixes that a path has, the longest counts.

use std::collections::BTreeMap;

/// A look-up compares the path with the neighbour that it would sort behind and, where that is no
/// prefix, with the prefixes of that one: it does not grow with the number of prefixes.
pub struct Prefixes<T> {
    /// In the order of the prefixes.
    entries: Vec<Entry<T>>,
}

struct Entry<T> {
    prefix: String,
    value: T,
    /// Where the longest of the other prefixes is that this one begins with.
    within: Option<usize>,
}

impl<T> Prefixes<T> {
    /// The value of the longest prefix of `path`.
    pub fn longest(&self, path: &str) -> Option<&T> {
        // Whatever sorts between a prefix of the path and the path begins with that prefix.
        let behind = self.entries.partition_point(|entry| *entry.prefix <= *path);
        let mut place = behind.checked_sub(1);
        while let Some(entry) = place.and_then(|place| self.entries.get(place)) {
            if path.starts_with(&entry.prefix) {
                return Some(&entry.value);
            }
            place = entry.within;
        }
        None
    }
}

impl<T> FromIterator<(String, T)> for Prefixes<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(pairs: I) -> Self {
        let sorted: BTreeMap<String, T> = pairs.into_iter().collect();
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(sorted.len());
        let mut open: Vec<usize> = Vec::new();
        for (prefix, value) in sorted {
            while let Some(&last) = open.last()
                && !entries.get(last).is_some_and(|entry| prefix.starts_with(&entry.prefix))
            {
                open.pop();
            }
            let within = open.last().copied();
            open.push(entries.len());
            entries.push(Entry { prefix, value, within });
        }
        Self { entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let prefixes: Prefixes<&str> = ["", "a/", "a/b", "a/b/c", "a/bb", "b/", "b/x"]
            .map(|p| (p.to_owned(), p))
            .into_iter()
            .collect();
        for (path, longest) in [
            ("", ""),
            ("a", ""),
            ("a/", "a/"),
            ("a/a", "a/"),
            ("a/b", "a/b"),
            ("a/b/b", "a/b"),
            ("a/b/cc", "a/b/c"),
            ("a/b/d", "a/b"),
            ("a/ba", "a/b"),
            ("a/bb/", "a/bb"),
            ("a/c", "a/"),
            ("b", ""),
            ("b/w", "b/"),
            ("b/xx", "b/x"),
            ("c", ""),
        ] {
            assert_eq!(prefixes.longest(path), Some(&longest), "{path}");
        }
        let none: Prefixes<()> = [("b".to_owned(), ())].into_iter().collect();
        assert!(none.longest("a").is_none() && none.longest("c").is_none());
    }
}
