//! A snapshot's file on this machine, read under a bar.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::cli::progress::{Progress, Reading};
use crate::cli::stop::Stop;
use crate::cli::{data, operands};

/// The one operand: the name of a file.
pub fn name(operands: &[String]) -> Result<&str, Stop> {
    match operands {
        [name] => Ok(name),
        _ => Err(operands::wrong("Incorrect", "1", operands.len())),
    }
}

/// Whether there is something of this name that can be read as one: a folder cannot.
pub fn is_there(name: &str) -> bool {
    Path::new(name).exists() && !Path::new(name).is_dir()
}

/// Opens the file; `title` stands before the bar. Its length comes with it.
pub fn open(name: &str, title: &str) -> Result<(Reading<File>, u64), Stop> {
    let unread = |error: io::Error| {
        let why = data::open_error(name, &error);
        Stop::Failed(format!("Error opening snapshot file: {why}"))
    };
    let file = File::open(name).map_err(unread)?;
    let meta = file.metadata().map_err(unread)?;
    if meta.is_dir() {
        return Err(Stop::Failed(format!("Error opening snapshot file: {name} is a folder")));
    }
    let length = meta.len();
    Ok((Progress::new(title, Some(length)).reading(file), length))
}
