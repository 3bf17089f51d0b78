//! Is the configuration right?

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::finding::Finding;
use crate::base::variable::Variable;
use crate::config::{self, Config, ConfigError, Warning};

/// How long it may take to be read: a pipe that nobody writes to, or a server of files that is
/// gone, never ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads it as the server does.
pub fn look(paths: &[PathBuf]) -> (Option<Config>, Vec<Finding>) {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let names = names.join(", ");
    let (config, warnings) = match read(paths.to_vec()) {
        Some(Ok(read)) => read,
        Some(Err(error)) => return (None, vec![error.into()]),
        None => {
            let what = format!("{names}: not read to its end in {} s", PATIENCE.as_secs());
            return (None, vec![Finding::fail(what, "name a file, or write to the pipe")]);
        }
    };
    let mut findings: Vec<Finding> = warnings.into_iter().map(Finding::from).collect();
    findings.extend(config::check_files(&config).err().map(Finding::from));
    if findings.is_empty() {
        findings.push(Finding::ok(format!("{names} is right")));
    }
    (Some(config), findings)
}

/// `None` where it takes too long; who still reads then ends with the process.
fn read(paths: Vec<PathBuf>) -> Option<Result<(Config, Vec<Warning>), ConfigError>> {
    let (tell, told) = channel();
    let reading = move || drop(tell.send(config::read(&paths, &Variable::read)));
    thread::Builder::new().name("configuration".into()).spawn(reading).ok()?;
    told.recv_timeout(PATIENCE).ok()
}
