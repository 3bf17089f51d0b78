//! What the clients need: their languages, which must be on this machine, and pinned packages.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::folder;
use super::support::TempDir;

/// How long an installation may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why an environment cannot be made here.
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The interpreter of a Python environment with what the client's `requirements.txt` names.
pub fn python(client: &str) -> Result<PathBuf, Missing> {
    let version = "import sys, venv, ensurepip; assert sys.version_info >= (3, 10); \
                   print(sys.prefix, sys.version)";
    let found = tool(Command::new("python3").args(["-c", version]), "python3 >= 3.10 with venv")?;
    let pins = folder(client).join("requirements.txt");
    let made = kept(client, &[&found, &read(&pins)], |made| {
        tool(Command::new("python3").args(["-m", "venv"]).arg(made), "a virtual environment")?;
        let mut pip = Command::new(made.join("bin/python"));
        pip.args(["-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check"]);
        tool(pip.arg("-r").arg(&pins), "the packages of PyPI").map(drop)
    })?;
    Ok(made.join("bin/python"))
}

/// A folder with the collection of Ansible's that its `bundle.txt` holds.
pub fn collection(python: &Path) -> Result<PathBuf, Missing> {
    let tests = folder("ansible");
    let bundle = tests.join("bundle.txt");
    kept("ansible-collections", &[&read(&bundle)], |made| {
        let mut pip = Command::new(python);
        pip.args(["-m", "pip", "download", "-q", "--no-input", "--disable-pip-version-check"]);
        tool(pip.args(["--no-deps", "-d"]).arg(made).arg("-r").arg(bundle), "the collection")?;
        let mut unpack = Command::new(python);
        tool(unpack.arg(tests.join("collection.py")).arg(made), "the collection").map(drop)
    })
}

/// The folder of what the client's `package-lock.json` names.
pub fn node(client: &str) -> Result<PathBuf, Missing> {
    let version = "console.log(process.version), process.exit(+(process.versions.node < '18'))";
    let found = tool(Command::new("node").args(["-e", version]), "node >= 18")?;
    let (tests, lock) = (folder(client), "package-lock.json");
    let made = kept(client, &[&found, &read(&tests.join(lock))], |made| {
        for file in ["package.json", lock] {
            fs::copy(tests.join(file), made.join(file)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(made);
        tool(&mut npm, "the packages of npm").map(drop)
    })?;
    Ok(made.join("node_modules"))
}

/// Sees to it that the modules of the client's `go.mod` are in Go's own cache.
pub fn go(client: &str) -> Result<(), Missing> {
    let mut go = Command::new("go");
    tool(go.args(["mod", "download"]).current_dir(folder(client)), "the modules of Go").map(drop)
}

/// The program of the Go module that is named in the client's `module.txt`.
pub fn go_program(client: &str) -> Result<PathBuf, Missing> {
    let found = tool(Command::new("go").arg("version"), "go")?;
    let module = read(&folder(client).join("module.txt"));
    let made = kept(client, &[&found, &module], |made| {
        let mut go = Command::new("go");
        go.args(["install", module.trim()]).env("GOBIN", made).current_dir(made);
        tool(&mut go, module.trim()).map(drop)
    })?;
    Ok(made.join(client))
}

/// The program of OpenBao that is named, that is on the path, or that of its wheel.
pub fn openbao() -> Result<PathBuf, Missing> {
    let what = "OpenBao, by EDGEKEEP_TEST_OPENBAO, as bao, or in a wheel,";
    let runs = |program: &Path| tool(Command::new(program).arg("version"), what);
    if let Some(named) = std::env::var_os("EDGEKEEP_TEST_OPENBAO") {
        let named = PathBuf::from(named);
        return runs(&named).map(|_| named);
    }
    let found = PathBuf::from("bao");
    if runs(&found).is_ok() {
        return Ok(found);
    }
    let python = python("openbao")
        .map_err(|Missing(why)| Missing(format!("{what} cannot be had: {why}")))?;
    let found = python.with_file_name("bao");
    runs(&found).map(|_| found)
}

/// A file that is built for the tests of a client.
pub fn kept_file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// The folder `name`, as `make` made it once for the same `pins`.
fn kept(
    name: &str,
    pins: &[&str],
    make: impl FnOnce(&Path) -> Result<(), Missing>,
) -> Result<PathBuf, Missing> {
    let made = kept_file(name);
    let (stamp, pins) = (made.join("made-of"), pins.join("\n"));
    if fs::read_to_string(&stamp).is_ok_and(|of| of == pins) {
        return Ok(made);
    }
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(&made).unwrap();
    make(&made)?;
    fs::write(stamp, pins).unwrap();
    Ok(made)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a tool prints, if it is there and does its work.
fn tool(command: &mut Command, what: &str) -> Result<String, Missing> {
    run(command, PATIENCE).map_err(|output| {
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        Missing(format!("{what} cannot be had: {last}"))
    })
}

/// Runs a program for so long at most. What it printed, as an error where it did not succeed.
pub fn run(command: &mut Command, patience: Duration) -> Result<String, String> {
    let folder = TempDir::new();
    let path = folder.path().join("output");
    let output = File::create(&path).unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + patience;
    let ended = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status.success(),
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
            None => sleep(Duration::from_millis(10)),
        }
    };
    let output = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    if ended { Ok(output) } else { Err(output) }
}
