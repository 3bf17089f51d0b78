//! Paths and queries of URLs (RFC 3986), as Go's `net/url` reads and writes them.

use std::fmt::Write as _;

/// The bytes that a percent-encoded path means; none where an escape is malformed.
pub fn decode_path(text: &str) -> Option<Vec<u8>> {
    decode(text, b'+')
}

/// What a percent-encoded name or value of a query or a form means, where `+` is a space; none
/// where an escape is malformed or makes no UTF-8.
pub fn decode_query(text: &str) -> Option<String> {
    String::from_utf8(decode(text, b' ')?).ok()
}

/// Appends one segment of a path, what a path cannot hold percent-encoded.
pub fn encode_segment(text: &str, out: &mut String) {
    encode(text, b"-_.~$&+:=@", out);
}

/// Appends a name or a value of a query, all but what RFC 3986 calls unreserved percent-encoded.
pub fn encode_query(text: &str, out: &mut String) {
    encode(text, b"-_.~", out);
}

/// Appends a path as a header holds it: what is not printable ASCII percent-encoded, and `%`.
pub fn encode_header(path: &str, out: &mut String) {
    encode(path, b" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~", out);
}

/// The host in the URL of a server, such as `https://gateway.local:8200`; none where it is none.
pub fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let right = !host.is_empty()
        && host.chars().all(in_name)
        && (port.is_empty() || port.strip_prefix(':')?.parse::<u16>().is_ok())
        && path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#'));
    right.then_some(host)
}

/// The segments of a path, without empty ones, `.` and `..` resolved.
pub fn clean(path: &str) -> Vec<&str> {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    segments
}

fn decode(text: &str, plus: u8) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' => plus,
            other => other,
        });
    }
    Some(out)
}

fn encode(text: &str, kept: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_of_servers() {
        for (url, wanted) in [
            ("https://gateway.local:8200", "gateway.local"),
            ("http://10.0.0.1/", "10.0.0.1"),
            ("HTTPS://[::1]:8200/vault", "::1"),
        ] {
            assert_eq!(host(url), Some(wanted), "{url}");
        }
        for wrong in [
            "",
            "nonsense",
            "https://",
            "https:///x",
            "ftp://x",
            "https://:8200",
            "https://x:",
            "https://x:99999",
            "https://[x]:1",
            "https://[::1]8200",
            "https://user@x",
            "https://x?a=b",
            "https://a b",
            "{{ GetPrivateIP }}",
        ] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }
}
