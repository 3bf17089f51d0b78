//! Hexadecimal text (RFC 4648, section 8).

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// `bytes` in lower-case digits, two a byte. What it returns is allocated once and never moved,
/// so that a secret's text can be zeroised.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
}

/// The bytes that `text` says, in digits of either case; `None` when it is no such text. Their
/// memory, too, is allocated once.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.as_bytes().chunks_exact(2) {
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(bytes)
}
