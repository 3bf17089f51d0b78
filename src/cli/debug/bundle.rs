//! The files of a recording, and the one that they become: as Vault's, a folder of that name in a
//! tar archive in a gzip. Each is made with mode 0600.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::client::Error;
use crate::snapshot::format::archive::Writer;

const INDEX: &str = "index.json";
/// As Vault calls it, for those who read bundles.
const LOG: &str = "vault.log";

/// Where a recording goes.
pub struct Place {
    /// While it is made.
    folder: PathBuf,
    /// The one file that it becomes.
    archive: Option<PathBuf>,
}

impl Place {
    /// What `-output` names, or else the time; neither file nor folder may be there.
    pub fn find(output: Option<&str>, compress: bool, now: Timestamp) -> Result<Self, String> {
        let named = output.map(|path| path.trim_end_matches('/')).filter(|path| !path.is_empty());
        let output = named.map_or_else(|| usual(now), str::to_owned);
        let bare = [".tar.gz", ".tgz"].iter().find_map(|end| output.strip_suffix(end));
        let place = match (compress, bare) {
            (false, _) => Self { folder: output.into(), archive: None },
            (true, None) => {
                let archive = Some(format!("{output}.tar.gz").into());
                Self { folder: output.into(), archive }
            }
            (true, Some(bare)) => Self { folder: bare.into(), archive: Some((&output).into()) },
        };
        if let Some(archive) = place.archive.as_ref().filter(|archive| archive.exists()) {
            return Err(format!("output file already exists: {}", archive.display()));
        }
        if place.folder.exists() {
            return Err(format!("output directory already exists: {}", place.folder.display()));
        }
        Ok(place)
    }
}

/// `edgekeep-debug-2026-11-29T05-17-00Z`
fn usual(now: Timestamp) -> String {
    let time = Timestamp::from_secs(now.as_secs()).rfc3339().replace(':', "-");
    format!("edgekeep-debug-{time}")
}

/// A recording that is being made.
pub struct Bundle {
    place: Place,
    files: Vec<String>,
    errors: Vec<Value>,
}

impl Bundle {
    /// Makes its folder.
    pub fn begin(place: Place) -> Result<Self, String> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&place.folder);
        made.map_err(|e| format!("unable to create output directory: {e}"))?;
        Ok(Self { place, files: Vec::new(), errors: Vec::new() })
    }

    /// The folder that it is in while it is made.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Begins a file of answers.
    pub fn series(&mut self, name: &str) -> io::Result<Series> {
        Ok(Series { to: BufWriter::new(self.file(name)?), count: 0 })
    }

    /// Writes the log down from now on, until the server or this program ends.
    pub fn listen(&mut self, mut log: Box<dyn Read + Send>) -> io::Result<()> {
        let mut to = self.file(LOG)?;
        std::thread::spawn(move || io::copy(&mut log, &mut to));
        Ok(())
    }

    /// Notes that something could not be recorded.
    pub fn failed(&mut self, target: &str, error: &Error) {
        self.errors.push(json!({
            "error": error.to_string(),
            "target": target,
            "timestamp": SystemClock.wall().rfc3339(),
        }));
    }

    /// How often that was.
    pub fn failures(&self) -> usize {
        self.errors.len()
    }

    fn file(&mut self, name: &str) -> io::Result<File> {
        let file = create(&self.place.folder.join(name))?;
        self.files.push(name.to_owned());
        Ok(file)
    }

    /// Writes the index, with what is said `about` the recording, and puts all into one file.
    /// Returns what came of it.
    pub fn finish(mut self, mut about: Value) -> io::Result<PathBuf> {
        about["output"] = json!({ "files": self.files });
        about["errors"] = std::mem::take(&mut self.errors).into();
        let index = serde_json::to_vec_pretty(&about)?;
        self.file(INDEX)?.write_all(&index)?;
        let Some(archive) = &self.place.archive else { return Ok(self.place.folder) };
        if let Err(error) = self.pack(archive) {
            // The folder stays: what was recorded is not lost.
            let _ = fs::remove_file(archive);
            return Err(error);
        }
        fs::remove_dir_all(&self.place.folder)?;
        Ok(archive.clone())
    }

    fn pack(&self, archive: &Path) -> io::Result<()> {
        let folder = self.place.folder.file_name().unwrap_or_default().to_string_lossy();
        let mut to = Writer::new(BufWriter::new(create(archive)?), SystemClock.wall())?;
        for name in &self.files {
            let mut file = File::open(self.place.folder.join(name))?;
            let length = file.metadata()?.len();
            to.member(&format!("{folder}/{name}"), length, &mut file)?;
        }
        to.finish()
    }
}

/// A JSON array, written as it grows.
pub struct Series {
    to: BufWriter<File>,
    count: u64,
}

impl Series {
    /// One answer more.
    pub fn add(&mut self, value: &Value) -> io::Result<()> {
        self.to.write_all(if self.count == 0 { b"[\n" } else { b",\n" })?;
        self.count += 1;
        serde_json::to_writer_pretty(&mut self.to, value)?;
        self.to.flush()
    }

    /// Its end.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?;
        self.to.flush()
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_from_what_is_named() {
        let now = Timestamp::from_secs(1_800_000_000);
        let shown = |output, compress| {
            let place = Place::find(output, compress, now).unwrap();
            let archive = place.archive.map(|path| path.display().to_string());
            (place.folder.display().to_string(), archive)
        };
        let named = |folder: &str, archive: &str| (folder.into(), Some(archive.into()));
        let usual = "edgekeep-debug-2027-01-15T08-00-00Z";
        assert_eq!(shown(None, true), named(usual, &format!("{usual}.tar.gz")));
        assert_eq!(shown(Some("a/b/"), true), named("a/b", "a/b.tar.gz"));
        assert_eq!(shown(Some("a.tgz"), true), named("a", "a.tgz"));
        assert_eq!(shown(Some("a.tar.gz"), false), ("a.tar.gz".into(), None));
    }
}
