//! `.ci/whole` runs in pieces: over steps that are made up, on a machine that goes down in one.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::TempDir;

/// What it reads.
const SCRIPTS: [&str; 4] = [".ci/whole", ".ci/skipped", "cross/lib.sh", "cross/tools.sh"];

/// What its steps run: each notes that, and ends as `ends` has it.
const STEPS: [&str; 8] = [
    "cross/test",
    "cross/check",
    "tests/systemd/boot",
    "images/lint",
    "images/deb/test",
    "images/oci/test",
    "images/oci/containerfile",
    "images/appliance/test",
];
const STEP: &str = "#!/bin/sh\necho \"$0 $*\" >>ran\neval \"$(sed -n \"s|^$0 $*: ||p\" ends)\"\n";

/// Makes a program of each target, and of this machine's kind, out of the text in `source`.
const RELEASE: &str = "#!/bin/sh\nfor target in armv7 riscv64 \"$(uname -m)\"; do\n  \
                       cp source \"$EDGEKEEP_DIST/edgekeep-$target\"\ndone\n";

/// A repository of such steps.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(TempDir::new());
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for script in SCRIPTS {
            repository.has(script, &fs::read_to_string(here.join(script)).unwrap());
        }
        STEPS.iter().for_each(|step| repository.has(step, STEP));
        repository.has("cross/release", RELEASE);
        repository.has("cross/targets", "# name\narmv7 a b\nriscv64 c d\n");
        repository.has("cross/tests", "# which\nfile kv seal\nfile wide\n");
        repository.has("target/dist/of", "nothing");
        repository.has("source", "one");
        repository
    }

    fn has(&self, name: &str, content: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs it where steps end so: whether that was in success, what it said, and which steps ran.
    fn whole(&self, ends: &str, words: &[&str]) -> (bool, String, Vec<String>) {
        self.has("ends", ends);
        self.has("ran", "");
        let mut whole = Command::new(self.0.path().join(".ci/whole"));
        let output = whole.args(words).env_remove("EDGEKEEP_DIST").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let ran = fs::read_to_string(self.0.path().join("ran")).unwrap();
        (output.status.success(), said, ran.lines().map(str::to_owned).collect())
    }
}

#[test]
fn it_goes_on_where_it_was_broken_off_until_all_passed() {
    let repository = Repository::new();
    let down = "cross/test riscv64 kv: kill -9 $PPID\ncross/test armv7 seal: exit 1\n";
    let (success, _, ran) = repository.whole(down, &[]);
    assert!(!success);
    assert_eq!(ran.last().unwrap(), "cross/test riscv64 kv");
    let begun = ran.len();

    let (success, said, ran) = repository.whole("", &["--list"]);
    assert!(!success && ran.is_empty(), "{ran:?}");
    assert!(said.contains("\ncross/test armv7 kv (passed: "), "{said}");
    assert!(said.contains("\ncross/test armv7 seal (failed: "), "{said}");
    assert!(said.contains("\ncross/test riscv64 kv (left)\n"), "{said}");
    let all = said.lines().filter(|line| line.ends_with(')')).count();

    // What failed comes last: it holds up nothing that was not tried.
    let skips = "images/lint : exit 77\ncross/test armv7 seal: exit 1\n";
    let (success, said, ran) = repository.whole(skips, &[]);
    assert!(!success && said.contains("passed before: cross/test armv7 kv\n"), "{said}");
    assert_eq!(ran.len(), all - (begun - 2), "{ran:?}");
    assert_eq!(ran.first().unwrap(), "cross/test riscv64 kv");
    assert_eq!(ran.last().unwrap(), "cross/test armv7 seal");
    assert!(said.contains(", 1 failed, 1 skipped, 0 left\n"), "{said}");

    let (success, said, ran) = repository.whole("", &[]);
    assert!(success && said.ends_with("all passed\n"), "{said}");
    assert_eq!(ran, ["images/lint ", "cross/test armv7 seal"]);
    let (success, said, ran) = repository.whole("", &["built"]);
    assert!(success && said.ends_with("all passed\n") && ran.is_empty(), "{said}");

    // Of other bytes nothing is known, but of what is not made of them.
    repository.has("source", "two");
    let (success, _, ran) = repository.whole("", &[]);
    assert!(success);
    assert_eq!(ran.len(), all - 1, "{ran:?}");
}

#[test]
fn what_ignored_tests_passed_in_part() {
    let repository = Repository::new();
    let ignores = "echo 'test a ... ignored (FAT: no such kernel)'; \
                   echo 'test result: ok. 1 passed; 0 failed; 1 ignored; '";
    let ends = format!("cross/test armv7 kv: {ignores}\ncross/test riscv64 kv: {ignores}\n");
    let (success, first, _) = repository.whole(&ends, &[]);
    assert!(success, "{first}");
    // Nothing of it is run again, and all of it told.
    let (success, again, ran) = repository.whole("", &[]);
    assert!(success && ran.is_empty(), "{again}");
    for said in [first, again] {
        assert!(said.contains("\ncross/test armv7 kv (passed-in-part: "), "{said}");
        assert!(said.contains("\nignored:\n  FAT: no such kernel (2 tests)\n"), "{said}");
        let told = ", 2 passed in part, 0 failed, 0 skipped, 0 left\n\
                    all passed, but for what was ignored\n";
        assert!(said.ends_with(told), "{said}");
    }
}

#[test]
fn what_was_built_stays_where_a_name_is_wrong() {
    let repository = Repository::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    repository.has("cross/build", &fs::read_to_string(here.join("cross/build")).unwrap());
    for words in [&["--help"][..], &["riscv64", "arm64"]] {
        let mut build = Command::new(repository.0.path().join("cross/build"));
        let output = build.args(words).env_remove("EDGEKEEP_DIST").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let wrong = words.last().unwrap();
        let told = format!("build: no target {wrong}: there are armv7 riscv64\n");
        assert!(!output.status.success() && said == told, "{said}");
        assert!(repository.0.path().join("target/dist/of").exists(), "{words:?}");
    }
}
