//! Go's ways that clients see: how it prints values (`%v`, `%q`), and how it reads truths, numbers
//! and base64 and says that a text is none.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use zeroize::Zeroizing;

/// A JSON value as Go's `%v` prints it decoded: `map[a:1 b:[x y]]`, `<nil>`.
pub fn display(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(display).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let items: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}:{}", display(value))).collect();
            format!("map[{}]", items.join(" "))
        }
    }
}

/// Text in quotes as Go's `%q` prints it.
pub fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c.is_ascii() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) <= 0xffff => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// Text in quotes as Go's `time` package quotes what it refuses: unlike `%q`, byte by byte.
pub fn quote_duration(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Go's `unicode.IsPrint`: everything but control and format characters, separators other than
/// the ASCII space, and what Unicode has not assigned.
pub fn is_printable(c: char) -> bool {
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

/// Several errors as HashiCorp's `multierror` prints them.
pub fn multierror<E: std::fmt::Display>(errors: &[E]) -> String {
    let plural = if errors.len() == 1 { "" } else { "s" };
    let listed: String = errors.iter().map(|error| format!("\t* {error}\n")).collect();
    format!("{} error{plural} occurred:\n{listed}\n", errors.len())
}

/// A truth as Go's `strconv.ParseBool` reads it, with its error text.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text))),
    }
}

/// A whole number as Go's `strconv.ParseInt` with base 0 reads it (`0x1f`, `0b1`, `1_000`), with
/// its error text.
pub fn parse_int(text: &str) -> Result<i64, String> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let plain = match radix {
        10 if !text.contains("0_") => body.to_owned(),
        _ => body.replace('_', ""),
    };
    let syntax = || format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text));
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return Err(syntax());
    }
    let range = || format!("strconv.ParseInt: parsing {}: value out of range", quote(text));
    let magnitude = i128::from_str_radix(&plain, radix).map_err(|_| range())?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| range())
}

/// Base64 as Go's `base64.StdEncoding` reads it (line ends are passed over, bits that are left over
/// are not looked at), with its error text.
pub fn decode_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    if let Some(at) = base64_fault(text.as_bytes()) {
        return Err(format!("illegal base64 data at input byte {at}"));
    }
    let bytes: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect());
    LENIENT.decode(&*bytes).map(Zeroizing::new).map_err(|error| error.to_string())
}

/// Where Go finds that a text is no base64.
fn base64_fault(text: &[u8]) -> Option<usize> {
    let meaningful = |(_, byte): &(usize, &u8)| !matches!(byte, b'\r' | b'\n');
    let mut bytes = text.iter().enumerate().filter(meaningful);
    let mut in_group = 0;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => in_group = (in_group + 1) % 4,
            b'=' if in_group < 2 => return Some(at),
            b'=' => {
                if in_group == 2 {
                    match bytes.next() {
                        None => return Some(text.len()),
                        Some((_, b'=')) => {}
                        Some((at, _)) => return Some(at - 1),
                    }
                }
                return bytes.next().map(|(at, _)| at);
            }
            _ => return Some(at),
        }
    }
    (in_group > 0).then(|| text.len() - in_group)
}

/// A number as Go's `strconv.ParseFloat` reads it (but for hexadecimal ones), with its error text.
pub fn parse_float(text: &str) -> Result<f64, String> {
    let error = |why| format!("strconv.ParseFloat: parsing {}: {why}", quote(text));
    let number: f64 = text.parse().map_err(|_| error("invalid syntax"))?;
    if number.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) {
        return Err(error("value out of range"));
    }
    Ok(number)
}

/// `big.Int`'s text: a big-endian number in decimal.
pub fn big_int(bytes: &[u8]) -> String {
    // The least digit first.
    let mut digits = vec![0_u8];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_refused_where_go_refuses_it() {
        for (text, expected) in [
            ("", Ok(&b""[..])),
            ("aGVsbG8=", Ok(b"hello")),
            ("aGVs\r\nbG8=\n", Ok(b"hello")),
            ("aGVsbG9=", Ok(b"hello")),
            ("aGVsbG8", Err(4)),
            ("not base64!", Err(3)),
            ("5", Err(0)),
            ("a=", Err(1)),
            ("aa=", Err(3)),
            ("aa=a", Err(2)),
            ("aaa=a", Err(4)),
            ("é", Err(0)),
        ] {
            let said = |at| format!("illegal base64 data at input byte {at}");
            let decoded = decode_base64(text).map(|bytes| bytes.to_vec());
            assert_eq!(decoded, expected.map(<[u8]>::to_vec).map_err(said), "{text:?}");
        }
    }

    #[test]
    fn values_print_as_go_prints_them() {
        let value = serde_json::json!({"b": [true, null, "x"], "a": {"d": 2.5}, "s": "two words"});
        assert_eq!(display(&value), "map[a:map[d:2.5] b:[true <nil> x] s:two words]");
    }

    #[test]
    fn marks_and_symbols_are_printable_controls_and_spaces_are_not() {
        for c in ['a', ' ', '~', 'é', '\u{301}', '\u{645}', '😀', '\u{FFFD}', '"', '\\'] {
            assert!(is_printable(c), "{c:?}");
        }
        let unprintable = [
            '\0', '\n', '\u{7f}', '\u{85}', '\u{a0}', '\u{ad}', '\u{200b}', '\u{feff}', '\u{2028}',
        ];
        for c in unprintable {
            assert!(!is_printable(c), "{c:?}");
        }
    }

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        assert_eq!(quote("a\"\\'é\u{301}"), "\"a\\\"\\\\'é\u{301}\"");
        assert_eq!(quote("\0\t\u{7f}\u{a0}\u{e0000}"), "\"\\x00\\t\\x7f\\u00a0\\U000e0000\"");
    }
    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, number) in [("2", 2.0), ("-0.5", -0.5), (".5", 0.5), ("1e3", 1000.0)] {
            assert_eq!(parse_float(text), Ok(number));
        }
        let error = |text| parse_float(text).unwrap_err();
        assert_eq!(error("many"), "strconv.ParseFloat: parsing \"many\": invalid syntax");
        assert_eq!(error("1e999"), "strconv.ParseFloat: parsing \"1e999\": value out of range");
        assert!(parse_float("inf").is_ok_and(f64::is_infinite));
    }

    #[test]
    fn big_numbers_are_decimal() {
        for (bytes, text) in [
            (&[][..], "0"),
            (&[0, 0], "0"),
            (&[1, 0], "256"),
            (&[0, 255, 255, 255, 255], "4294967295"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
        ] {
            assert_eq!(big_int(bytes), text);
        }
    }
}
