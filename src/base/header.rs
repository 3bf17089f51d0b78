//! Names and values of HTTP headers (RFC 9110, section 5).

/// Whether that can be a header's name.
pub fn is_name(text: &str) -> bool {
    const MARKS: &[u8] = b"!#$%&'*+-.^_`|~";
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || MARKS.contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Whether that can be a header's value: it ends no line, so that it cannot speak for the server.
pub fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (byte.is_ascii() && !byte.is_ascii_control()))
}

/// A name as Go writes it: `X-Forwarded-For`, however it was sent.
pub fn canonical(name: &str) -> String {
    let mut first = true;
    let letter = |c: char| {
        let c = if first { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        first = c == '-';
        c
    };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_values_end_no_line() {
        for good in ["X-A", "content-type", "a.b_c"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a:", "é", "a\r\n", "(a)"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_value("a, b;\tc") && is_value(""));
        assert!(!is_value("a\r\nX: y") && !is_value("é"));
        assert_eq!(canonical("x-fORwarded-for"), "X-Forwarded-For");
    }
}
