//! What a request line asks for: decoding, checking and cleaning of paths, as Go's servers do it.

use std::fmt::Write as _;

/// A request's target, decoded.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, percent-decoded; begins with `/` and holds printable characters only.
    pub path: String,
    /// The query as it was sent, without the `?`.
    pub query: &'a str,
}

/// Why a target is refused. Both are 400; Vault says the first in words, the second with no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Not a path, or a `%` without two hexadecimal digits.
    Malformed,
    /// Decodes to something unprintable, or to no UTF-8.
    Unprintable,
}

impl<'a> Target<'a> {
    /// Reads a request line's target: a path, or a URL, whose host is ignored.
    pub fn parse(raw: &'a str) -> Result<Self, TargetError> {
        let (path, query) = local(raw).split_once('?').unwrap_or((local(raw), ""));
        if !path.starts_with('/') {
            return Err(TargetError::Malformed);
        }
        let path = decode(path, false).ok_or(TargetError::Malformed)?;
        let path = String::from_utf8(path).map_err(|_| TargetError::Unprintable)?;
        if path.chars().all(printable) {
            Ok(Self { path, query })
        } else {
            Err(TargetError::Unprintable)
        }
    }

    /// The query's parameters in their order, decoded. As in Go, a pair with a `;` in it or with
    /// a malformed escape is left out.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        let text = |part| decode(part, true).and_then(|bytes| String::from_utf8(bytes).ok());
        pairs
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((text(name)?, text(value)?))
            })
            .collect()
    }

    /// Where a path that is not clean (`//`, `.`, `..`) leads: the `Location` of a redirect.
    pub fn redirect(&self) -> Option<String> {
        if !self.path.split('/').skip(1).any(|part| matches!(part, "." | ".."))
            && !self.path.contains("//")
        {
            return None;
        }
        let mut parts = Vec::new();
        for part in self.path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let mut clean = String::new();
        for part in &parts {
            clean.push('/');
            encode(part, &mut clean);
        }
        if self.path.ends_with('/') || parts.is_empty() {
            clean.push('/');
        }
        if !self.query.is_empty() {
            clean.push('?');
            clean.push_str(self.query);
        }
        Some(clean)
    }
}

/// The path and query of a target that may be a whole URL, its host left out.
pub fn local(raw: &str) -> &str {
    match raw.split_once("://") {
        Some(("http" | "https", rest)) => match rest.find(['/', '?']).map(|at| &rest[at..]) {
            Some(path) if path.starts_with('/') => path,
            // A query right behind the host asks for nothing that is served.
            _ => "/",
        },
        _ => raw,
    }
}

/// The bytes that percent-encoded text means; none where an escape is malformed.
fn decode(text: &str, plus_is_space: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(out)
}

/// Appends one path segment, with what a URL's path cannot hold percent-encoded.
fn encode(part: &str, out: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b':' | b'=' | b'@' => {
                out.push(char::from(byte));
            }
            // Writing into a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

/// Whether Go calls it printable: letters, marks, numbers, punctuation, symbols and the space.
fn printable(c: char) -> bool {
    if c.is_ascii() {
        return c == ' ' || c.is_ascii_graphic();
    }
    // The library's table of printable characters shows in what `escape_debug` leaves alone. In
    // a string, behind another character, it leaves marks alone too, which Go calls printable.
    let mut text = [b'x'; 5];
    let len = c.encode_utf8(&mut text[1..]).len();
    let escaped = std::str::from_utf8(&text[..=len]).map(|s| s.escape_debug().nth(1));
    escaped == Ok(Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_symbols_are_printable_controls_and_spaces_are_not() {
        for c in ['a', ' ', '~', 'é', '\u{301}', '\u{645}', '😀', '\u{FFFD}', '"', '\\'] {
            assert!(printable(c), "{c:?}");
        }
        let unprintable = [
            '\0', '\n', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{feff}', '\u{2028}',
        ];
        for c in unprintable {
            assert!(!printable(c), "{c:?}");
        }
    }

    #[test]
    fn redirects_as_go_does() {
        let to = |raw| Target::parse(raw).unwrap().redirect();
        assert_eq!(to("/v1/secret//data/Case?a=b").as_deref(), Some("/v1/secret/data/Case?a=b"));
        assert_eq!(to("/v1/secret/data/x/../Case").as_deref(), Some("/v1/secret/data/Case"));
        assert_eq!(to("/v1/secret/data/..").as_deref(), Some("/v1/secret"));
        assert_eq!(to("/v1/secret/data/Case//").as_deref(), Some("/v1/secret/data/Case/"));
        assert_eq!(to("/../..").as_deref(), Some("/"));
        assert_eq!(to("//%20").as_deref(), Some("/%20"));
        assert_eq!(to("/v1/secret/data/a.b/..c"), None);
    }

    #[test]
    fn decodes_paths_and_queries() {
        let target = Target::parse("http://host/v1/a%2Fb?x=%31&y=a+b&z&&bad=%zz&s=1;t=2").unwrap();
        assert_eq!(target.path, "/v1/a/b");
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        assert_eq!(target.parameters(), [pair("x", "1"), pair("y", "a b"), pair("z", "")]);
        for slash_in_query in ["http://host?x=/v1/a", "https://host?/v1/a"] {
            assert_eq!(Target::parse(slash_in_query).unwrap().path, "/");
        }
        for bad in ["", "*", "v1/x", "/%", "/%4", "/%zz", "/%+1"] {
            assert_eq!(Target::parse(bad), Err(TargetError::Malformed), "{bad}");
        }
        assert_eq!(Target::parse("/%C2%A0"), Err(TargetError::Unprintable));
        assert_eq!(Target::parse("/%ff"), Err(TargetError::Unprintable));
    }
}
