//! From settings to a target: each kind of place, with what it needs.

use std::path::PathBuf;
use std::sync::Arc;

use super::Target;
use super::folder::Folder;
use crate::snapshot::keeper::settings::{Fields, Wrong, field};

/// A place, and how it is reached.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
}

/// The kinds, by the words that name them: Vault's, and ours beside it.
const KINDS: &[(&str, Kind)] = &[("local", Kind::Local), ("file", Kind::File)];

/// Why a kind of Vault's is not there.
const REFUSED: &[(&str, &str)] = &[
    ("azure-blob", "reach it as sftp, or through a gateway that speaks S3"),
    ("google-gcs", "it speaks S3: use aws-s3 with aws_s3_endpoint storage.googleapis.com"),
];

#[derive(Clone, Copy)]
enum Kind {
    /// Vault's, which wants a bound of the space.
    Local,
    File,
}

impl Place {
    /// Reads what was given of the place.
    pub fn read(given: &Fields) -> Result<Self, Wrong> {
        let Some(word) = given.text(field::STORAGE_TYPE) else {
            return Err(Wrong("storage_type is required".into()));
        };
        if let Some((_, instead)) = REFUSED.iter().find(|(name, _)| *name == word) {
            return Err(Wrong(format!("storage_type {word} is not supported: {instead}")));
        }
        let kind = KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind);
        let Some(kind) = kind else {
            let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
            return Err(Wrong(format!("storage_type must be one of {}", known.join(", "))));
        };
        match kind {
            Kind::Local | Kind::File => {
                let path = PathBuf::from(given.need(field::PATH_PREFIX, word)?);
                if !path.is_absolute() {
                    return Err(Wrong("path_prefix must be a whole path, from / on".into()));
                }
                if matches!(kind, Kind::Local) && given.number(field::LOCAL_MAX_SPACE).is_none() {
                    let text = "local_max_space is required for storage_type=local";
                    return Err(Wrong(text.into()));
                }
                Ok(Self::Folder(path))
            }
        }
    }

    /// The target; nobody is asked yet.
    pub fn open(&self) -> Arc<dyn Target> {
        match self {
            Self::Folder(path) => Arc::new(Folder::new(path)),
        }
    }

    /// What the names of all objects begin with.
    pub fn prefix(&self) -> &str {
        match self {
            Self::Folder(_) => "",
        }
    }

    /// Whether it costs nothing to look whether it is there.
    pub fn is_near(&self) -> bool {
        match self {
            Self::Folder(_) => true,
        }
    }
}
