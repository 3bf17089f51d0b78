//! What is read as what. The refusals that Vault was recorded with are marked so.

use std::fmt::Write as _;

use super::{Body, Document, Kind, MAX_BYTES, Value, parse, parse_bytes};

/// What a text says, in one line, wherever it says it.
pub fn outline(document: &Document) -> String {
    let mut out = String::new();
    body(&document.body, &mut out);
    if let Some(doubt) = &document.doubt {
        write!(out, " ?{doubt}").unwrap();
    }
    out
}

fn body(body: &Body, out: &mut String) {
    for (index, item) in body.items.iter().enumerate() {
        write!(out, "{}{}", if index > 0 { "; " } else { "" }, item.key.text).unwrap();
        for label in &item.labels {
            write!(out, " {:?}", label.text).unwrap();
        }
        write!(out, "{}", if item.assign.is_some() { "=" } else { " " }).unwrap();
        value(&item.value, out);
    }
}

fn value(this: &Value, out: &mut String) {
    match &this.kind {
        Kind::Bool(truth) => write!(out, "{truth}").unwrap(),
        Kind::Number(number) => out.push_str(number),
        Kind::Text(text) => write!(out, "{text:?}").unwrap(),
        Kind::List(values) => {
            out.push('[');
            for (index, one) in values.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                value(one, out);
            }
            out.push(']');
        }
        Kind::Object(inner) => {
            out.push('{');
            body(inner, out);
            out.push('}');
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, wanted) in cases {
        let got = match parse(text) {
            Ok(document) => outline(&document),
            Err(error) => format!("!{error}"),
        };
        assert_eq!(&got, wanted, "{text}");
    }
}

#[test]
fn items_blocks_and_comments() {
    check(&[
        ("", ""),
        ("# nothing but a comment", ""),
        ("a = 1 b = 2", "a=1; b=2"),
        ("a = 1, b = 2", "a=1; b=2"),
        ("# x\n// y\n/* a = 1\n */ a = 2 # z", "a=2"),
        ("path \"a\" { b = 1 } path \"c\" {}", "path \"a\" {b=1}; path \"c\" {}"),
        ("path secret { }", "path \"secret\" {}"),
        ("path \"a\" \"b\" { \"k\" = [] }", "path \"a\" \"b\" {k=[]}"),
        ("p \"a\" { allowed { x = [\"y\"] } }", "p \"a\" {allowed {x=[\"y\"]}}"),
        ("path = { \"secret/a\" = {} }", "path={secret/a={}}"),
        ("a-b.c = true d = false", "a-b.c=true; d=false"),
        ("a =", " ?At 1:3: a key without a value"),
    ]);
}

#[test]
fn lists_and_numbers() {
    check(&[
        ("a = [1, 2.5, -3, 1e5, \"x\", true,]", "a=[1, 2.5, -3, 1e5, \"x\", true]"),
        ("a = [,1,,[2][3] {b = 4}]", "a=[1, [2], [3], {b=4}]"),
        ("a = 0x1F b = 017 c = .5 d = 1.", "a=0x1F; b=017; c=.5; d=1."),
        ("a = 018", "!At 1:5: illegal octal number"),
        ("a = 0x", "!At 1:5: illegal hexadecimal number"),
        ("a = 1e+", "!At 1:5: illegal number: an exponent without digits"),
    ]);
    let integer = |text: &str| parse(text).unwrap().body.items[0].value.integer();
    assert_eq!(integer("a = 0x1F"), Some(31));
    assert_eq!(integer("a = -017"), Some(-15));
    assert_eq!(integer("a = \"42\""), Some(42));
    assert_eq!(integer("a = 0"), Some(0));
    for none in ["a = 1.5", "a = 9223372036854775808", "a = \"\"", "a = \"-+5\"", "a = true"] {
        assert_eq!(integer(none), None, "{none}");
    }
}

