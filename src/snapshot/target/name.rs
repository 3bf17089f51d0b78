//! Names of objects, such as every kind of target can keep.

use std::fmt;

/// The path of an object on a target: folders and a name, split by `/`.
///
/// Each part has 1 to 200 of `A-Z a-z 0-9 . - _ +`, begins with no dot and ends with none, so that
/// FAT, S3 and WebDAV take it as it is. At most 900 bytes, S3's bound less a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// The longest name, in bytes.
const MOST: usize = 900;
/// The longest part of one.
const MOST_PART: usize = 200;

impl Name {
    /// Checks a name; `None` where it is none.
    pub fn parse(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let whole = text.len() <= MOST && text.split('/').all(is_part);
        whole.then_some(Self(text))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it lies in; `""` for none.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its last part.
    pub fn base(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, base)| base)
    }

    /// Whether it lies below the folder `under`; everything lies below `""`.
    pub fn is_below(&self, under: &str) -> bool {
        let rest = self.0.strip_prefix(under.trim_end_matches('/'));
        under.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_part(part: &str) -> bool {
    let fits = (1..=MOST_PART).contains(&part.len());
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
    fits && part.bytes().all(known) && !part.starts_with('.') && !part.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_every_target_can_keep_is_a_name() {
        for good in ["a", "a/b.snap", "vault-snapshot-1.2+3_x", "0/1/2/3"] {
            assert_eq!(Name::parse(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(201);
        for bad in
            ["", "/a", "a/", "a//b", ".", "..", "a/../b", ".a", "a.", "a b", "ä", "a:b", &long]
        {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it() {
        let name = Name::parse("a/b/c.snap").unwrap();
        assert_eq!((name.folder(), name.base()), ("a/b", "c.snap"));
        for (under, holds) in
            [("", true), ("a", true), ("a/", true), ("a/b", true), ("a/bc", false)]
        {
            assert_eq!(name.is_below(under), holds, "{under}");
        }
    }
}
