//! Text of others, where a person sees it: what would steer a terminal is shown, not sent.

use std::borrow::Cow;
use std::io::IsTerminal;

use crate::base::golang;

/// The text as it goes to `stream`; a pipe gets it as it is.
pub fn plain<'t>(text: &'t str, stream: &impl IsTerminal) -> Cow<'t, str> {
    if stream.is_terminal() { shown(text) } else { text.into() }
}

/// The text in one line, wherever it goes: quoted where it holds what cannot be printed.
pub fn line(text: &str) -> String {
    let is_plain = text.chars().all(golang::is_printable);
    if is_plain { text.to_owned() } else { golang::quote(text) }
}

fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return text.into();
    }
    let show = |c: char| match c {
        c if steers(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(show).collect::<String>().into()
}

/// Control characters, but for those that lay text out, and what turns the direction of writing.
fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() && !matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_steers_a_terminal_is_shown() {
        assert_eq!(shown("a\tb\nä€"), "a\tb\nä€");
        assert_eq!(shown("\x1b[2J\r\u{9b}x\u{202e}"), "\\u{1b}[2J\\u{d}\\u{9b}x\\u{202e}");
    }
}
