//! Tables, their headers, and prose at 80 columns.

use std::io::stdout;

use super::plain::plain;

/// Between two columns.
const GAP: &str = "    ";
/// What stands in an empty cell.
const EMPTY: &str = "n/a";

/// Rows in aligned columns, without a newline at the end.
pub fn columns<R: AsRef<[String]>>(rows: &[R]) -> String {
    let shown = |row: &R| row.as_ref().iter().map(|cell| plain(cell, &stdout()).into()).collect();
    aligned(&rows.iter().map(shown).collect::<Vec<Vec<String>>>())
}

fn aligned(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            let width = filled(cell).chars().count();
            match widths.get_mut(i) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, &width)| padded(filled(cell), width));
        padded.collect::<Vec<_>>().join(GAP).trim_end_matches(' ').to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Rows under a header that is underlined with dashes.
pub fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    under(&header, rows)
}

/// The same of as many columns as it happens to have.
pub fn under<R: AsRef<[String]>>(header: &[&str], rows: &[R]) -> String {
    let titles = header.iter().map(|&title| title.to_owned()).collect();
    let dashes = header.iter().map(|title| "-".repeat(title.chars().count())).collect();
    let rows = rows.iter().map(|row| row.as_ref().to_vec());
    columns(&[titles, dashes].into_iter().chain(rows).collect::<Vec<Vec<String>>>())
}

/// A table of names and what they hold.
pub fn pairs(rows: &[[String; 2]]) -> String {
    table(["Key", "Value"], rows)
}

/// `=== Title ===` above a table of pairs, as wide as the table would be with values as wide as
/// their header.
pub fn header_over(title: &str, rows: &[[String; 2]]) -> String {
    let longest = rows.iter().map(|[key, _]| key.chars().count()).max().unwrap_or(0);
    header(title, longest + GAP.len() + "Value".len())
}

/// `=== Title ===` of a width, as near to it as even numbers allow.
pub fn header(title: &str, width: usize) -> String {
    let signs = match width.saturating_sub(title.chars().count() + 2) {
        0 => 4,
        signs => signs + signs % 2,
    };
    let side = "=".repeat(signs / 2);
    format!("{side} {title} {side}")
}

/// Prose in lines of at most 80 columns, where words allow; its own line breaks and what each of
/// its lines is indented by stay. Lines that are made are indented by `indent`. A command (`...`)
/// is one word, to be copied whole.
pub fn wrap(text: &str, indent: usize) -> String {
    let wrapped = text.lines().map(|line| wrap_line(line, indent));
    wrapped.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, indent: usize) -> String {
    let words = line.trim_start();
    let mut out = line[..line.len() - words.len()].to_owned();
    let mut width = out.len();
    for (i, word) in words_of(words).into_iter().enumerate() {
        let length = word.chars().count();
        if i > 0 && width + 1 + length > 80 {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            width = indent;
        } else if i > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}

/// What is not to be broken.
fn words_of(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, sign) in line.char_indices() {
        match sign {
            '`' => quoted = !quoted && line[at + 1..].contains('`'),
            ' ' if !quoted => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words
}

/// A cell of that width; a format's own width ends at 65,535.
fn padded(cell: &str, width: usize) -> String {
    let short = width.saturating_sub(cell.chars().count());
    format!("{cell}{}", " ".repeat(short))
}

fn filled(cell: &str) -> &str {
    if cell.is_empty() { EMPTY } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(list: &[[&str; 2]]) -> Vec<[String; 2]> {
        list.iter().map(|row| row.map(str::to_owned)).collect()
    }

    #[test]
    fn a_table_lies_as_vaults_does() {
        let rows = rows(&[["created_time", "now"], ["deletion_time", ""]]);
        let want = "Key              Value\n---              -----\ncreated_time     now\n\
                    deletion_time    n/a";
        assert_eq!(pairs(&rows), want);
        assert_eq!(header_over("Metadata", &rows), "====== Metadata ======");
        let wide = [["custom_metadata".to_owned(), String::new()]];
        assert_eq!(header_over("Metadata", &wide), "======= Metadata =======");
        assert_eq!(header("Secret Path", "secret/data/db".len()), "= Secret Path =");
        assert_eq!(header("Secret Path", "kv/a".len()), "== Secret Path ==");
        assert_eq!(header("Secret Path", 30), "========= Secret Path =========");
    }

    #[test]
    fn a_cell_may_be_long() {
        let long = "a".repeat(100_000);
        assert!(pairs(&rows(&[["v", &long]])).ends_with(&long));
        let table = pairs(&rows(&[[&long, "v"]]));
        assert!(table.lines().all(|line| line.len() > long.len()));
    }

    #[test]
    fn prose_is_wrapped_between_words() {
        let text = format!("  {}", "ab ".repeat(30));
        let wrapped = wrap(text.trim_end(), 4);
        let lines: Vec<&str> = wrapped.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  ab") && lines[0].len() == 79, "{wrapped}");
        assert!(lines[1].starts_with("    ab"), "{wrapped}");
        assert_eq!(wrap("one\n\ntwo", 0), "one\n\ntwo");
        let command = format!("`edgekeep {}`", "word ".repeat(20).trim_end());
        let told = wrap(&format!("* it is marked: {command} takes that back, it's no ` more"), 2);
        let lines: Vec<&str> = told.lines().collect();
        let rest = "  takes that back, it's no ` more";
        assert_eq!(lines, ["* it is marked:", &format!("  {command}"), rest]);
    }
}
