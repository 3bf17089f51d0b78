//! A command line in words, as a shell reads it.

/// The words of a line: quotes ' and " hold spaces, a backslash outside them takes the next
/// character as it is.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' if quote.is_none_or(|quote| quote == c) => {
                quote = if quote.is_none() { Some(c) } else { None };
                word.get_or_insert_default();
            }
            ' ' if quote.is_none() => words.extend(word.take()),
            '\\' if quote.is_none() => word.get_or_insert_default().extend(rest.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
