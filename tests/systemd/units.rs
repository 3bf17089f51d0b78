//! The units: what systemd itself says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::harness::needs;
use super::support::volume::does;
use super::support::{TempDir, program};

/// Of a service that a stranger can reach: 0 is none, 10 all.
const MOST_EXPOSURE: f64 = 1.3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

/// systemd's own judge, where it is here.
fn judge() -> Command {
    needs("the units", does(Command::new("systemd-analyze").arg("--version")));
    Command::new("systemd-analyze")
}

pub fn the_services_are_hardly_exposed() {
    // Before systemd 250 only running units were judged.
    let all = does(judge().arg("--help")).unwrap();
    let offline = all.contains("--offline").then_some(()).ok_or("this systemd judges no files");
    needs("the exposure of the units", offline);
    for (unit, drop_in) in [
        ("edgekeep.service", None),
        ("edgekeep.service", Some("notify-reload.conf")),
        ("edgekeep-snapshot@.service", None),
    ] {
        let mut text = fs::read_to_string(folder().join(unit)).unwrap();
        if let Some(name) = drop_in {
            text += &fs::read_to_string(folder().join("edgekeep.service.d").join(name)).unwrap();
        }
        let home = TempDir::new();
        let file = home.path().join(unit);
        fs::write(&file, text).unwrap();
        let mut judge = judge();
        judge.args(["security", "--offline=true", "--no-pager"]).arg(&file);
        let judged = does(&mut judge).unwrap();
        let line = judged.lines().find(|line| line.contains("Overall exposure level")).unwrap();
        let level = line.split_once(": ").unwrap().1.split(' ').next().unwrap();
        let level: f64 = level.parse().unwrap();
        assert!(level <= MOST_EXPOSURE, "{unit} {drop_in:?}: {line}\n{judged}");
    }
}

pub fn the_units_are_what_systemd_understands() {
    let mut judge = judge();
    // As they are installed, but for the programs, which need not be there.
    let home = TempDir::new();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if !matches!(kind, "service" | "socket" | "timer") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("/usr/bin/edgekeep", "/bin/true");
        let text = text.replace("/usr/lib/edgekeep/edgekeep-", "/bin/true ");
        let name = path.file_name().unwrap().to_str().unwrap();
        // A template is judged by one of its units.
        let file = home.path().join(name.replace("@.", "@daily."));
        fs::write(&file, text).unwrap();
        files.push(file);
    }
    assert_eq!(files.len(), 5, "{files:?}");
    let verify =
        judge.args(["verify", "--man=no", "--recursive-errors=no"]).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&verify.stderr);
    // What it says of units of this machine is none of ours.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("edgekeep")).collect();
    assert!(ours.is_empty(), "{}", ours.join("\n"));
}

pub fn the_installation_is_whole() {
    let home = TempDir::new();
    let binary = program();
    let mut install = Command::new(folder().join("install"));
    does(install.arg(binary).env("DESTDIR", home.path())).unwrap();
    let mut found = Vec::new();
    let mut folders = vec![home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(home.path()).unwrap().to_owned()),
            }
        }
    }
    // What the units start is there.
    for unit in found.iter().filter(|path| path.extension().is_some_and(|e| e == "service")) {
        let text = fs::read_to_string(home.path().join(unit)).unwrap();
        let started = text.lines().find_map(|line| line.strip_prefix("ExecStart=/")).unwrap();
        let program = Path::new(started.split(' ').next().unwrap());
        assert!(found.iter().any(|path| path == program), "{}: {started}", unit.display());
    }
    // A configuration that was changed stays.
    let config = home.path().join("etc/edgekeep/edgekeep.hcl");
    fs::write(&config, "# mine\n").unwrap();
    let mut again = Command::new(folder().join("install"));
    does(again.arg(binary).env("DESTDIR", home.path())).unwrap();
    assert_eq!(fs::read_to_string(config).unwrap(), "# mine\n");
}
