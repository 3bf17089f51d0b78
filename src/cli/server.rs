//! `server`: the server itself.

mod dev;
mod logging;
mod run;

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::command::{Command, Shared};
use super::context::Context;
use super::operands;
use super::stop::{Exit, Stop};
use crate::base::logs;
use crate::config::{Config, Log, Place, Placed};

/// Start a server.
///
/// Reads its configuration from files or folders, or runs in development with -dev: unsealed,
/// with a root token, and a store that is gone at its end.
#[derive(FromArgs, ArgsInfo)]
pub struct Server {
    /// configuration file, or folder of them; may be given more than once
    #[argh(option, arg_name = "path")]
    pub config: Vec<String>,
    /// check the configuration, say what is wrong with it, and start nothing
    #[argh(switch)]
    pub test: bool,
    /// start for development: unsealed and in a folder that is removed at the end
    #[argh(switch)]
    pub dev: bool,
    /// keep the development server's data in this folder
    #[argh(option, arg_name = "folder")]
    pub dev_data: Option<String>,
    /// root token of the development server (VAULT_DEV_ROOT_TOKEN_ID)
    #[argh(option, arg_name = "string")]
    pub dev_root_token_id: Option<String>,
    /// where the development server listens, 127.0.0.1:8200 (VAULT_DEV_LISTEN_ADDRESS)
    #[argh(option, arg_name = "string")]
    pub dev_listen_address: Option<String>,
    /// speak TLS in development too
    #[argh(switch)]
    pub dev_tls: bool,
    /// leave ~/.vault-token as it is
    #[argh(switch)]
    pub dev_no_store_token: bool,
    /// how much is logged (VAULT_LOG_LEVEL)
    #[argh(option, arg_name = "trace|debug|info|notice|warn|warning|error|err")]
    pub log_level: Option<String>,
    /// how it is logged (VAULT_LOG_FORMAT)
    #[argh(option, arg_name = "standard|json")]
    pub log_format: Option<String>,
    /// file that the log goes to; SIGHUP opens it anew (log_file in a configuration)
    #[argh(option, arg_name = "file")]
    pub log_file: Option<PathBuf>,
    /// be a standby: follow this target, a name in the configuration or the path of a folder, until
    /// `edgekeep promote`
    #[argh(option, arg_name = "name")]
    pub follow: Option<String>,
    /// the id of the store to follow, where the target holds several
    #[argh(option, arg_name = "uuid")]
    pub store: Option<String>,
    /// the history to follow, where several of the store go on: it, or what comes of it
    #[argh(option, arg_name = "timeline")]
    pub timeline: Option<String>,
    #[argh(positional)]
    operands: Vec<String>,
}

impl Command for Server {
    const OPERANDS: &'static str = "";
    const SHARED: Shared = Shared::None;

    fn run(self, cx: &mut Context) -> Result<Exit, Stop> {
        operands::none(&self.operands)?;
        if self.dev && !self.config.is_empty() {
            return Err(Stop::Usage("-dev makes its own configuration: leave -config out".into()));
        }
        if self.config.is_empty() && !self.dev {
            return Err(Stop::Usage(
                "Must specify at least one config path using -config, or -dev for development"
                    .into(),
            ));
        }
        if self.dev && self.follow.is_some() {
            return Err(Stop::Usage("-follow is of a server with a -config, not of -dev".into()));
        }
        if self.store.is_some() && self.follow.is_none() {
            return Err(Stop::Usage("-store is the store to -follow".into()));
        }
        if self.timeline.is_some() && self.follow.is_none() {
            return Err(Stop::Usage("-timeline is the history to -follow".into()));
        }
        match self.test {
            true => run::test(&self, cx),
            false => run::run(&self, cx),
        }
    }
}

impl Server {
    /// One with this configuration.
    pub fn of(config: Vec<String>) -> Self {
        Self {
            config,
            test: false,
            dev: false,
            dev_data: None,
            dev_root_token_id: None,
            dev_listen_address: None,
            dev_tls: false,
            dev_no_store_token: false,
            log_level: None,
            log_format: None,
            log_file: None,
            follow: None,
            store: None,
            timeline: None,
            operands: Vec::new(),
        }
    }

    /// The log that the configuration wants, with what the command line says of it.
    fn log(&self, config: &Config) -> Result<Log, Stop> {
        let mut log = config.log.clone();
        if let Some(word) = &self.log_level {
            log.level = logs::parse_level(word).ok_or_else(|| {
                let known = logs::LEVELS.join(", ");
                Stop::Usage(format!("-log-level {word}: it must be one of {known}"))
            })?;
        }
        if let Some(word) = &self.log_format {
            log.format = logs::Format::parse(word).ok_or_else(|| {
                let known = logs::FORMATS.join(", ");
                Stop::Usage(format!("-log-format {word}: it must be one of {known}"))
            })?;
        }
        if let Some(path) = &self.log_file {
            let place = Place { file: "-log-file".into(), line: None };
            log.file = Some(Placed::new(path.clone(), "log_file", place));
        }
        Ok(log)
    }
}
