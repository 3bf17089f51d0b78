//! Is the configuration right?

use std::path::PathBuf;

use super::finding::Finding;
use crate::cli::context::env;
use crate::config::{self, Config};

/// Reads it as the server does.
pub fn look(paths: &[PathBuf]) -> (Option<Config>, Vec<Finding>) {
    let (config, warnings) = match config::read(paths, &env) {
        Ok(read) => read,
        Err(error) => return (None, vec![error.into()]),
    };
    let mut findings: Vec<Finding> = warnings.into_iter().map(Finding::from).collect();
    findings.extend(config::check_files(&config).err().map(Finding::from));
    if findings.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        findings.push(Finding::ok(format!("{} is right", names.join(", "))));
    }
    (Some(config), findings)
}
