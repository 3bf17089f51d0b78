//! A terminal that a test types into and looks at: `tmux` without anybody before it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::harness::needs_package;
use crate::support::volume::does;
use crate::support::{self, ROOT, TempDir};

/// How long something may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The prompt of its shell, which shows what the last command exited with.
const PROMPT: &str = "[$?] $ ";

/// A terminal with a shell in it, in a home folder of its own.
pub struct Terminal {
    home: TempDir,
}

impl Terminal {
    /// One with bash, of so many columns.
    pub fn bash(columns: u32, address: &str) -> Self {
        let shell = format!("env PS1='{PROMPT}' bash --norc --noprofile -i");
        let terminal = Self::start(columns, address, "bash", &shell);
        terminal.wait_for("[0] $");
        terminal
    }

    /// One with a program in it, which is looked for by its first name.
    pub fn start(columns: u32, address: &str, program: &str, line: &str) -> Self {
        for needed in ["tmux", program] {
            let found = does(Command::new("sh").arg("-c").arg(format!("command -v {needed}")));
            needs_package("a terminal", found.ok(), needed);
        }
        let home = TempDir::new();
        let built = Path::new(support::program()).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let started = tmux(&home)
            .args(["-f", "/dev/null", "new-session", "-d", "-y", "24", "-x", &columns.to_string()])
            .arg(line)
            .env_clear()
            .env("PATH", format!("{}:{path}", built.display()))
            .env("HOME", home.path())
            .env("SHELL", "/bin/sh")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .env("VAULT_ADDR", format!("http://{address}"))
            .env("VAULT_TOKEN", ROOT)
            .env("VAULT_MAX_RETRIES", "0")
            .current_dir(home.path())
            .output()
            .unwrap();
        assert!(started.status.success(), "{started:?}");
        Self { home }
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Makes it so many columns wide.
    pub fn is_wide(&self, columns: u32) {
        self.tmux(&["resize-window", "-x", &columns.to_string()]);
    }

    /// Types a text as it is.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses keys by their names: `Enter`, `C-c`, `Tab`.
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Clears the screen, gives a line to the shell and returns what is on the screen once the
    /// shell shows its prompt again: from the line on, without that prompt.
    pub fn runs(&self, line: &str) -> String {
        self.begins(line);
        self.ended().0
    }

    /// Gives a line to the shell on a screen that shows nothing else.
    pub fn begins(&self, line: &str) {
        self.clears();
        self.types(line);
        self.wait_for(line);
        self.presses("Enter");
    }

    /// Takes what is typed back, and what is on the screen.
    pub fn clears(&self) {
        self.presses("C-u");
        self.presses("C-l");
        self.until("clear", |screen| screen.trim().ends_with("] $") && screen.trim().len() < 9);
    }

    /// What the last command left on the screen, and what it exited with.
    pub fn ended(&self) -> (String, i32) {
        let exit = |screen: &str| {
            let last = screen.trim_end().lines().last()?;
            screen.trim_end().lines().nth(1)?;
            last.strip_prefix('[')?.strip_suffix("] $")?.parse::<i32>().ok()
        };
        let screen = self.until("at the prompt again", |screen| exit(screen).is_some());
        let exit = exit(&screen).unwrap();
        let (text, _) = screen.trim_end().rsplit_once('\n').unwrap();
        let (_, text) = text.split_once("] $ ").unwrap();
        (format!("$ {text}"), exit)
    }

    /// Waits until the screen shows a text; the screen then.
    pub fn wait_for(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until what is typed is not shown, though it is read line by line.
    pub fn wait_until_hidden(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.modes().ends_with(" -echo icanon") {
            assert!(Instant::now() < deadline, "{}\n{}", self.modes(), self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the terminal shows what is typed, and reads line by line.
    fn modes(&self) -> String {
        let name = self.tmux(&["display-message", "-p", "#{pane_tty}"]);
        let asked = Command::new("stty").arg("-F").arg(name.trim()).arg("-a").output().unwrap();
        let text = String::from_utf8_lossy(&asked.stdout).replace(';', " ");
        let words = ["echo", "icanon"].map(|word| {
            let of = |each: &&str| each.trim_start_matches('-') == word;
            text.split_whitespace().find(of).unwrap_or_default().to_owned()
        });
        format!("modes: {}", words.join(" "))
    }

    fn until(&self, what: &str, good: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if good(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "not {what}:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What is on the screen, as a person sees it.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same with the sequences that colour it.
    pub fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output: Output = tmux(&self.home).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = tmux(&self.home).arg("kill-server").stderr(Stdio::null()).status();
    }
}

fn tmux(home: &TempDir) -> Command {
    let mut command = Command::new("tmux");
    command.arg("-S").arg(home.path().join("tmux")).env_remove("TMUX");
    command
}
