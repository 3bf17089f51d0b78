//! A snapshot's file on this machine, read under a bar.

use std::fs::File;
use std::io;

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

/// Opens the file; `title` stands before the bar. Its length comes with it.
pub fn open(name: &str, title: &str) -> Result<(Reading<File>, u64), Stop> {
    let unread = |error: io::Error| {
        let why = data::open_error(name, &error);
        Stop::Failed(format!("Error opening snapshot file: {why}"))
    };
    let file = File::open(name).map_err(unread)?;
    let length = file.metadata().map_err(unread)?.len();
    Ok((Progress::new(title, Some(length)).reading(file), length))
}
