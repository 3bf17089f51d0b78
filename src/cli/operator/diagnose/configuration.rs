//! Is the configuration right?

use std::path::PathBuf;

use super::finding::Finding;
use super::patience::{PATIENCE, within};
use crate::base::variable::Variable;
use crate::config::{self, Config};

/// Reads it as the server does.
pub fn look(paths: &[PathBuf]) -> (Option<Config>, Vec<Finding>) {
    let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let names = names.join(", ");
    let paths = paths.to_vec();
    let (config, warnings) = match within(move || config::read(&paths, &Variable::read)) {
        Some(Ok(read)) => read,
        Some(Err(error)) => return (None, vec![error.into()]),
        None => {
            let what = format!("{names}: not read to its end in {} s", PATIENCE.as_secs());
            let remedy = "name a file, or write to the pipe; where it is a file, see whether the \
                          folder of the store answers that it names";
            return (None, vec![Finding::fail(what, remedy)]);
        }
    };
    let mut findings: Vec<Finding> = warnings.into_iter().map(Finding::from).collect();
    findings.extend(config::check_files(&config).err().map(Finding::from));
    if findings.is_empty() {
        findings.push(Finding::ok(format!("{names} is right")));
    }
    (Some(config), findings)
}
