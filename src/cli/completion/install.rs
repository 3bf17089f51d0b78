//! `-autocomplete-install`, `-autocomplete-uninstall`: one line in the files that shells read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Shell;
use crate::cli::context::{Context, env, home};
use crate::cli::replace::{make, replace};
use crate::cli::stop::{Exit, Stop};

/// What is done with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is put in.
    Install,
    /// It is taken out.
    Uninstall,
}

impl Act {
    /// Reads the flag that Vault has for it.
    pub fn parse(word: &str) -> Option<Self> {
        match word.strip_prefix("--").or_else(|| word.strip_prefix('-'))? {
            "autocomplete-install" => Some(Self::Install),
            "autocomplete-uninstall" => Some(Self::Uninstall),
            _ => None,
        }
    }

    /// Does it for each shell that this account has a file of.
    pub fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        let home = home().ok_or_else(|| Stop::Usage("HOME is not set".into()))?;
        let found = Shell::ALL.into_iter().filter_map(|shell| Some((shell, file(shell, &home)?)));
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            let text = "Did not find any shells to install: there is no .bashrc, no .zshrc and no \
                        .config/fish in your home folder";
            return Err(Stop::Usage(text.into()));
        }
        for (shell, file) in found {
            let done = self.on(shell, &file);
            let shown = file.display();
            let changed = done.map_err(|e| Stop::Failed(format!("{shown}: {e}")))?;
            let name = shell.name();
            cx.say(&match (self, changed) {
                (Self::Install, true) => {
                    format!("Success! Installed completion for {name} in {shown}: start it anew")
                }
                (Self::Install, false) => format!("Completion for {name} is in {shown} already"),
                (Self::Uninstall, true) => {
                    format!("Success! Removed completion for {name} from {shown}")
                }
                (Self::Uninstall, false) => format!("No completion for {name} is in {shown}"),
            })?;
        }
        Ok(Exit::Done)
    }

    /// Whether that changed the file.
    fn on(self, shell: Shell, file: &Path) -> io::Result<bool> {
        let line = line(shell);
        let before = match fs::read_to_string(file) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let is_there = before.lines().any(|each| each == line);
        match self {
            Self::Install if !is_there => {
                let open = before.is_empty() || before.ends_with('\n');
                let text = format!("{before}{}{line}\n", if open { "" } else { "\n" });
                fs::create_dir_all(file.parent().unwrap_or(file))?;
                match file.exists() {
                    true => replace(file, &text)?,
                    false => make(file, 0o644, &text)?,
                }
                Ok(true)
            }
            Self::Uninstall if is_there => {
                let kept = before.split_inclusive('\n').filter(|each| each.trim_end() != line);
                let kept: String = kept.collect();
                // An empty file would stand before the one that a package brought for fish.
                match shell == Shell::Fish && kept.is_empty() {
                    true => fs::remove_file(file)?,
                    false => replace(file, &kept)?,
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// The file that a shell reads, of a shell that has one here.
fn file(shell: Shell, home: &Path) -> Option<PathBuf> {
    let of_home =
        |names: &[&str]| names.iter().map(|name| home.join(name)).find(|file| file.is_file());
    match shell {
        Shell::Bash => of_home(&[".bashrc", ".bash_profile", ".bash_login", ".profile"]),
        Shell::Zsh => of_home(&[".zshrc"]),
        Shell::Fish => {
            let config = env("XDG_CONFIG_HOME").map_or(home.join(".config"), PathBuf::from);
            let folder = config.join("fish");
            folder.is_dir().then(|| folder.join("completions/edgekeep.fish"))
        }
    }
}

/// What is put there: it asks the program, and is nothing where that is gone.
fn line(shell: Shell) -> String {
    let name = shell.name();
    match shell {
        Shell::Bash | Shell::Zsh => {
            format!("command -v edgekeep >/dev/null && source <(edgekeep completion {name})")
        }
        Shell::Fish => format!("command -q edgekeep; and edgekeep completion {name} | source"),
    }
}
