//! Vault's flags that there is nothing for here, and why; and those by which other programs that
//! keep snapshots call what has another name here. They are in no help and are completed nowhere,
//! but whoever gives one is told.

use argh::{CommandInfoWithArgs, FlagInfo, FlagInfoKind, Optionality};

use super::command::Shared;
use super::flags::Given;

/// Flags of some commands, with one answer.
pub struct Absent {
    of: Of,
    /// Whether the command goes on.
    pub answer: Answer,
    /// What stands where a description would is why there is nothing for it.
    pub flags: &'static [FlagInfo<'static>],
}

/// Which commands have them in Vault.
enum Of {
    /// All that ask a server.
    Asking,
    /// These, by the words that lead to them.
    Named(&'static [&'static [&'static str]]),
}

/// What is done about a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The command does something else without it: it is not run.
    Refused,
    /// It is the same without it: whoever gave it is warned.
    Overlooked,
}

const SERVER: Of = Of::Named(&[&["server"]]);
const ALONE: &str = "starts several servers, and there is one alone";
const BUILT_IN: &str = "loads plugins, and all engines and methods are built in";
const CLIENTS: &str = "is for clients: the server asks no other";
const CONSUL: &str = "asks Consul for the server, and here nothing does: name it with -address";
const DR: &str = "is a token for replication, of which there is none";
const ROTATED: &str = "lets the log turn itself, and here SIGHUP opens its file anew: leave the \
                       turning to logrotate";
const STORE: &str = "is about another store than the one that there is";
const TESTS: &str = "is for Vault's own tests: -test checks a configuration";

/// All of them.
pub static ABSENT: &[Absent] = &[
    Absent {
        of: Of::Asking,
        answer: Answer::Overlooked,
        flags: &[value(
            "--unlock-key",
            "opens a locked namespace, and there is only the root, which has no lock",
        )],
    },
    Absent {
        of: SERVER,
        answer: Answer::Refused,
        flags: &[
            switch(
                "--recovery",
                "edits what is stored through sys/raw, which is not there: `edgekeep operator \
                 diagnose` tells what ails a store, `edgekeep snapshot restore -into` replaces it",
            ),
            value("--experiment", "turns on what is not finished, and there is no such thing"),
            value("--log-rotate-bytes", ROTATED),
            value("--log-rotate-duration", ROTATED),
            value("--log-rotate-max-files", ROTATED),
            switch("--combine-logs", "sends the log to stdout, and it goes to stderr: add 2>&1"),
            value("--dev-plugin-dir", BUILT_IN),
            value(
                "--dev-tls-cert-dir",
                "says where certificates lie: with -dev-data=FOLDER that is FOLDER/tls",
            ),
            switch("--dev-three-node", ALONE),
            switch("--dev-four-cluster", ALONE),
            value("--dev-cluster-json", ALONE),
            switch("--dev-auto-seal", "unseals by itself, and here one unseals with keys"),
            switch("--dev-skip-init", "leaves the store without keys: start it with -config"),
            switch("--dev-consul", STORE),
            value("--dev-latency", STORE),
            value("--dev-latency-jitter", STORE),
            switch("--dev-leased-kv", "lets what kv 1 holds end, and here it does not"),
            switch(
                "--dev-kv-v1",
                "mounts the old kv: `edgekeep secrets enable -path=old kv` does that, too",
            ),
            switch("--test-verify-only", TESTS),
            switch("--test-server-config", TESTS),
        ],
    },
    Absent {
        of: SERVER,
        answer: Answer::Overlooked,
        flags: &[
            switch(
                "--exit-on-core-shutdown",
                "ends a server whose core has ended, and here both are one",
            ),
            switch("--dev-plugin-init", BUILT_IN),
            switch("--dev-ha", STORE),
            switch("--dev-transactional", STORE),
            value("--address", CLIENTS),
            value("--agent-address", CLIENTS),
            value("--ca-cert", CLIENTS),
            value("--ca-path", CLIENTS),
            value("--client-cert", CLIENTS),
            value("--client-key", CLIENTS),
            value("--namespace", CLIENTS),
            value("--tls-server-name", CLIENTS),
            switch("--tls-skip-verify", CLIENTS),
        ],
    },
    Absent {
        of: Of::Named(&[&["operator", "generate-root"]]),
        answer: Answer::Refused,
        flags: &[
            switch("--dr-token", DR),
            switch("--recovery-token", "is a token for recovery mode, which is not there"),
        ],
    },
    Absent {
        of: Of::Named(&[&["operator", "init"]]),
        answer: Answer::Refused,
        flags: &[switch("--consul-auto", CONSUL)],
    },
    Absent {
        of: Of::Named(&[&["operator", "init"]]),
        answer: Answer::Overlooked,
        flags: &[
            value("--consul-service", "is for -consul-auto"),
            value("--stored-shares", "does nothing in Vault, too"),
        ],
    },
    Absent {
        of: Of::Named(&[
            &["operator", "raft", "autopilot", "get-config"],
            &["operator", "raft", "autopilot", "state"],
            &["operator", "raft", "list-peers"],
        ]),
        answer: Answer::Refused,
        flags: &[value("--dr-token", DR)],
    },
    Absent {
        of: Of::Named(&[&["restore"]]),
        answer: Answer::Refused,
        flags: &[
            value("--timestamp", "is called -at here: `edgekeep snapshot restore -at`"),
            value("--txid", "is called -revision here: `edgekeep snapshot restore -revision`"),
        ],
    },
    Absent {
        of: Of::Named(&[&["snapshot", "load"], &["snapshot", "read"], &["snapshot", "restore"]]),
        answer: Answer::Refused,
        flags: &[
            value("--timestamp", "is called -at here"),
            value("--txid", "is called -revision here"),
        ],
    },
];

const fn switch(long: &'static str, why: &'static str) -> FlagInfo<'static> {
    flag(long, why, FlagInfoKind::Switch)
}

