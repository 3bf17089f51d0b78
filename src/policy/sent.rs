//! How a policy arrives: as text, or as text in base64.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 as Go reads it: padded, with any bits behind the last byte.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The text of a policy that was sent as `sent`. Whatever can be base64 is taken for it, as in
/// Vault.
pub fn text(sent: &str) -> Cow<'_, [u8]> {
    let packed: String = sent.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    GO.decode(packed).map_or(Cow::Borrowed(sent.as_bytes()), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_told_from_text() {
        for (sent, expected) in [
            ("path \"a\" {}", &b"path \"a\" {}"[..]),
            ("cGF0aA==", b"path"),
            ("cGF0\r\naA==\n", b"path"),
            ("cGF0aB==", b"path"),
            ("cGF0aA", b"cGF0aA"),
            ("# c", b"# c"),
        ] {
            assert_eq!(*text(sent), *expected, "{sent}");
        }
    }
}
