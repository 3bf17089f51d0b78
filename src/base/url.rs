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
