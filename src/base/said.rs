//! What another program says, fit to be told: nothing of it is trusted.

use super::golang::is_printable;
use super::secret::Secret;

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

/// A shorter secret is not struck out: it would be found in any text.
const LEAST: usize = 4;

/// The text without these secrets: who was sent them may repeat them.
pub fn without<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let secrets = secrets.into_iter().filter_map(|secret| str::from_utf8(secret.expose()).ok());
    let secrets = secrets.filter(|secret| secret.len() >= LEAST);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_told_again() {
        let secrets = ["t0ken", "of", "other"].map(Secret::new);
        let told = without("you are of t0ken, or t0ken2", &secrets);
        assert_eq!(told, "you are of (hidden), or (hidden)2");
    }

    #[test]
    fn it_is_one_line_for_every_terminal() {
        assert_eq!(said("no\n\tway"), "no way");
        assert_eq!(said("\u{1b}]0;owned\u{7}\u{1b}[31mred\u{202e}"), "]0;owned [31mred");
        assert_eq!(said("Grüße"), "Grüße");
        let long = said(&"ü".repeat(1000));
        assert_eq!(long, format!("{} ...", "ü".repeat(MOST)));
    }
}