#[test]
fn strings() {
    check(&[
        (r#"a = "\a\b\f\n\r\t\v\\\"""#, r#"a="\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"""#),
        (r#"a = "\x41\102\u00e9\U0001F600""#, "a=\"AB\u{e9}\u{1f600}\""),
        (r#"a = "\xc3\xa9""#, "a=\"\u{e9}\""),
        (r#"a = "\xc3""#, "!At 1:5: illegal char escape"),
        (r#"a = "\ud83d\ude00 \ud83d""#, "a=\"\u{1f600} \u{fffd}\""),
        (r#"a = "\U00110000""#, "!At 1:6: illegal char escape"),
        (r#"a = "\777""#, "!At 1:6: illegal char escape"),
        (r#"a = "\/""#, "!At 1:6: illegal char escape"),
        (r#"a = "x ${f("\n", {})} \n""#, r#"a="x ${f(\"\\n\", {})} \n""#),
        ("a = \"${b\nc}\"", "a=\"${b\\nc}\""),
        ("a = \"b\nc\"", "!At 1:7: literal not terminated"),
        ("a = \"b", "!At 1:7: literal not terminated"),
        ("a = \"${b\"", "!At 1:10: literal not terminated"),
    ]);
}

#[test]
fn heredocs() {
    check(&[
        ("a = <<EOF\nfoo\n  bar\nEOF\nb = 1", "a=\"foo\\n  bar\\n\"; b=1"),
        ("a = <<EOF\nEOF\n", "a=\"\""),
        ("a = <<EOF\r\nx\r\nEOF\r\n", "a=\"x\\n\""),
        ("a = <<EOF\nx\n  EOF\n", "a=\"x\\n  \""),
        ("a = <<-EOF\n    x\n     y\n    EOF\n", "a=\"x\\n y\\n\""),
        ("a = <<-EOF\n  x\n y\n  EOF\n", "a=\"  x\\n y\\n\""),
        ("a = [<<A\n1\nA\n, <<B\n2\nB\n]", "a=[\"1\\n\", \"2\\n\"]"),
        ("a = <<EOF\nfoo\nEOF", "!At 3:4: heredoc not terminated"),
        ("a = <<EOF", "!At 1:10: heredoc not terminated"),
        ("a = <EOF", "!At 1:5: heredoc expected second '<', didn't see it"),
        ("a = <<\n\n", "!At 1:5: zero-length heredoc anchor"),
        ("a = <<E F\n\n", "!At 1:5: invalid characters in heredoc anchor"),
    ]);
}

#[test]
fn refusals_recorded_of_vault() {
    check(&[
        (
            "path \"secret/a\" { capabilities = [\"read\"]",
            "!At 1:43: object expected closing RBRACE got: EOF",
        ),
        (
            "path \"secret/a\" capabilities = [\"read\"]",
            "!At 1:30: nested object expected: LBRACE got: ASSIGN",
        ),
        (
            "path \"secret/a\" { capabilities = [\"read\" \"list\"] }",
            "!At 1:42: error parsing list, expected comma or list end, got: STRING",
        ),
        (
            "not a policy",
            "!At 1:14: key 'not a policy' expected start of object ('{') or assignment ('=')",
        ),
    ]);
    // What the base64 text "nonsense" stands for.
    let error = parse_bytes(b"\x9e\x89\xec\x7a\x9e\xc7").unwrap_err();
    assert_eq!(error.to_string(), "At 1:1: illegal char");
}

#[test]
fn refusals() {
    check(&[
        ("1 = 2", "!At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: NUMBER"),
        ("}", "!At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: RBRACE"),
        ("a {} {}", "!At 1:6: expected: IDENT | STRING got: LBRACE"),
        ("= 1", "!At 1:1: no object keys found!"),
        ("a = b", "!At 1:5: Unknown token: 1:5 IDENT b"),
        ("a { b }", "!At 1:7: key 'b' expected start of object ('{') or assignment ('=')"),
        ("a = [b]", "!At 1:6: unexpected token while parsing list: IDENT"),
        (
            "a = [{b}]",
            "!At 1:6: error while trying to parse object within list: At 1:8: key 'b' expected \
             start of object ('{') or assignment ('=')",
        ),
        ("a = 1\n  % = 2", "!At 2:3: illegal char"),
        ("\u{e9} = 1 / 2", "!At 1:7: expected '/' for comment"),
        ("a = 1 /* b", "!At 1:11: comment not terminated"),
        ("a = \0", "!At 1:5: unexpected null character (0x00)"),
    ]);
    let deep = |depth| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&deep(32)).is_ok());
    assert_eq!(parse(&deep(33)).unwrap_err().what.matches("nested more than 32").count(), 1);
    assert!(parse(&"#".repeat(MAX_BYTES)).is_ok());
    assert!(parse(&"#".repeat(MAX_BYTES + 1)).is_err());
}

#[test]
fn json() {
    check(&[
        ("{}", ""),
        (
            " {\"a\": 1, \"b\": [true, \"x\", [2]], \"c\": null,}",
            "a=1; b=[true, \"x\", [2]]; c=\"\"",
        ),
        ("{\"a\": \"${b}\\/\\u00e9\"}", "a=\"${b}/\u{e9}\""),
        (
            "{\"path\": {\"a\": {\"x\": 1}, \"b\": {}}, \"ui\": true}",
            "path \"a\"={x=1}; path \"b\"={}; ui=true",
        ),
        (
            "{\"listener\": [{\"tcp\": {\"x\": 1}}, {\"tcp\": [{}, {\"y\": {\"z\": {}}}]}]}",
            "listener \"tcp\"={x=1}; listener \"tcp\"={}; listener \"tcp\"={y={z={}}}",
        ),
        ("{\"telemetry\": [{\"a\": 1}, {\"b\": 2}]}", "telemetry={a=1}; telemetry={b=2}"),
        ("{\"a\": {\"b\": {}, \"c\": 1}}", "a={b={}; c=1}"),
        ("{\"path\":", " ?At 1:2: a key without a value"),
        ("{\"a\": {\"b\": 1", "a={b=1} ?At 1:14: the text ends within an object"),
        ("{\"a\": 1} more", "a=1 ?At 1:9: text after the closing brace"),
        ("{\"a\": 1 \"b\": 2}", "!expected: COMMA | RBRACE got: STRING"),
        ("{\"a\": [1", "!unexpected token while parsing list: EOF"),
        ("{\"a\": }", "!Expected object value, got unknown token: 1:7 RBRACE }"),
        ("{\"a\": b}", "!1:7: illegal char"),
        ("{\"a\": 01}", "!1:7: numbers cannot start with 0"),
        ("{a: 1}", "!1:2: illegal char"),
        ("{# x\n}", "!1:2: illegal char: #"),
        ("{:1}", "!expected: STRING got: COLON"),
    ]);
}
