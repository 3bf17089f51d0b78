//! Words for a shell, so that a command that is told runs as it is printed.

use std::borrow::Cow;

/// `text` as one word.
pub fn word(text: &str) -> Cow<'_, str> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "/:._-%+@,".contains(c);
    match !text.is_empty() && text.chars().all(safe) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', "'\\''")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        for plain in ["secret/", "box@2026-11-22T09:59:59Z", "/var/log/a.log"] {
            assert_eq!(word(plain), plain);
        }
        for (text, quoted) in
            [("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("*", "'*'"), ("[a]", "'[a]'")]
        {
            assert_eq!(word(text), quoted);
        }
    }
}
