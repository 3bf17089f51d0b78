//! Path patterns: segments, `{id}` for one segment, `{id:name}` for one that is a name, `{path..}`
//! for the rest, `{path+}` for a rest that is not empty, up to what the pattern ends with, `/?` at
//! the end for a slash that may be missing. No regular expressions.

/// What a pattern captured, in the order of the pattern: name and text.
pub type Captures<'p> = Vec<(&'static str, &'p str)>;

/// Matches `path` (relative to its mount, no leading slash) against `pattern`.
///
/// `{name}` takes one segment that is not empty, `{name:name}` one that is a name as Vault has them
/// (see [`is_name`]); `{name..}` takes everything that is left, which
/// may be empty or end in a slash; `{name+}` the same, but not nothing, and but for the words that
/// stand behind it: `{path+}/tune`. A trailing slash matters, but where the pattern ends in `/?`.
pub fn matches<'p>(pattern: &'static str, path: &'p str) -> Option<Captures<'p>> {
    let (pattern, path) = match pattern.strip_suffix("/?") {
        Some(pattern) => (pattern, path.strip_suffix('/').unwrap_or(path)),
        None => (pattern, path),
    };
    let mut captures = Vec::new();
    let mut rest = Some(path);
    for part in pattern.split('/') {
        let left = rest?;
        match capture(part) {
            Some((name, Extent::Rest)) => {
                captures.push((name, left));
                return Some(captures);
            }
            Some((name, Extent::SomeRest)) => {
                let (_, behind) = pattern.split_once(part)?;
                let taken = left.strip_suffix(behind).filter(|taken| !taken.is_empty())?;
                captures.push((name, taken));
                return Some(captures);
            }
            other => {
                let (segment, after) = match left.split_once('/') {
                    Some((segment, after)) => (segment, Some(after)),
                    None => (left, None),
                };
                match other {
                    Some((_, Extent::Name)) if !is_name(segment) => return None,
                    Some((name, _)) if !segment.is_empty() => captures.push((name, segment)),
                    None if segment == part => {}
                    _ => return None,
                }
                rest = after;
            }
        }
    }
    rest.is_none().then_some(captures)
}

/// How much of a path a capture takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One segment.
    Segment,
    /// One segment that is a name.
    Name,
    /// All that is left.
    Rest,
    /// All that is left but for how the pattern ends, which is not nothing.
    SomeRest,
}

/// The name in `{name}`, `{name:name}`, `{name..}` or `{name+}`, and what it takes.
pub fn capture(part: &'static str) -> Option<(&'static str, Extent)> {
    let inner = part.strip_prefix('{')?.strip_suffix('}')?;
    let rest = inner.strip_suffix("..").map(|name| (name, Extent::Rest));
    let some = || inner.strip_suffix('+').map(|name| (name, Extent::SomeRest));
    let named = || inner.strip_suffix(":name").map(|name| (name, Extent::Name));
    rest.or_else(some).or_else(named).or(Some((inner, Extent::Segment)))
}

/// Whether a text is a name: letters, digits and `_`, between them also `-` and `.`.
pub fn is_name(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.iter().all(|byte| byte.is_some_and(word))
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_segments_and_rests() {
        for (pattern, path, expected) in [
            ("config", "config", Some(vec![])),
            ("config", "config/", None),
            ("config", "conf", None),
            ("keys/{name}", "keys/a", Some(vec![("name", "a")])),
            ("keys/{name}", "keys/", None),
            ("keys/{name}", "keys/a/b", None),
            ("keys/{name}/rotate", "keys/a/rotate", Some(vec![("name", "a")])),
            ("data/{path..}", "data/a/b", Some(vec![("path", "a/b")])),
            ("data/{path..}", "data/", Some(vec![("path", "")])),
            ("data/{path..}", "data", None),
            ("{path..}", "a/b/", Some(vec![("path", "a/b/")])),
            ("{path..}", "", Some(vec![("path", "")])),
            ("hash/{name+}", "hash/a/b/", Some(vec![("name", "a/b/")])),
            ("hash/{name+}", "hash/", None),
            ("hash/{name+}", "hash", None),
            ("role/{id:name}", "role/a.b-C_9", Some(vec![("id", "a.b-C_9")])),
            ("role/{id:name}", "role/a@b", None),
            ("role/{id:name}", "role/a-", None),
            ("role/{id:name}", "role/.a", None),
            ("role/{id:name}", "role/", None),
            ("role/{id:name}/x/?", "role/a/x/", Some(vec![("id", "a")])),
            ("role/{id:name}/x/?", "role/a/x", Some(vec![("id", "a")])),
            ("role/{id:name}/x/?", "role/a/x//", None),
            ("role/?", "role", Some(vec![])),
            ("at/{path+}/tune", "at/a/b/tune", Some(vec![("path", "a/b")])),
            ("at/{path+}/tune", "at/a/tune/tune", Some(vec![("path", "a/tune")])),
            ("at/{path+}/tune", "at/tune", None),
            ("at/{path+}/tune", "at//tune", None),
            ("at/{path+}/tune", "at/a/tune/", None),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} on {path}");
        }
    }
}
