//! `meta.json`: what `inspect` shows, beside the fields that HashiCorp's raft tools read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::broken;
use crate::snapshot::SnapshotError;

/// The newest form of a snapshot that this program writes and reads.
pub const FORMAT: u32 = 1;

/// `meta.json`. The outer fields are those of raft's `SnapshotMeta`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Meta {
    /// Of raft's metadata: 1.
    pub version: u32,
    /// A name for the snapshot: timeline and revision.
    #[serde(rename = "ID")]
    pub id: String,
    /// The revision.
    pub index: u64,
    /// The timeline's number.
    pub term: u64,
    /// Always null.
    pub peers: Option<String>,
    /// Always empty.
    pub configuration: Configuration,
    /// Always 0.
    pub configuration_index: u64,
    /// Length of `state.bin` in bytes.
    pub size: u64,
    /// Ours.
    #[serde(rename = "edgekeep")]
    pub about: About,
}

/// Raft's list of servers: there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    /// Always empty.
    pub servers: Vec<String>,
}

/// What is in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The form of the file: [`FORMAT`].
    pub format: u32,
    /// The lowest version of Edgekeep that may read it.
    pub readable_by: String,
    /// The version of Edgekeep that wrote it.
    pub written_by: String,
    /// The UUID of the store.
    pub store_id: String,
    /// The history it belongs to.
    pub timeline: String,
    /// How many commits led to it.
    pub revision: u64,
    /// When it was taken, by the clock of the server (RFC 3339). Nothing is ordered by it.
    pub time: String,
    /// How many entries `state.bin` holds.
    pub entries: u64,
    /// The length of their keys and values, in bytes.
    pub bytes: u64,
    /// Which root key it needs: its fingerprint.
    pub key_id: String,
}

impl About {
    /// What is told of the state in it, as of an instant of a target.
    pub fn told(&self) -> Map<String, Value> {
        let told = json!({
            "entries": self.entries,
            "revision": self.revision,
            "store_id": self.store_id,
            "time": self.time,
            "timeline": self.timeline,
        });
        told.as_object().cloned().unwrap_or_default()
    }
}

impl Meta {
    /// As it stands in the archive: one line.
    pub fn encode(&self) -> Vec<u8> {
        // Strings and numbers: writing them as JSON cannot fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads it. What a newer program wrote is refused by its version, before anything else of it
    /// is looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Outer {
            edgekeep: Option<Inner>,
        }
        #[derive(Deserialize)]
        struct Inner {
            format: u32,
            readable_by: String,
        }
        let unreadable = |_| broken("meta.json cannot be read");
        let outer: Outer = serde_json::from_slice(bytes).map_err(unreadable)?;
        let Some(about) = outer.edgekeep else {
            return Err(broken("it is a snapshot of another program, such as Vault").into());
        };
        if about.format > FORMAT {
            let needed = format!("the snapshot needs edgekeep {} or later", about.readable_by);
            return Err(SnapshotError::Newer(needed));
        }
        Ok(serde_json::from_slice(bytes).map_err(unreadable)?)
    }
}
