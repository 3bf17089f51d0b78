//! JSON values as YAML, in the layout of Vault's `-format=yaml`.
//!
//! Text stands plain only where every YAML reader takes it for text, text of several lines as a
//! block; else it is quoted as JSON quotes it, which YAML 1.2 reads alike.

use std::fmt::Write as _;

use serde_json::Value;

use crate::base::golang;

/// A value as a YAML document, with a newline at its end.
pub fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut out),
        scalar => line(&mut out, &inline(scalar, 0)),
    }
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(out, "{indent}{}:", text(key));
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(value, depth + 1, out);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        block(value, depth, out);
                    }
                    scalar => line(out, &format!(" {}", inline(scalar, depth))),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                match item {
                    Value::Object(map) if !map.is_empty() => block(item, depth + 1, &mut inner),
                    Value::Array(list) if !list.is_empty() => block(item, depth + 1, &mut inner),
                    scalar => line(&mut inner, &inline(scalar, depth)),
                }
                let _ = write!(out, "{indent}- {}", inner.trim_start());
            }
        }
        _ => {}
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// What stands behind a key or a dash of this depth.
fn inline(value: &Value, depth: usize) -> String {
    match value {
        Value::String(string) => lines(string, depth).unwrap_or_else(|| text(string)),
        other => other.to_string(),
    }
}

/// Text of several lines as a block, if it can stand there as it is.
fn lines(string: &str, depth: usize) -> Option<String> {
    let (sign, body) = match string.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", string),
    };
    let is_plain = string.contains('\n')
        && !string.starts_with([' ', '\n'])
        && !body.ends_with([' ', '\n'])
        && !string.contains(" \n")
        && string.chars().all(|c| c == '\n' || golang::is_printable(c));
    let indent = "  ".repeat(depth + 1);
    let lines = body.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("\n{indent}{line}"),
    });
    is_plain.then(|| sign.to_owned() + &lines.collect::<String>())
}

fn text(string: &str) -> String {
    if is_plain(string) { string.to_owned() } else { Value::from(string).to_string() }
}

fn is_plain(string: &str) -> bool {
    let lower = string.to_ascii_lowercase();
    let word = matches!(
        lower.as_str(),
        "" | "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "~" | ".nan"
    );
    let inner = |c: char| c.is_alphanumeric() || "/_.-+=@, ".contains(c);
    let first = |c: char| c.is_alphanumeric() || "/_".contains(c);
    let number = {
        let digits = lower.replace('_', "");
        let is_of = |(prefix, radix)| {
            let rest = digits.strip_prefix(prefix);
            rest.is_some_and(|rest: &str| rest.chars().all(|c| c.is_digit(radix)))
        };
        digits.parse::<f64>().is_ok() || [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().any(is_of)
    };
    let date = string.len() >= 8
        && string.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        && string.as_bytes()[4] == b'-';
    !word
        && !number
        && !date
        && string.starts_with(first)
        && string.chars().all(inner)
        && !string.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::document;

    #[test]
    fn documents_lie_as_vaults_do() {
        let value = serde_json::json!({
            "data": {"a": 1, "b": [true, null, "x"], "c": {"d": 2.5}, "y": "y", "1": "two words"},
            "empty": {}, "list": [{"k": "v", "l": ["m"]}], "none": [], "t": "0s",
            "time": "2026-11-22T13:17:15Z", "id": "7f4e-11", "colon": "a: b",
            "lines": "one\n\n two\n",
        });
        let want = "\
colon: \"a: b\"
data:
  \"1\": two words
  a: 1
  b:
  - true
  - null
  - x
  c:
    d: 2.5
  \"y\": \"y\"
empty: {}
id: 7f4e-11
lines: |
  one

   two
list:
- k: v
  l:
  - m
none: []
t: 0s
time: \"2026-11-22T13:17:15Z\"
";
        assert_eq!(document(&value), want);
        assert_eq!(document(&serde_json::json!(["a", "-"])), "- a\n- \"-\"\n");
        assert_eq!(
            document(&serde_json::json!(["a\nb", " a\nb"])),
            "- |-\n  a\n  b\n- \" a\\nb\"\n"
        );
        assert_eq!(document(&serde_json::json!({})), "{}\n");
        assert_eq!(
            document(&serde_json::json!(["0b1e-4f", "0b10", "0xff", "0xfg", "0o17", "0o18"])),
            "- 0b1e-4f\n- \"0b10\"\n- \"0xff\"\n- 0xfg\n- \"0o17\"\n- 0o18\n"
        );
    }
}
