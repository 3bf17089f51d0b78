//! Which known word was probably meant by one that is none.

/// The name that differs least from `word`, where one differs little: in two letters at most, and
/// in no more than half of the word.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.into_iter().map(|name| (distance(word, name), name));
    near.filter(|(far, _)| *far <= 2 && far * 2 <= word.len()).min().map(|(_, name)| name)
}

/// How many letters must be put in, taken out or changed, or pairs of neighbours turned round, to
/// make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Row by row, one for each letter of `a`, with the two before it.
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let changed = last[j] + usize::from(from != to);
            let mut least = changed.min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && a[i - 1] == *to && *from == b[j - 1] {
                let turned: usize = before_last[j - 1];
                least = least.min(turned + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances_count_letters() {
        assert_eq!(distance("statsu", "status"), 1);
        assert_eq!(distance("gte", "get"), 1);
        assert_eq!(distance("kv", "kv"), 0);
        assert_eq!(distance("", "read"), 4);
        assert_eq!(distance("reed", "read"), 1);
    }

    #[test]
    fn only_what_is_near_was_meant() {
        let names = ["read", "list", "kv"];
        assert_eq!(nearest("raed", names), Some("read"));
        assert_eq!(nearest("kb", names), Some("kv"));
        assert_eq!(nearest("gte", ["get", "put"]), Some("get"));
        assert_eq!(nearest("xy", names), None);
        assert_eq!(nearest("delete", names), None);
        assert_eq!(nearest("xml", ["yaml"]), None);
    }
}
