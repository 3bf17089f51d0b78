//! What Vault's command line printed, on which stream, and its exit codes.
//!
//! A command passes when it exits and prints as the recorded one, both cleaned ([`clean`]) of what
//! differs from run to run and of a table's layout, but for times that tick ([`ticked`]).

mod clean;
mod player;
mod ticked;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::support::{ROOT, Server};
use crate::{Replay, read, recordings, replay_all};
use clean::{Kept, clean};
use player::Player;
use ticked::are_ticked;

/// A run of commands in one folder.
#[derive(Deserialize)]
struct Recording {
    needs: Needs,
    steps: Vec<Step>,
}

/// Which server it is run against.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Needs {
    /// An unsealed one whose token is known.
    Dev,
    /// One that is not initialised.
    New,
    /// None.
    None,
}

#[derive(Deserialize)]
struct Step {
    case: String,
    /// The command without the program's name; or `file NAME`, `env NAME=VALUE`, `sh LINE`.
    line: String,
    stdin: Option<String>,
    /// Names for what is found in its output from here on.
    #[serde(default)]
    keep: BTreeMap<String, String>,
    hold: Option<Hold>,
    /// Not there for a step that prints nothing: a file, a variable.
    #[serde(flatten)]
    printed: Option<Printed>,
}

/// Where not all is compared.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Hold {
    /// The exit code only.
    Exit,
    /// That and the first line of each stream.
    First,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Printed {
    exit: i32,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

#[test]
fn recorded_commands_print_the_same() {
    replay_all("cli", replay);
}

#[test]
fn placeholders_stand_for_themselves() {
    for path in recordings("cli") {
        let recording: Recording = read(&path);
        for step in recording.steps {
            let Some(printed) = &step.printed else { continue };
            for lines in [&printed.stdout, &printed.stderr] {
                let again = clean(&lines.join("\n"), &Kept::default(), step.hold);
                assert_eq!(&again, lines, "{}: {}", path.display(), step.line);
            }
        }
    }
}

fn replay(recording: &Recording, replay: &mut Replay<'_>) {
    let server = match recording.needs {
        Needs::Dev => Some(Server::dev()),
        Needs::New => Some(Server::uninitialised()),
        Needs::None => None,
    };
    let token = if matches!(recording.needs, Needs::New) { "" } else { ROOT };
    let mut player = Player::new(server.as_ref(), token);
    for (index, step) in recording.steps.iter().enumerate() {
        if replay.skips(index + 1) {
            continue;
        }
        let printed = player.play(step);
        if let (Some(recorded), Some(mut here)) = (&step.printed, printed) {
            replay.differences.without_also(&mut here.stderr);
            replay.judge(index + 1, unlike(step, recorded, &here, player.played()));
        }
    }
}

/// The lines that differ: - recorded, + here.
fn unlike(step: &Step, recorded: &Printed, here: &Printed, played: Duration) -> Option<String> {
    let lines = |printed: &Printed| {
        let mut lines = vec![format!("exit: {}", printed.exit)];
        if step.hold != Some(Hold::Exit) {
            lines.extend(printed.stdout.iter().map(|line| format!("stdout: {line}")));
            lines.extend(printed.stderr.iter().map(|line| format!("stderr: {line}")));
        }
        lines
    };
    let (recorded, here) = (lines(recorded), lines(here));
    if recorded == here || are_ticked(&recorded, &here, played) {
        return None;
    }
    let only = |sign: &str, lines: &[String], others: &[String]| {
        let odd = lines.iter().filter(|line| !others.contains(line));
        odd.map(|line| format!("\n    {sign}{line:.300}")).collect::<String>()
    };
    let odd = only("-", &recorded, &here) + &only("+", &here, &recorded);
    let odd = if odd.is_empty() { "\n    the order of lines".to_owned() } else { odd };
    Some(format!("[{}] {}{odd}", step.case, step.line))
}
