//! What a request line asks for: decoding, checking and cleaning of paths, as Go's servers do it.

use crate::base::golang::is_printable;
use crate::base::url;

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
        let path = url::decode_path(path).ok_or(TargetError::Malformed)?;
        let path = String::from_utf8(path).map_err(|_| TargetError::Unprintable)?;
        if path.chars().all(is_printable) {
            Ok(Self { path, query })
        } else {
            Err(TargetError::Unprintable)
        }
    }

    /// The query's parameters in their order, decoded. As in Go, a pair with a `;` in it or with
    /// a malformed escape is left out.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
        pairs
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((url::decode_query(name)?, url::decode_query(value)?))
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
        let parts = url::clean(&self.path);
        let mut clean = String::new();
        for part in &parts {
            clean.push('/');
            url::encode_segment(part, &mut clean);
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

#[cfg(test)]
mod tests {
    use super::*;

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
