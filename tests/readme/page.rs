//! README.md: its sections, and what they have a person type.

use std::collections::VecDeque;

const README: &str = include_str!("../../README.md");

/// What a section has one type, line by line; of what it shows of an answer, nothing.
pub struct Section {
    title: &'static str,
    blocks: Vec<Vec<&'static str>>,
    commands: VecDeque<&'static str>,
}

impl Section {
    /// The section of that title, without those below it.
    pub fn of(title: &'static str) -> Self {
        let mut lines = README.lines();
        assert!(
            lines.any(|line| line.trim_start_matches('#').trim() == title && line.starts_with('#')),
            "README.md has a section {title:?}"
        );
        let mut blocks = vec![Vec::new()];
        for line in lines.take_while(|line| !line.starts_with("##")) {
            match line.strip_prefix("    ") {
                Some(line) => blocks.last_mut().expect("there is one").push(line),
                None => blocks.push(Vec::new()),
            }
        }
        blocks.retain(|block| block.first().is_some_and(|line| !line.starts_with("$ ")));
        let commands = blocks.iter().flatten().copied().filter(|line| is_command(line)).collect();
        Self { title, blocks, commands }
    }

    /// The next command, which is to begin like this.
    pub fn next(&mut self, begin: &str) -> String {
        let line = self.commands.pop_front().unwrap_or_default();
        assert!(line.starts_with(begin), "README.md, {}: {begin:?} is next: {line:?}", self.title);
        line.to_owned()
    }

    /// All of it was typed.
    pub fn ends(self) {
        assert_eq!(self.commands, [""; 0], "README.md, {}: and these?", self.title);
    }

    /// All that it has one type, as one script.
    pub fn script(&self) -> String {
        let blocks = self.blocks.iter().filter(|block| !is_settings(block));
        blocks.flatten().map(|line| format!("{line}\n")).collect()
    }

    /// What it has one write into a configuration.
    pub fn settings(&self) -> String {
        let blocks = self.blocks.iter().filter(|block| is_settings(block));
        blocks.flatten().map(|line| format!("{line}\n")).collect()
    }
}

fn is_command(line: &str) -> bool {
    ["edgekeep ", "curl "].iter().any(|program| line.starts_with(program))
}

fn is_settings(block: &[&str]) -> bool {
    block.first().is_some_and(|line| line.ends_with('{'))
}
