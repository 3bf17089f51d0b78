//! Files and folders into documents.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::base::hcl::{self, Document};

/// Bytes of a file that are read: more than the parser takes, which then says so.
const MOST: u64 = 2 << 20;

/// Reads each file, and of each folder its `*.hcl` and `*.json` in the order of their names.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Document)>, ConfigError> {
    let mut documents = Vec::new();
    for path in paths {
        let files = if path.is_dir() { files_of(path)? } else { vec![path.clone()] };
        for file in files {
            let document = read_one(&file)?;
            documents.push((file, document));
        }
    }
    Ok(documents)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error: std::io::Error| {
        ConfigError::of_file(
            folder,
            format!("the folder cannot be read: {error}"),
            "check its name and permissions",
        )
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("hcl" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(ConfigError::of_file(
            folder,
            "the folder holds no *.hcl and no *.json",
            "put the configuration there, or name its file",
        ));
    }
    files.sort();
    Ok(files)
}

fn read_one(file: &Path) -> Result<Document, ConfigError> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MOST).read_to_end(&mut bytes));
    read.map_err(|error| {
        ConfigError::of_file(
            file,
            format!("the file cannot be read: {error}"),
            "check its name and permissions",
        )
    })?;
    parse(file, &bytes)
}

/// Reads the document of that name.
pub(super) fn parse(file: &Path, bytes: &[u8]) -> Result<Document, ConfigError> {
    let document = hcl::parse_bytes(bytes);
    // What a policy may get away with, a configuration that was cut short must not.
    document.and_then(|document| document.doubt.clone().map_or(Ok(document), Err)).map_err(
        |error| ConfigError {
            file: file.to_owned(),
            line: Some(error.at.line),
            what: format!("at column {}: {}", error.at.column, error.what),
            remedy: "write HCL or JSON as Vault's documentation has it".to_owned(),
        },
    )
}
