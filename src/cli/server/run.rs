//! From a configuration to a server that serves until it is told to end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::logging::LogFile;
use super::{Server, dev, logging};
use crate::base::clock::SystemClock;
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::logs::Logs;
use crate::base::systemd::{self, Word};
use crate::base::variable::Variable;
use crate::base::{pages, process};
use crate::cli::context::Context;
use crate::cli::snapshot::instant;
use crate::cli::snapshot::place;
use crate::cli::stop::{Exit, Stop};
use crate::config::{self, Config, ConfigError, Warning};
use crate::node::{Node, NodeError, Opened, World};
use crate::server::FrontError;
use crate::server::gate::inherited::Inherited;
use crate::snapshot::follow::Followed;
use crate::snapshot::keeper::settings::Settings as Target;
use crate::snapshot::target::sftp::end_clients;

/// Runs the server in the foreground.
pub fn run(command: &Server, cx: &mut Context) -> Result<Exit, Stop> {
    // Before the first thread, which would get a heap of its own otherwise.
    process::give_back_freed_memory();
    let sockets = Inherited::take();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let folder = command.dev.then(|| dev::Folder::make(command, &*entropy)).transpose()?;
    let config = match &folder {
        Some(folder) => logged(command, dev::config(command, folder)?)?,
        None => read(command, cx)?,
    };
    let (logs, log_file) = logging::begin(config.log.clone())?;
    protect(&config)?;
    look_at_credentials(&config);
    // Before the store is opened, so that no signal finds a server that does not listen to it.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM]);
    let signals = signals.map_err(|error| Stop::Failed(format!("signals: {error}")))?;
    let interrupted = interruption()?;
    let world = World {
        clock: Arc::new(SystemClock),
        entropy,
        run_folder: None,
        logs: logs.clone(),
        interrupted: interrupted.clone(),
    };
    let failed = |error: NodeError| failed(command, &config, &error);
    let followed = command.follow.as_deref().map(|name| followed(command, name)).transpose()?;
    let mut opened = match Opened::open(&config, world) {
        Err(error) if interrupted.load(Ordering::Relaxed) => {
            log::info!("stopping: {error}");
            systemd::tell(&[Word::Stopping, Word::Status("stopping before it has begun")]);
            return Ok(Exit::Done);
        }
        opened => opened.map_err(failed)?,
    };
    if let Some(followed) = followed {
        opened.follow(&config, followed).map_err(failed)?;
    }
    if folder.as_ref().is_some_and(|folder| !folder.is_kept()) {
        opened.set_passing();
    }
    let dev = folder.as_ref().map(|folder| dev::Dev::make(command, folder, &opened));
    let dev = dev.transpose()?;
    let node = opened.serve(&config, sockets).map_err(failed)?;
    let served = announce(cx, &config, &node, dev.as_ref()).map(|_pid_file| {
        let log_file = log_file.as_deref();
        Serving { command, config: &config, node: &node, logs: &logs, log_file }.run(signals);
        systemd::tell(&[Word::Stopping, Word::Status("stopping: running requests may end")]);
    });
    node.stop();
    end_clients();
    served.map(|()| Exit::Done)
}

/// Is set once the server is to end: whoever opens its store looks at it.
fn interruption() -> Result<Arc<AtomicBool>, Stop> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register(signal, interrupted.clone())
            .map_err(|error| Stop::Failed(format!("signals: {error}")))?;
    }
    Ok(interrupted)
}

/// What a standby follows.
fn followed(command: &Server, name: &str) -> Result<Followed, Stop> {
    let meant = place::meant_by(name, &command.config)?;
    let prefix = meant.prefix().to_owned();
    let target = Box::new(move || meant.reach().target);
    let timeline = instant::timeline(command.timeline.as_deref())?;
    let (name, store_id) = (name.to_owned(), command.store.clone());
    Ok(Followed { name, target, prefix, store_id, timeline })
}

/// Tells everybody that the server serves.
fn announce(
    cx: &mut Context,
    config: &Config,
    node: &Node,
    dev: Option<&dev::Dev>,
) -> Result<Option<PidFile>, Stop> {
    let pid_file = config.pid_file.as_deref().map(|path| PidFile::write(path)).transpose()?;
    for name in node.names() {
        log::info!("listening on {name}");
    }
    let log = config.log.file.as_deref().map(|file| file.display().to_string());
    let log = log.as_deref().unwrap_or("stderr");
    match dev {
        Some(dev) => dev.greet(cx, node)?,
        None => cx.say(&format!("==> Edgekeep server started! Log data goes to {log}.\n"))?,
    }
    systemd::tell(&[Word::Ready, Word::Status(&node.state())]);
    Ok(pid_file)
}

/// Says why there is no server.
fn failed(command: &Server, config: &Config, error: &NodeError) -> Stop {
    let placed = match error {
        NodeError::Front(FrontError::Listen(address, why)) => {
            config::unlistened(config, address, why)
        }
        NodeError::Front(FrontError::Held { address, by }) => config::held(config, address, by),
        _ => None,
    };
    Stop::Failed(match placed {
        Some(error) if command.dev => dev::told(error).to_string(),
        Some(error) => error.to_string(),
        None => error.to_string(),
    })
}

/// Checks the configuration and starts nothing.
pub fn test(command: &Server, cx: &mut Context) -> Result<Exit, Stop> {
    let config = read(command, cx)?;
    warn(cx, config::check_credentials(&config.seal));
    cx.say("The configuration is right.\n")?;
    Ok(Exit::Done)
}

