//! The layout, and that nothing gets lost in it.

use super::format;
use crate::base::hcl::lexer::{Lexer, Notation, TokenKind};
use crate::base::hcl::parse;
use crate::base::hcl::tests::outline;

/// One of everything.
const ALL: &str = r#"
name = "x"
path "a" {
  policy = "read"
  n = [1, 2,]

  list = [
    "a", { b = 1 }, [],
    <<END
 x
END
  ]
  b {}
  c = {}
  text = <<-END
    y
    END
}, path "b" "c" { d = "${ e
 f }", g = true }
"#;

/// A text, then its layout. The first is an example of Vault's that was recorded, the others were
/// held against HashiCorp's printer.
const LAYOUTS: &str = r#"
path   "secret/a"{
capabilities=["read",
   "list"]
}


# a word
path "b" { policy = "write" }
---
path "secret/a" {
  capabilities = [
    "read",
    "list",
  ]
}

# a word
path "b" {
  policy = "write"
}
===
path "a" {
  a = ["x" , "y",]
  bcd = 1 // one

  ef = 2 # two
  ghi = [ 3 ]# three
}
---
path "a" {
  a   = ["x", "y"]
  bcd = 1          // one

  ef  = 2   # two
  ghi = [3] # three
}
===
# one

# two
path "a" {

  # three

  b = 1
  # four
  cc = 2
  # five
}
# six
---
# one

# two
path "a" {
  # three

  b = 1

  # four
  cc = 2

  # five
}

# six
===
a {
  l = [
# one
"read",
"list" # two
, "x", // three
  ]
}
---
a {
  l = [
    # one
    "read",

    "list", # two
    "x",    // three
  ]
}
===
a = [<<END
 x
END
]
b = [{c=1}, [1,2],]
path "d" {}
path "e" {
}
---
a = [<<END
 x
END
]

b = [
  {
    c = 1
  },
  [1, 2],
]

path "d" {}
path "e" {}
===
a {
  b = 1
  # x
  # y
  c = 2
  d = 3
}
---
a {
  b = 1

  # x
  # y
  c = 2

  d = 3
}
"#;

#[test]
fn the_layout_is_hashicorps() {
    for case in LAYOUTS.trim_start().split("===\n") {
        let (text, wanted) = case.split_once("---\n").unwrap();
        assert_eq!(format(text).as_deref(), Ok(wanted));
    }
    assert_eq!(format("\n").as_deref(), Ok(""));
}

/// Where HashiCorp's printer loses or moves comments.
#[test]
fn comments_stay_with_what_they_are_about() {
    for (text, wanted) in [
        ("a { # one\n b = 1\n}", "a {\n  # one\n  b = 1\n}\n"),
        ("a /* one */ = # two\n 1 /* three */", "/* one */\n# two\na = 1 /* three */\n"),
        ("a = [1, /* one */ 2]", "a = [\n  1,\n\n  /* one */\n  2,\n]\n"),
        ("a = [\n 1, 2\n # one\n]", "a = [\n  1,\n  2,\n  # one\n]\n"),
        ("a = 1 /* one */ # two\n, b = 2", "a = 1 /* one */ # two\nb = 2\n"),
        ("a {\n /* one\n    two */\n b = 1 }", "a {\n  /* one\n    two */\n  b = 1\n}\n"),
        ("a {\n b = 1\n c {}\n}", "a {\n  b = 1\n  c {}\n}\n"),
    ] {
        assert_eq!(format(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn what_is_no_hcl_is_refused() {
    for (text, wanted) in [
        ("a {", "At 1:5: object expected closing RBRACE got: EOF"),
        ("a =", "At 1:3: a key without a value"),
        ("{\"a\": 1}", "At 1:1: this is JSON, which is not formatted"),
    ] {
        assert_eq!(format(text).map_err(|e| e.to_string()), Err(wanted.to_owned()), "{text}");
    }
}

/// With every comment at every place, and with two of them at any two places.
#[test]
fn nothing_gets_lost_and_twice_is_once() {
    let comments = [" /*C*/ ", " #C\n", "\n#C\n", "\n\n//C\n\n", "\n/*C\n  */\n"];
    let places = places(ALL);
    check(ALL, 0);
    for (i, &first) in places.iter().enumerate() {
        for one in comments {
            let text = with(ALL, first, one);
            check(&text, 1);
            for &second in places[i..].iter().step_by(23) {
                for other in comments {
                    check(&with(&text, second + one.len(), other), 2);
                }
            }
        }
    }
}

fn with(text: &str, place: usize, comment: &str) -> String {
    format!("{}{comment}{}", &text[..place], &text[place..])
}

/// Where a token ends.
fn places(text: &str) -> Vec<usize> {
    let mut lexer = Lexer::new(text, Notation::Native);
    let mut places = vec![0];
    while lexer.next().unwrap().kind != TokenKind::End {
        places.push(text.len() - lexer.rest().0.len());
    }
    places
}

fn check(text: &str, comments: usize) {
    let before = parse(text).unwrap();
    let formatted = format(text).unwrap();
    let after = parse(&formatted).unwrap();
    assert_eq!(outline(&after), outline(&before), "{text}\n{formatted}");
    assert_eq!(formatted.matches('C').count(), comments, "{text}\n{formatted}");
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "{text}");
    let is_neat = formatted.lines().all(|line| line.trim_end() == line);
    assert!(is_neat && !formatted.contains("\n\n\n") && formatted.ends_with('\n'), "{formatted}");
}
