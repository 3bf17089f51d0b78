//! The layout: what goes on which line, and at which column.

use super::tree::{Entry, Group, Item, Sequence, Value};

/// A whole text.
pub fn print(body: &Sequence<'_, Item<'_>>) -> String {
    let mut printer = Printer { out: String::new(), level: 0 };
    printer.body(body);
    printer.out
}

struct Printer {
    out: String,
    level: usize,
}

/// What an empty line parts from what stands before and after it.
enum Paragraph<'b, 'a> {
    Comments(&'b Group<'a>),
    Items(&'b [Entry<'a, Item<'a>>]),
}

impl Printer {
    /// Each paragraph of a body, on lines of their own.
    fn body(&mut self, body: &Sequence<'_, Item<'_>>) {
        for (i, paragraph) in paragraphs(body).iter().enumerate() {
            if i > 0 {
                self.out.push('\n');
            }
            match paragraph {
                Paragraph::Comments(group) => self.comments(group),
                Paragraph::Items(items) => self.items(items),
            }
        }
    }

    fn comments(&mut self, group: &Group<'_>) {
        for comment in group {
            self.line(comment);
        }
    }

    /// Items that stand right under each other, with what they assign and their comments in
    /// columns.
    fn items(&mut self, items: &[Entry<'_, Item<'_>>]) {
        let attributes = items.iter().map(|entry| &entry.what).filter(|item| item.is_attribute);
        let keys = attributes.map(|item| item.key_text().chars().count()).max().unwrap_or(0);
        let widest = match items {
            [_] => 0,
            items => items.iter().map(|entry| width(&entry.what.value)).max().unwrap_or(0),
        };
        for entry in items {
            self.comments(&entry.above);
            let item = &entry.what;
            self.indent();
            match item.is_attribute {
                true => self.out.push_str(&format!("{:keys$} = ", item.key_text())),
                false => self.out.push_str(&format!("{} ", item.key_text())),
            }
            self.value(&item.value);
            if !entry.behind.is_empty() {
                let gap = widest.saturating_sub(width(&item.value)) + 1;
                self.out.push_str(&format!("{:gap$}{}", "", entry.behind.join(" ")));
            }
            self.out.push('\n');
        }
    }

    /// A value, whose first line was begun; the last one is not ended.
    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Literal(text) | Value::Heredoc(text) => self.out.push_str(text),
            Value::List { elements, is_short: true } => self.short_list(elements),
            Value::List { elements, is_short: false } => {
                self.out.push_str("[\n");
                self.level += 1;
                self.long_list(elements);
                self.level -= 1;
                self.indent();
                self.out.push(']');
            }
            Value::Object(body) if body.is_empty() => self.out.push_str("{}"),
            Value::Object(body) => {
                self.out.push_str("{\n");
                self.level += 1;
                self.body(body);
                self.level -= 1;
                self.indent();
                self.out.push('}');
            }
        }
    }

    fn short_list(&mut self, elements: &Sequence<'_, Value<'_>>) {
        self.out.push('[');
        for (i, entry) in elements.entries.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.value(&entry.what);
            if matches!(entry.what, Value::Heredoc(_)) {
                self.out.push('\n');
                self.indent();
            }
        }
        self.out.push(']');
    }

    /// A line or more for each element; those with comments above stand between empty lines.
    fn long_list(&mut self, elements: &Sequence<'_, Value<'_>>) {
        let entries = &elements.entries;
        let widest = entries.iter().map(|entry| width(&entry.what)).max().unwrap_or(0);
        for (i, entry) in entries.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|before| entries.get(before));
            if before.is_some_and(|before| before.has_head() || entry.has_head()) {
                self.out.push('\n');
            }
            for group in &entry.apart {
                self.comments(group);
            }
            self.comments(&entry.above);
            self.indent();
            self.value(&entry.what);
            if matches!(entry.what, Value::Heredoc(_)) {
                self.out.push('\n');
                self.indent();
            }
            self.out.push(',');
            if !entry.behind.is_empty() {
                let gap = match width(&entry.what) {
                    0 => 1,
                    width => widest - width + 1,
                };
                self.out.push_str(&format!("{:gap$}{}", "", entry.behind.join(" ")));
            }
            self.out.push('\n');
        }
        for group in &elements.end {
            self.comments(group);
        }
    }

    fn line(&mut self, text: &str) {
        self.indent();
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn indent(&mut self) {
        self.out.push_str(&"  ".repeat(self.level));
    }
}

fn paragraphs<'b, 'a>(body: &'b Sequence<'a, Item<'a>>) -> Vec<Paragraph<'b, 'a>> {
    let mut paragraphs = Vec::new();
    for items in body.entries.chunk_by(|one, next| next.is_right_under(one)) {
        let apart = items.first().map(|first| &first.apart).into_iter().flatten();
        paragraphs.extend(apart.map(Paragraph::Comments));
        paragraphs.push(Paragraph::Items(items));
    }
    paragraphs.extend(body.end.iter().map(Paragraph::Comments));
    paragraphs
}

impl<T> Sequence<'_, T> {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.end.is_empty()
    }
}

impl<T> Entry<'_, T> {
    /// Whether comments stand before it.
    fn has_head(&self) -> bool {
        !self.apart.is_empty() || !self.above.is_empty()
    }
}

impl Entry<'_, Item<'_>> {
    /// Whether no empty line parts it from the one before: both take one line, of which the one
    /// before may have one more for its comment.
    fn is_right_under(&self, before: &Self) -> bool {
        let lines = before.above.iter().map(|comment| comment.lines().count()).sum::<usize>();
        self.line == before.line + 1
            && !self.has_head()
            && lines < 2
            && [self, before].iter().all(|entry| width(&entry.what.value) > 0)
    }
}

impl Item<'_> {
    fn key_text(&self) -> String {
        self.keys.join(" ")
    }
}

/// How many columns a value takes; 0 for one that takes several lines.
fn width(value: &Value<'_>) -> usize {
    match value {
        Value::Literal(text) if !text.contains('\n') => text.chars().count(),
        Value::List { elements, is_short: true } => {
            let each = elements.entries.iter().map(|entry| width(&entry.what));
            match each.clone().all(|width| width > 0) {
                true => 2 + each.map(|width| width + 2).sum::<usize>().saturating_sub(2),
                false => 0,
            }
        }
        Value::Object(body) if body.is_empty() => 2,
        Value::Literal(_) | Value::Heredoc(_) | Value::List { .. } | Value::Object(_) => 0,
    }
}
