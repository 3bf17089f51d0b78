//! What vanishes on another host is seen, also where nobody writes any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::peers::nginx::Nginx;
use super::peers::process::files;
use super::support::world::World;
use super::support::{data, eventually};

/// Longer than what is known of a place is believed.
const MINUTE: Duration = Duration::from_secs(61);

/// A server whose only target is a folder of nginx.
struct Kept {
    world: World,
    nginx: Nginx,
}

impl Kept {
    fn start(seed: u64) -> Self {
        let nginx = Nginx::usual();
        let url = format!("http://{}/dav", nginx.process.address);
        let world = World::configured(
            seed,
            &format!(
                "snapshot \"web\" {{\n  type = \"http\"\n  http_url = \"{url}\"\n  \
                 http_allow_plain = true\n  http_username = \"backup\"\n  \
                 http_password = \"s3cret\"\n  interval = \"24h\"\n  journal = true\n}}"
            ),
        );
        let kept = Self { world, nginx };
        kept.write("first");
        kept
    }

    /// The folder behind it.
    fn folder(&self) -> PathBuf {
        self.nginx.home.path().join("root/dav")
    }

    fn told(&self) -> Value {
        data(&self.world.root().get("sys/snapshots/targets/web"))
    }

    /// Writes, until it is told that all of it is there; up to which commit that was.
    fn write(&self, name: &str) -> u64 {
        let written = self.world.root().post(&format!("secret/{name}"), json!({ "a": "b" }));
        assert_eq!(written.status, 204);
        eventually("all is there, as is told", || {
            let told = self.told();
            told["state"] == "good" && told["journal"]["behind"] == 0
        });
        self.told()["journal"]["revision"].as_u64().unwrap()
    }

    /// A minute later, where nothing is written: the target leads to that commit again.
    fn leads_to(&self, revision: u64) {
        self.world.advance(MINUTE);
        eventually("a snapshot is taken in the place of what is gone", || {
            let told = self.told();
            let good = told["last_good"]["revision"].as_u64();
            good >= Some(revision) && told["damage"] == "" && told["state"] == "good"
        });
    }
}

/// The folders in one, by their names there.
fn folders(within: &Path) -> Vec<PathBuf> {
    let files = files(within);
    let folders = files.iter().filter_map(|path| path.parent()?.strip_prefix(within).ok());
    folders.map(Path::to_owned).collect()
}

fn snapshots(folder: &Path) -> usize {
    files(folder).iter().filter(|path| path.extension().is_some_and(|end| end == "snap")).count()
}

pub fn what_was_put_into_a_place_that_somebody_emptied_has_a_base_within_a_minute() {
    let kept = Kept::start(1);
    kept.write("a");
    for path in files(&kept.folder()) {
        fs::remove_file(path).unwrap();
    }
    let revision = kept.write("b");
    assert_eq!(snapshots(&kept.folder()), 0);
    kept.leads_to(revision);
    assert_eq!(snapshots(&kept.folder()), 1);
}

pub fn what_went_to_the_place_where_a_disk_was_gone_is_told_as_a_gap() {
    let kept = Kept::start(2);
    let (folder, away) = (kept.folder(), kept.folder().with_extension("away"));
    let before = kept.write("a");
    fs::rename(&folder, &away).unwrap();
    // Its mount point holds the same folders, and nothing else.
    for folder in folders(&away) {
        fs::create_dir_all(kept.folder().join(folder)).unwrap();
    }
    let lost = kept.write("b");
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    let revision = kept.write("c");
    assert_eq!(kept.told()["journal"]["gap"], Value::Null, "nobody has looked since");
    kept.leads_to(revision);
    let gap = kept.told()["journal"]["gap"].clone();
    assert_eq!(gap[0], before + 1, "{gap}");
    assert!(gap[1].as_u64() >= Some(lost), "{gap}");
}
