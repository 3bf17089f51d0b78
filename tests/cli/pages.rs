//! What is derived from the tree of commands: the reference, the manual, the completion of shells.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use edgekeep::cli::reference::{REFERENCE, reference};

use super::support::harness::needs_package;
use super::support::{NOBODY, TempDir, program};
use super::{edgekeep, text};

fn run(home: &TempDir, words: &[&str]) -> String {
    let done = edgekeep(home, NOBODY, words).output().unwrap();
    assert!(done.status.success(), "{words:?}: {}", text(&done.stderr));
    text(&done.stdout)
}

pub fn the_reference_is_what_the_commands_say() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
    if std::env::var_os("EDGEKEEP_WRITE_REFERENCE").is_some() {
        fs::write(&page, reference()).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap_or_default();
    assert!(written == reference(), "set EDGEKEEP_WRITE_REFERENCE to write {page:?} anew");
}

pub fn each_page_of_the_manual_is_written() {
    let home = TempDir::new();
    let made = run(&home, &["man", "-out=."]);
    let pages: Vec<_> = fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(made, format!("Success! Wrote {} pages in .\n", pages.len()));
    let of_program = fs::read_to_string(home.path().join("edgekeep.1")).unwrap();
    assert_eq!(run(&home, &["man"]), of_program);
    let of_kv = fs::read_to_string(home.path().join("edgekeep-kv.1")).unwrap();
    assert_eq!(run(&home, &["man", "kv"]), of_kv);
}

/// Who reads them, or says what is wrong with them.
pub const JUDGES: [&str; 3] = ["groff", "man", "mandoc"];

pub fn each_page_of_the_manual_is_good_roff(judge: &str) {
    let options = match judge {
        "groff" => &["-man", "-ww", "-Tascii", "-z"][..],
        "man" => &["--warnings", "-l"],
        _ => &["-Tlint", "-Wwarning"],
    };
    let home = TempDir::new();
    run(&home, &["man", "-out=."]);
    for page in fs::read_dir(home.path()).unwrap() {
        let page = page.unwrap().path();
        let judged = Command::new(judge).args(options).arg(&page).stdin(Stdio::null()).output();
        let judged = needs_package("the pages", judged.ok(), judge);
        let said = complaints(judge, &judged);
        assert!(said.is_empty(), "{judge} of {}: {said:?}", page.display());
    }
}

/// What is wrong with a page. That it bears no date is not: it is made from the program.
fn complaints(judge: &str, judged: &Output) -> Vec<String> {
    let said = match judge {
        "mandoc" => text(&judged.stdout) + &text(&judged.stderr),
        _ => text(&judged.stderr),
    };
    said.lines().filter(|line| !line.contains("missing date")).map(str::to_owned).collect()
}

pub fn a_shell_is_told_what_may_follow() {
    let home = TempDir::new();
    let ask = |shell: &str, line: &str| {
        let mut asked = edgekeep(&home, NOBODY, &["completion", "-line", shell]);
        text(&asked.env("COMP_LINE", line).output().unwrap().stdout)
    };
    assert_eq!(ask("bash", "edgekeep kv me"), "words\nmetadata\n");
    assert_eq!(
        ask("zsh", "edgekeep kv get --vers"),
        "words\n--version=:version to read; the latest without it\n"
    );
    let about = "Work with what is kept about a key: settings, versions";
    assert_eq!(ask("fish", "edgekeep kv me"), format!("words\nmetadata\t{about}\n"));
    assert_eq!(ask("bash", "edgekeep read -ca-cert="), "files\n");
    assert_eq!(ask("fish", "edgekeep read -ca-path "), "folders\n");
    assert_eq!(ask("bash", "edgekeep import -from-ca-cert="), "files\n");
    assert_eq!(ask("bash", "edgekeep import -from-ca-path="), "folders\n");
    assert_eq!(ask("bash", "edgekeep snapshot restore -into="), "folders\n");
    assert_eq!(ask("bash", "edgekeep token revoke -mode "), "words\norphan\npath\n");
    assert_eq!(ask("bash", "edgekeep frob "), "words\n");
}

pub fn bash_completes_by_its_variables() {
    let built = Path::new(program()).parent().unwrap();
    let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
    for (line, words, replies) in [
        ("edgekeep kv me", "edgekeep kv me", "metadata "),
        ("edgekeep kv get -mou", "edgekeep kv get -mou", "-mount= "),
        // bash takes = for a word of its own, and puts in what is behind it.
        ("edgekeep read -format=j", "edgekeep read -format = j", "json "),
        ("edgekeep read -format=", "edgekeep read -format = ''", "table json yaml raw pretty "),
    ] {
        let script = format!(
            "source <(edgekeep completion bash)\ncompopt() {{ :; }}\nCOMP_LINE='{line}'\n\
             COMP_POINT=${{#COMP_LINE}}\nCOMP_WORDS=({words})\n\
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _edgekeep edgekeep \"${{COMP_WORDS[COMP_CWORD]}}\"\nprintf '%s ' \"${{COMPREPLY[@]}}\"\n"
        );
        let done =
            Command::new("bash").args(["-euc", &script]).env("PATH", &path).output().unwrap();
        assert_eq!(text(&done.stdout), replies, "{line}: {}", text(&done.stderr));
    }
}

pub fn completion_is_put_into_the_files_of_shells_and_taken_out() {
    let home = TempDir::new();
    let at = |name: &str| home.path().join(name);
    let nothing = edgekeep(&home, NOBODY, &["-autocomplete-install"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).starts_with("Did not find any shells to install"));

    // A line that nobody ended, and a file that lies elsewhere.
    fs::write(at(".bashrc"), "alias ll='ls -l'").unwrap();
    fs::write(at("zsh-settings"), "setopt autocd\n").unwrap();
    std::os::unix::fs::symlink("zsh-settings", at(".zshrc")).unwrap();
    fs::create_dir_all(at(".config/fish")).unwrap();
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    let line = |shell: &str| {
        format!("command -v edgekeep >/dev/null && source <(edgekeep completion {shell})\n")
    };
    let first = run(&home, &["-autocomplete-install"]);
    assert_eq!(first.matches("Success!").count(), 3, "{first}");
    let again = run(&home, &["--autocomplete-install"]);
    assert_eq!(again.matches(" already\n").count(), 3, "{again}");
    assert_eq!(read(".bashrc"), format!("alias ll='ls -l'\n{}", line("bash")));
    assert_eq!(read("zsh-settings"), format!("setopt autocd\n{}", line("zsh")));
    let fish = ".config/fish/completions/edgekeep.fish";
    assert!(read(fish).ends_with("edgekeep completion fish | source\n"));

    run(&home, &["-autocomplete-uninstall"]);
    let gone = run(&home, &["-autocomplete-uninstall"]);
    assert_eq!(gone.matches("No completion for ").count(), 3, "{gone}");
    assert_eq!(read(".bashrc"), "alias ll='ls -l'\n");
    assert_eq!(read("zsh-settings"), "setopt autocd\n");
    assert!(at(".zshrc").is_symlink() && !at(fish).exists());
}
