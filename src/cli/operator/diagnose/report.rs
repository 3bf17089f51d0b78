//! The report: a table for people, Vault's tree for programs, and an exit code.

use std::io;

use serde_json::{Map, Value, json};

use super::finding::{Finding, Status};
use crate::cli::context::Context;
use crate::cli::format::Format;
use crate::cli::paint::Colour;
use crate::cli::plain::plain;
use crate::cli::stop::{Exit, Stop};
use crate::cli::table;

/// A check with what it found.
pub struct Checked {
    /// The check.
    pub name: &'static str,
    /// What it found; never nothing.
    pub findings: Vec<Finding>,
}

/// All checks in their order.
pub struct Report(pub Vec<Checked>);

/// The columns of the table, and where the last one begins.
const NAME: usize = 16;
const STATUS: usize = 11;

impl Checked {
    fn status(&self) -> Status {
        worst(self.findings.iter().map(|finding| finding.status))
    }
}

impl Report {
    /// Vault's codes.
    pub fn exit(&self) -> Exit {
        match self.status() {
            Status::Fail => Exit::FAULTS,
            Status::Warn => Exit::DOUBTS,
            Status::Ok | Status::Skipped => Exit::Done,
        }
    }

    /// Prints it.
    pub fn print(&self, cx: &mut Context) -> Result<(), Stop> {
        if cx.format != Format::Table {
            return cx.say_value(&self.tree());
        }
        // The colours are ours: only what was found is made plain.
        let paint = |colour: Colour, word: &str| colour.paint(word, &io::stdout());
        let plain = |text: &str| plain(text, &io::stdout()).into_owned();
        cx.print(format!("{}\n", self.table(paint, plain)).as_bytes())
    }

    fn status(&self) -> Status {
        worst(self.0.iter().map(Checked::status))
    }

    fn table(
        &self,
        paint: impl Fn(Colour, &str) -> String,
        plain: impl Fn(&str) -> String,
    ) -> String {
        let mut lines = vec![
            row("Check", &format!("{:STATUS$}", "Status"), "Finding"),
            row("-----", &format!("{:STATUS$}", "------"), "-------"),
        ];
        for Checked { name, findings } in &self.0 {
            for (i, finding) in findings.iter().enumerate() {
                let name = if i == 0 { name } else { "" };
                lines.push(row(name, &word(finding.status, &paint), &plain(&finding.what)));
                if !finding.remedy.is_empty() {
                    let remedy = format!("Remedy: {}", plain(&finding.remedy));
                    lines.push(row("", &" ".repeat(STATUS), &remedy));
                }
            }
        }
        lines.push(String::new());
        lines.push(self.summary());
        lines.join("\n")
    }

    fn summary(&self) -> String {
        let findings = || self.0.iter().flat_map(|checked| &checked.findings);
        let count = |status| findings().filter(|finding| finding.status == status).count();
        match (count(Status::Fail), count(Status::Warn)) {
            (0, 0) => "All is well.".to_owned(),
            (fails, warns) => format!("{fails} fail, {warns} warn."),
        }
    }

    /// As Vault's: a result has a name, a status, a message and an advice, and others below it.
    fn tree(&self) -> Value {
        let leaf = |finding: &Finding| {
            let mut result = Map::new();
            result.insert("status".into(), json!(finding.status));
            result.insert("message".into(), json!(finding.what));
            if !finding.remedy.is_empty() {
                result.insert("advice".into(), json!(finding.remedy));
            }
            Value::Object(result)
        };
        let children = self.0.iter().map(|checked| {
            json!({
                "name": checked.name,
                "status": checked.status(),
                "children": checked.findings.iter().map(leaf).collect::<Vec<_>>(),
            })
        });
        json!({
            "name": "Edgekeep Diagnose",
            "status": self.status(),
            "children": children.collect::<Vec<_>>(),
        })
    }
}

fn worst(all: impl Iterator<Item = Status>) -> Status {
    all.max().unwrap_or(Status::Skipped)
}

/// A line of the table; a long text goes on in the last column.
fn row(name: &str, status: &str, text: &str) -> String {
    let indent = NAME + STATUS;
    let wrapped = table::wrap(&format!("{}{text}", " ".repeat(indent)), indent);
    let text = wrapped.get(indent..).unwrap_or_default();
    format!("{name:NAME$}{status}{text}").trim_end().to_owned()
}

/// A status, filled up to its column; in colour where that is seen.
fn word(status: Status, paint: impl Fn(Colour, &str) -> String) -> String {
    let (word, colour) = match status {
        Status::Skipped => return format!("{:STATUS$}", "skipped"),
        Status::Ok => ("ok", Colour::Green),
        Status::Warn => ("warn", Colour::Yellow),
        Status::Fail => ("fail", Colour::Red),
    };
    paint(colour, &format!("{word:STATUS$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report(vec![
            Checked { name: "storage", findings: vec![Finding::ok("it opens")] },
            Checked {
                name: "space",
                findings: vec![
                    Finding::warn(
                        "little is left of a disk that was never a large one",
                        "free some",
                    ),
                    Finding::skipped("no reserve"),
                ],
            },
        ])
    }

    #[test]
    fn a_report_is_a_table_with_remedies() {
        let want = "\
Check           Status     Finding
-----           ------     -------
storage         ok         it opens
space           warn       little is left of a disk that was never a large one
                           Remedy: free some
                skipped    no reserve

0 fail, 1 warn.";
        assert_eq!(report().table(|_, word| word.to_owned(), str::to_owned), want);
        let painted = report().table(|colour, word| format!("<{colour:?} {word}>"), str::to_owned);
        assert!(painted.contains("<Yellow warn       >little"), "{painted}");
        assert_eq!(report().exit(), Exit::DOUBTS);
    }

    #[test]
    fn programs_get_vaults_tree() {
        let tree = report().tree();
        assert_eq!(tree["status"], "warn");
        assert_eq!(tree["children"][0]["children"][0]["message"], "it opens");
        assert_eq!(tree["children"][1]["children"][0]["advice"], "free some");
        assert_eq!(tree["children"][1]["children"][1]["status"], "skipped");
    }
}
