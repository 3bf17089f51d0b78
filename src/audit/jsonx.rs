//! JSONx: JSON as XML, in the form that Vault writes. An entry is the content of a document's
//! root, without its header, in one line.

use serde_json::Value;

/// The fields of an object, in the order of their names.
pub fn encode(json: &Value) -> String {
    let mut out = String::new();
    for (name, value) in json.as_object().into_iter().flatten() {
        write(&mut out, Some(name), value);
    }
    out
}

fn write(out: &mut String, name: Option<&str>, value: &Value) {
    let (kind, text) = match value {
        Value::Null => ("null", String::new()),
        Value::Bool(flag) => ("boolean", flag.to_string()),
        Value::Number(number) => ("number", number.to_string()),
        Value::String(text) => ("string", escape(text)),
        Value::Array(_) => ("array", String::new()),
        Value::Object(_) => ("object", String::new()),
    };
    out.extend(["<json:", kind]);
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        out.extend([" name=\"", &escape(name), "\""]);
    }
    if value.is_null() {
        return out.push_str(" />");
    }
    out.extend([">", &text]);
    for value in value.as_array().into_iter().flatten() {
        write(out, None, value);
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        write(out, Some(name), value);
    }
    out.extend(["</json:", kind, ">"]);
}

/// XML's special characters, and those that XML has not, as Go's `xml.EscapeText` has them.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\0'..' ' | '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_its_element() {
        let json = json!({
            "b": [true, null, ["x"]],
            "a<": {"n": 1.5, "": {}},
            "t": "two\nlines & <more>\u{1}",
        });
        let expected = "<json:object name=\"a&lt;\"><json:object></json:object>\
            <json:number name=\"n\">1.5</json:number></json:object>\
            <json:array name=\"b\"><json:boolean>true</json:boolean><json:null />\
            <json:array><json:string>x</json:string></json:array></json:array>\
            <json:string name=\"t\">two&#xA;lines &amp; &lt;more&gt;\u{FFFD}</json:string>";
        assert_eq!(encode(&json), expected);
    }
}