fn read(command: &Server, cx: &mut Context) -> Result<Config, Stop> {
    let (config, warnings) = reread(command).map_err(|error| Stop::Usage(error.to_string()))?;
    warn(cx, warnings);
    let config = logged(command, config)?;
    warn(cx, config::check(&config).map_err(|error| Stop::Usage(error.to_string()))?);
    Ok(config)
}

fn warn(cx: &mut Context, warnings: Vec<Warning>) {
    for warning in warnings {
        cx.warn(&format!("WARNING: {warning}\n"));
    }
}

/// Looks at what opens the store, in a thread that nobody waits for: what that lies on may hang.
fn look_at_credentials(config: &Config) {
    let seal = config.seal.clone();
    if seal.all().next().is_none() {
        return;
    }
    let look = move || {
        for warning in config::check_credentials(&seal) {
            log::warn!("{warning}");
        }
    };
    if let Err(error) = thread::Builder::new().name("credentials".into()).spawn(look) {
        log::warn!("it is not looked who may read what opens the store: {error}");
    }
}

/// The configuration with what the command line says of the log.
fn logged(command: &Server, config: Config) -> Result<Config, Stop> {
    Ok(Config { log: command.log(&config)?, ..config })
}

fn reread(command: &Server) -> Result<(Config, Vec<Warning>), ConfigError> {
    let paths: Vec<PathBuf> = command.config.iter().map(PathBuf::from).collect();
    config::read(&paths, &Variable::read)
}

/// Keeps keys out of swap and cores.
fn protect(config: &Config) -> Result<(), Stop> {
    if let Err(error) = process::forbid_core_dumps() {
        log::warn!("core dumps cannot be forbidden: {error}");
    }
    pages::set_locking(config.lock_memory);
    if config.lock_memory {
        pages::check_locking().map_err(|error| {
            Stop::Failed(format!(
                "memory cannot be locked: {error}; raise LimitMEMLOCK (ulimit -l), or set \
                 disable_mlock = true where swap is off or encrypted"
            ))
        })?;
    }
    Ok(())
}

/// A server that serves.
struct Serving<'a> {
    command: &'a Server,
    /// What it was started with.
    config: &'a Config,
    node: &'a Node,
    logs: &'a Logs,
    log_file: Option<&'a LogFile>,
}

impl Serving<'_> {
    /// Until SIGTERM or SIGINT.
    fn run(&self, mut signals: Signals) {
        for signal in signals.forever() {
            if signal != SIGHUP {
                log::info!("stopping: running requests may end");
                return;
            }
            systemd::tell(&[Word::Reloading, Word::Status("reading its files anew")]);
            self.node.set_flaws(self.reload());
            systemd::tell(&[Word::Ready, Word::Status(&self.node.state())]);
        }
    }

    /// What SIGHUP does: the log goes on in a new file, its level, the certificates and the
    /// clients' CAs are read anew, audit devices are opened anew. What was not well, in a few
    /// words.
    fn reload(&self) -> Vec<&'static str> {
        let mut flaws = Vec::new();
        if let Some(Err(error)) = self.log_file.map(LogFile::reopen) {
            log::error!("{error}; the old one is written on");
            flaws.push("the log file could not be opened anew");
        }
        match self.node.reload() {
            Ok(()) => log::info!("certificates were read anew"),
            Err(error) => {
                log::error!("certificates: {error}; the old ones stay");
                flaws.push("the certificates could not be read anew");
            }
        }
        self.node.reopen_audit();
        if !self.command.dev {
            flaws.extend(self.reconfigure());
        }
        flaws
    }

    /// Takes what may change in the configuration while the server runs, and tells what does not.
    fn reconfigure(&self) -> Vec<&'static str> {
        let mut config = match reread(self.command) {
            Ok((config, _)) => config,
            Err(error) => return vec![broken(&error)],
        };
        // The command line was right when the server started.
        if let Ok(log) = self.command.log(&config) {
            self.logs.configure(log.level);
            log::info!("the log level was read anew: {}", log.level);
            config.log = log;
        }
        let mut flaws = Vec::new();
        if let Err(error) = config::check(&config) {
            flaws.push(broken(&error));
        }
        if !config.seal.all().eq(self.config.seal.all()) {
            log::warn!(
                "configuration: the seal was changed, and the old one stays until the next start: \
                 restart the server, or undo the change"
            );
            flaws.push("the seal was changed in the configuration, which the next start takes");
        }
        let changed = changed(&self.config.snapshots, &config.snapshots);
        for name in &changed {
            log::warn!(
                "configuration: snapshot \"{name}\" was changed, added or taken out, which the \
                 next start takes: restart the server, or undo the change"
            );
        }
        if !changed.is_empty() {
            flaws.push("a snapshot was changed in the configuration, which the next start takes");
        }
        flaws
    }
}

/// The names of targets of which the one says something else than the other.
fn changed<'a>(
    one: &'a BTreeMap<String, Target>,
    other: &'a BTreeMap<String, Target>,
) -> BTreeSet<&'a str> {
    let given = |of: &'a BTreeMap<String, Target>, name: &str| {
        of.get(name).map(|target| (&target.given, &target.include))
    };
    let names = one.keys().chain(other.keys());
    names.map(String::as_str).filter(|name| given(one, name) != given(other, name)).collect()
}

/// Tells of a configuration with which no server starts.
fn broken(error: &ConfigError) -> &'static str {
    log::error!(
        "configuration: {error}; the old one stays, and with this one the server does not start \
         again: mend it, and send SIGHUP"
    );
    "the configuration is broken, and the next start would fail"
}

/// The file that holds the process id; removed at the end.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: &std::path::Path) -> Result<Self, Stop> {
        fs::write(path, format!("{}\n", std::process::id())).map_err(|error| {
            Stop::Failed(format!("cannot write the pid_file {}: {error}", path.display()))
        })?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
