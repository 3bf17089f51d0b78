//! `operator diagnose`: is all there that a server needs? Each check is a file of its own and a
//! line of [`CHECKS`]. Nothing is written, no lock is taken and no server is needed: where one runs
//! with this configuration, that is seen and told.

mod certificates;
mod clock;
mod configuration;
mod descriptors;
mod device;
mod entropy;
mod finding;
mod listener;
mod memory;
mod patience;
mod report;
mod running;
mod seal;
mod socket;
mod space;
mod storage;
mod systemd;
mod targets;
mod wear;
mod withheld;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use self::finding::Finding;
use self::report::{Checked, Report};
use self::running::Running;
use crate::base::nearest::nearest;
use crate::cli::command::{Command, Shared};
use crate::cli::context::Context;
use crate::cli::operands;
use crate::cli::stop::{Exit, Stop};
use crate::config::{Config, Storage};

/// Look for what keeps a server from starting, or will.
///
/// Reads the configuration as the server does, and looks at all that it names and at the machine.
/// It changes nothing and needs no token; run it as root or as the server's user, while a server
/// runs or not. Exits with 0 when all is well, 2 when something is doubtful, 1 when something
/// fails, and 3 when it was not asked rightly.
#[derive(FromArgs, ArgsInfo)]
pub struct Diagnose {
    /// configuration file, or folder of them; may be given more than once
    #[argh(option, arg_name = "path")]
    config: Vec<String>,
    /// check to leave out; may be given more than once
    #[argh(
        option,
        arg_name = "certificates|listener|storage|autounseal|space|wear|clock|entropy|memory|\
                    descriptors|systemd|targets"
    )]
    skip: Vec<String>,
    /// taken and overlooked: all is told anyway
    #[argh(switch, hidden_help)]
    #[expect(dead_code, reason = "a flag of Vault's")]
    debug: bool,
    /// how the result is printed (VAULT_FORMAT)
    #[argh(option, arg_name = "table|json|yaml")]
    #[expect(dead_code, reason = "it holds wherever it stands: see flags::anywhere")]
    format: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

/// What is looked at.
pub struct Subject {
    /// What the server is told.
    pub config: Config,
    /// The server that has the store open.
    pub running: Option<Running>,
}

/// One thing that is looked at.
struct Check {
    /// By which `-skip` and the report name it.
    name: &'static str,
    look: Look,
}

/// What a check needs to know.
enum Look {
    /// Nothing: it is about the machine.
    Machine(fn() -> Vec<Finding>),
    /// What the server is told.
    Server(fn(&Subject) -> Vec<Finding>),
}

/// After the configuration itself, which comes first.
const CHECKS: &[Check] = &[
    Check { name: "certificates", look: Look::Server(certificates::look) },
    Check { name: "listener", look: Look::Server(listener::look) },
    Check { name: "storage", look: Look::Server(storage::look) },
    Check { name: "autounseal", look: Look::Server(seal::look) },
    Check { name: "space", look: Look::Server(space::look) },
    Check { name: "wear", look: Look::Server(wear::look) },
    Check { name: "clock", look: Look::Server(clock::look) },
    Check { name: "entropy", look: Look::Machine(entropy::look) },
    Check { name: "memory", look: Look::Server(memory::look) },
    Check { name: "descriptors", look: Look::Server(descriptors::look) },
    Check { name: "systemd", look: Look::Machine(systemd::look) },
    Check { name: "targets", look: Look::Server(targets::look) },
];

/// Vault's checks that there is nothing to look at for.
const NONE_OF_OURS: [&str; 1] = ["service_registration"];

impl Command for Diagnose {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::None;
    const MISTAKE: Exit = Exit::Undiagnosed;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        if self.config.is_empty() {
            return Err(Stop::Usage("Must specify a configuration file using -config.".into()));
        }
        self.skip.iter().try_for_each(|name| known(name))?;
        let report = self.examine();
        report.print(cx)?;
        Ok(report.exit())
    }
}

impl Diagnose {
    fn examine(&self) -> Report {
        let paths: Vec<PathBuf> = self.config.iter().map(PathBuf::from).collect();
        let (config, findings) = configuration::look(&paths);
        let subject = config.map(|config| Subject { running: running(&config), config });
        let mut checked = vec![Checked { name: "configuration", findings }];
        for Check { name, look } in CHECKS {
            let findings = match (look, &subject) {
                _ if self.skip.iter().any(|skipped| skipped == name) => {
                    vec![Finding::skipped("left out, by -skip")]
                }
                (Look::Machine(look), _) => look(),
                (Look::Server(look), Some(subject)) => look(subject),
                (Look::Server(_), None) => vec![Finding::skipped("there is no configuration")],
            };
            checked.push(Checked { name, findings });
        }
        Report(checked)
    }
}

/// The server that runs with this configuration.
fn running(config: &Config) -> Option<Running> {
    match &config.storage {
        Storage::Redb { folder, .. } => Running::find(folder),
        Storage::Memory => None,
    }
}

fn known(name: &str) -> Result<(), Stop> {
    let names = CHECKS.iter().map(|check| check.name);
    if names.clone().chain(NONE_OF_OURS).any(|known| known == name) {
        return Ok(());
    }
    let meant = match nearest(name, names.clone()) {
        Some(meant) => format!(" Did you mean {meant:?}?"),
        None => format!(" There are {}.", names.collect::<Vec<_>>().join(", ")),
    };
    Err(Stop::Usage(format!("There is no check {name:?} to skip.{meant}")))
}

#[cfg(test)]
mod tests {
    use argh::{ArgsInfo, FlagInfoKind};

    use super::{CHECKS, Diagnose};

    #[test]
    fn each_check_can_be_skipped_by_its_name() {
        let table = Diagnose::get_args_info();
        let skip = table.flags.iter().find(|flag| flag.long == "--skip").unwrap();
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        let FlagInfoKind::Option { arg_name } = skip.kind else { panic!("it takes a name") };
        assert_eq!(arg_name.split('|').collect::<Vec<_>>(), names);
    }
}
