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
    fn a_name_has_a_folder_and_a_base() {
        let parts = |text| Name::parse(text).map(|name| [name.folder(), name.base()].join("|"));
        assert_eq!(parts("a/b/c.snap").unwrap(), "a/b|c.snap");
        assert_eq!(parts("c.snap").unwrap(), "|c.snap");
    }
}
