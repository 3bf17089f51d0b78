//! Go's ways that clients see: how it prints values (`%v`) and says that a number is none.

use serde_json::Value;

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

/// Go's `unicode.IsPrint`: everything but control and format characters, separators other than
/// the ASCII space, and what Unicode has not assigned.
pub fn is_printable(c: char) -> bool {
    // Rust's `Debug` escapes the same characters, marks aside, which it leaves alone after
    // another character, and those with a meaning in a literal.
    let shown: String = ['a', c].into_iter().collect::<String>().escape_debug().collect();
    matches!(c, '"' | '\'' | '\\') || shown.chars().nth(1) == Some(c)
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
    let syntax = || format!("strconv.ParseInt: parsing {text:?}: invalid syntax");
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return Err(syntax());
    }
    let range = || format!("strconv.ParseInt: parsing {text:?}: value out of range");
    let magnitude = i128::from_str_radix(&plain, radix).map_err(|_| range())?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| range())
}