const fn value(long: &'static str, why: &'static str) -> FlagInfo<'static> {
    flag(long, why, FlagInfoKind::Option { arg_name: "value" })
}

const fn flag(
    long: &'static str,
    why: &'static str,
    kind: FlagInfoKind<'static>,
) -> FlagInfo<'static> {
    let optionality = Optionality::Optional;
    FlagInfo { kind, optionality, long, short: None, description: why, hidden: true }
}

/// Those of a command.
pub fn of(words: &[&str], shared: Shared) -> Vec<&'static Absent> {
    let has = |absent: &&Absent| match absent.of {
        Of::Asking => !matches!(shared, Shared::None | Shared::Output),
        Of::Named(commands) => commands.contains(&words),
    };
    ABSENT.iter().filter(has).collect()
}

impl Absent {
    /// Their table, for what reads a command line.
    pub fn table(&self) -> CommandInfoWithArgs {
        CommandInfoWithArgs { flags: self.flags, ..CommandInfoWithArgs::default() }
    }

    /// What to say of the first of them that was given; one that is empty or false asks for
    /// nothing.
    pub fn told(given: &[Given<'_>]) -> Option<String> {
        let asks = |one: &&Given<'_>| one.value.as_deref() != Some("");
        let flag = given.iter().find(asks)?.flag;
        Some(format!("{} {}", name(flag), flag.description))
    }

    /// The words that lead to their commands; none where those are all that ask a server.
    pub fn commands(&self) -> impl Iterator<Item = String> {
        let commands = match self.of {
            Of::Asking => &[],
            Of::Named(commands) => commands,
        };
        commands.iter().map(|words| words.join(" "))
    }
}

/// A flag as it is written.
pub fn name(flag: &FlagInfo<'_>) -> String {
    flag.long.replacen("--", "-", 1)
}
