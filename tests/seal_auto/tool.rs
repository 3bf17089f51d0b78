//! A seal that runs a program of the system: one that refuses, that is slow, that hangs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::house::{House, init, opens, status, stays_sealed, waits};
use crate::support::{Server, eventually};

/// In the place of OpenSC's: it looks at the PIN, and does what the file `mood` says.
const TOOL: &str = "#!/bin/sh\n\
    cd \"${0%/*}\" || exit 1\n\
    env > seen\n\
    date +%s%N >> begun\n\
    . ./mood\n\
    case $EDGEKEEP_PKCS11_PIN in\n\
    right) ;;\n\
    *) echo 'error: PKCS11 function C_Login failed: rv = CKR_PIN_INCORRECT (0xa0)' >&2; exit 1 ;;\n\
    esac\n\
    case $* in\n\
    *--encrypt*) cat; printf 0123456789abcdef ;;\n\
    *) head -c 32 ;;\n\
    esac\n";

/// The folder with the tool, in the environment of a test that runs by itself.
const FOLDER: &str = "EDGEKEEP_TEST_TOOL";

/// Runs a test of this file where the tool is found first.
fn alone(test: &str, with: impl Fn(Tool)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return with(Tool { folder: folder.into() });
    }
    let house = House::new();
    let bin = house.path("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("pkcs11-tool"), TOOL).unwrap();
    fs::write(bin.join("mood"), "").unwrap();
    fs::set_permissions(bin.join("pkcs11-tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&format!("tool::{test}"), "--exact", "--nocapture"])
        .env(FOLDER, &bin)
        .env("PATH", path)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("NOTIFY_SOCKET", house.path("nobody"))
        .env("CARD_PIN", "right")
        .env("SOFTHSM2_CONF", "/of/a/module")
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

struct Tool {
    folder: std::path::PathBuf,
}

impl Tool {
    /// How it behaves from now on, as lines of a shell.
    fn set_mood(&self, script: &str) {
        fs::write(self.folder.join("next"), script).unwrap();
        fs::rename(self.folder.join("next"), self.folder.join("mood")).unwrap();
    }

    /// When it was run, in nanoseconds.
    fn runs(&self) -> Vec<u128> {
        let begun = fs::read_to_string(self.folder.join("begun")).unwrap_or_default();
        begun.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// A store under the seal by it, and a server that finds it sealed; as often as that the tool
    /// was run before.
    fn rebooted(&self, house: &House, meanwhile: impl Fn()) -> (Server, usize) {
        house.put_key("pin", b"right");
        let section = format!(
            "seal \"pkcs11\" {{\n lib = \"/module.so\"\n token_label = \"edge\"\n \
             key_id = \"01\"\n pin = \"file://{}\"\n}}\n",
            house.path("stick/pin").display()
        );
        let mut server = house.serve(&section);
        init(&server.client(), 1, 1);
        server.kill();
        meanwhile();
        let before = self.runs().len();
        (house.serve(&section), before)
    }
}

pub fn a_tool_sees_nothing_that_is_not_for_it() {
    alone("a_tool_sees_nothing_that_is_not_for_it", |tool| {
        let house = House::new();
        let server = house.serve(
            "seal \"pkcs11\" {\n lib = \"/module.so\"\n token_label = \"edge\"\n \
             key_id = \"01\"\n pin = \"env://CARD_PIN\"\n}\n",
        );
        init(&server.client(), 1, 1);
        let seen = fs::read_to_string(tool.folder.join("seen")).unwrap();
        let sees = |name: &str| seen.lines().any(|line| line.starts_with(&format!("{name}=")));
        for name in ["PATH", "HOME", "SOFTHSM2_CONF", "EDGEKEEP_PKCS11_PIN"] {
            assert!(sees(name), "{name} is missing: {seen}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "NOTIFY_SOCKET", "CARD_PIN", FOLDER] {
            assert!(!sees(name), "{name} is seen: {seen}");
        }
    });
}

fn signal(server: &Server, signal: Signal) {
    kill_process(Pid::from_raw(server.id().cast_signed()).unwrap(), signal).unwrap();
}

pub fn a_pin_that_is_refused_is_tried_once() {
    alone("a_pin_that_is_refused_is_tried_once", |tool| {
        let house = House::new();
        let (server, before) = tool.rebooted(&house, || house.put_key("pin", b"wrong"));
        waits(&server, "CKR_PIN_INCORRECT");
        stays_sealed(&server.client());
        assert_eq!(tool.runs().len(), before + 1, "each time costs one of three");
        // Somebody says that the card was put right.
        signal(&server, Signal::HUP);
        eventually("it is tried again", || tool.runs().len() == before + 2);
        stays_sealed(&server.client());
        assert_eq!(tool.runs().len(), before + 2);
        // Looks are not counted: the card was asked no more.
        let told = status(&server.client())["degraded"].as_str().unwrap().to_owned();
        assert!(told.ends_with("and not before"), "{told}");
        house.put_key("pin", b"right");
        opens(&server);
        assert_eq!(tool.runs().len(), before + 3);
    });
}

pub fn what_was_padded_in_another_way_is_no_key() {
    alone("what_was_padded_in_another_way_is_no_key", |tool| {
        let house = House::new();
        let longer = "case $* in *--encrypt*) ;; *) head -c 47; exit ;; esac";
        let (server, _) = tool.rebooted(&house, || tool.set_mood(longer));
        waits(&server, "another key of the module wrapped that, or it was changed");
        stays_sealed(&server.client());
    });
}

pub fn who_waits_rests_after_an_attempt_however_long_it_took() {
    alone("who_waits_rests_after_an_attempt_however_long_it_took", |tool| {
        let house = House::new();
        let slow = "sleep 2; echo 'no card' >&2; exit 1\n";
        let (_server, before) = tool.rebooted(&house, || tool.set_mood(slow));
        eventually("it is tried three times", || tool.runs().len() >= before + 3);
        let runs = &tool.runs()[before..];
        let rest = (runs[2] - runs[1]) as f64 / 1e9 - 2.0;
        assert!(rest >= 1.9, "after the second it rests for two seconds: {rest}");
    });
}

pub fn a_stop_waits_for_no_tool() {
    alone("a_stop_waits_for_no_tool", |tool| {
        let house = House::new();
        for hangs in ["sleep 600\n", "exec sleep 600 >&- 2>&-\n", "sleep 600 & exit 1\n"] {
            tool.set_mood("");
            let (server, before) = tool.rebooted(&house, || tool.set_mood(hangs));
            eventually("it is run", || tool.runs().len() > before);
            let began = Instant::now();
            signal(&server, Signal::TERM);
            let (well, output) = server.wait();
            assert!(well, "{output}");
            assert!(began.elapsed() < Duration::from_secs(60), "{hangs}: {:?}", began.elapsed());
            fs::remove_dir_all(house.path("store")).unwrap();
        }
    });
}

/// In the place of the TPM's tools: what is sealed lies open in their folder.
const CHIP: &str = "#!/bin/sh\n\
    bin=\"${0%/*}\"\n\
    date +%s%N >> \"$bin/begun\"\n\
    . \"$bin/mood\"\n\
    case ${0##*/} in\n\
    tpm2_create) cat > private; echo public > public ;;\n\
    tpm2_unseal) cat private ;;\n\
    esac\n";

pub fn a_diagnosis_asks_a_chip_that_hangs_once() {
    alone("a_diagnosis_asks_a_chip_that_hangs_once", |tool| {
        let house = House::new();
        for name in ["createprimary", "create", "load", "unseal", "flushcontext"] {
            let file = tool.folder.join(format!("tpm2_{name}"));
            fs::write(&file, CHIP).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut server = house.serve("seal \"tpm2\" {\n}\n");
        init(&server.client(), 1, 1);
        server.kill();
        let path = std::env::var("PATH").unwrap();
        let diagnosed = || {
            let args = ["operator", "diagnose", "-config=edgekeep.hcl"];
            let told = house.output(&args, &[("PATH", &path)]).stdout;
            let told = String::from_utf8(told).unwrap();
            told.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let told = diagnosed();
        assert!(told.contains("and it opens the store"), "{told}");
        tool.set_mood("sleep 600\n");
        let before = tool.runs().len();
        let told = diagnosed();
        assert!(told.contains("tpm2: tpm2_createprimary has not ended in 30 s"), "{told}");
        assert_eq!(tool.runs().len(), before + 1, "what hangs is neither asked nor cleared again");
    });
}
