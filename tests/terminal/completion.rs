//! Completion, as each shell does it when Tab is pressed.

use crate::screen::Terminal;

pub fn bash_completes() {
    let terminal = Terminal::bash(80, "127.0.0.1:9");
    terminal.runs("source <(edgekeep completion bash)");
    completes(&terminal);
}

pub fn zsh_completes() {
    let line = "env PS1='[0] $ ' zsh -f -i";
    let terminal = Terminal::start(80, "127.0.0.1:9", "zsh", line);
    terminal.wait_for("[0] $");
    terminal.runs("source <(edgekeep completion zsh)");
    completes(&terminal);
}

pub fn fish_completes() {
    let prompt = "function fish_prompt; echo -n \"[0] \\$ \"; end; set fish_greeting";
    let line = format!("fish --no-config -i -C '{prompt}'");
    let terminal = Terminal::start(80, "127.0.0.1:9", "fish", &line);
    terminal.wait_for("[0] $");
    terminal.runs("edgekeep completion fish | source");
    completes(&terminal);
}

/// What any shell must do, each on a line of its own.
fn completes(terminal: &Terminal) {
    std::fs::create_dir(terminal.home().join("folder-of-things")).unwrap();
    std::fs::write(terminal.home().join("file-of-things"), "").unwrap();
    for (typed, completed) in [
        ("edgekeep kv me", "edgekeep kv metadata x"),
        ("edgekeep kv metadata pu", "edgekeep kv metadata put x"),
        ("edgekeep kv get -mou", "edgekeep kv get -mount=x"),
        ("edgekeep kv get --output-p", "edgekeep kv get --output-policy x"),
        ("edgekeep read -format=y", "edgekeep read -format=yaml x"),
        ("edgekeep read -format y", "edgekeep read -format yaml x"),
        ("edgekeep snapshot inspect fi", "edgekeep snapshot inspect file-of-things x"),
        ("edgekeep server -config=fi", "edgekeep server -config=file-of-things x"),
        ("edgekeep kv put x @fi", "edgekeep kv put x @file-of-things x"),
        ("edgekeep kv put x a=@fi", "edgekeep kv put x a=@file-of-things x"),
        ("edgekeep token revoke -mode=o", "edgekeep token revoke -mode=orphan x"),
        ("edgekeep read -ca-path fo", "edgekeep read -ca-path folder-of-things/x"),
    ] {
        terminal.types(typed);
        terminal.wait_for(typed);
        terminal.presses("Tab");
        // Whatever the shell puts behind the word, more is typed there.
        terminal.wait_for(completed.trim_end_matches(['x', ' ']));
        terminal.types("x");
        terminal.wait_for(completed);
        terminal.clears();
    }
}
