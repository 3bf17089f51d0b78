//! What another program says, fit to be told: nothing of it is trusted.

use super::golang::is_printable;

/// So many characters of it are told.
const MOST: usize = 300;

/// The text in one line, not long, and without what a terminal obeys.
pub fn said(text: &str) -> String {
    let plain: String = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let mut plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = plain.char_indices().nth(MOST) {
        plain.truncate(end);
        plain.push_str(" ...");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_for_every_terminal() {
        assert_eq!(said("no\n\tway"), "no way");
        assert_eq!(said("\u{1b}]0;owned\u{7}\u{1b}[31mred\u{202e}"), "]0;owned [31mred");
        assert_eq!(said("Grüße"), "Grüße");
        let long = said(&"ü".repeat(1000));
        assert_eq!(long, format!("{} ...", "ü".repeat(MOST)));
    }
}
