//! Which known word was probably meant by one that is none.

/// The name that differs least from `word`, where one differs little: in two letters at most, and
/// in no more than half of the word.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|name| (distance(word, name), name));
    near.filter(|(far, _)| *far <= 2 && far * 2 <= word.len()).min().map(|(_, name)| name)
}

/// How many letters must be put in, taken out or changed to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_letters() {
        assert_eq!(distance("statsu", "status"), 2);
        assert_eq!(distance("kv", "kv"), 0);
        assert_eq!(distance("", "read"), 4);
        assert_eq!(distance("reed", "read"), 1);
    }

    #[test]
    fn only_what_is_near_was_meant() {
        let names = ["read", "list", "kv"];
        assert_eq!(nearest("raed", names), Some("read"));
        assert_eq!(nearest("kb", names), Some("kv"));
        assert_eq!(nearest("xy", names), None);
        assert_eq!(nearest("delete", names), None);
        assert_eq!(nearest("xml", ["yaml"]), None);
    }
}
