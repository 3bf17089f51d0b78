//! The TPM seal, with a chip in software (swtpm).

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use edgekeep::barrier::seal::auto::AutoSeal;
use edgekeep::barrier::seal::contract;
use edgekeep::barrier::seal::tool::Tools;
use edgekeep::barrier::seal::tpm2::{Settings, Tpm2};
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::pages::Key;
use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use crate::house::{House, give, init, ok, opens, secret, waits, write_secret};
use crate::process::program;
use crate::support::harness::needs_package;
use crate::support::{Server, TempDir, eventually};

/// A chip, which forgets nothing when it has no power.
struct Chip {
    home: TempDir,
    child: Option<std::process::Child>,
}

impl Chip {
    fn new() -> Self {
        for (needed, package) in [("swtpm", "swtpm"), ("tpm2_create", "tpm2-tools")] {
            needs_package("seal \"tpm2\"", program(needed), package);
        }
        let mut chip = Self { home: TempDir::new(), child: None };
        chip.power_on();
        chip
    }

    fn power_on(&mut self) {
        let path = |name: &str| self.home.path().join(name).display().to_string();
        let child = Command::new(program("swtpm").unwrap())
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", self.home.path().display()))
            .args(["--server", &format!("type=unixio,path={}", path("chip"))])
            .args(["--ctrl", &format!("type=unixio,path={}", path("chip.ctrl"))])
            .stdout(fs::File::create(path("output")).unwrap())
            .stderr(fs::File::create(path("complaint")).unwrap())
            .spawn();
        self.child = Some(child.unwrap());
        let (chip, ctrl) = (path("chip"), path("chip.ctrl"));
        eventually("the chip listens", || fs::exists(&chip).unwrap() && fs::exists(&ctrl).unwrap());
    }

    fn power_off(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in ["chip", "chip.ctrl"] {
            let _ = fs::remove_file(self.home.path().join(name));
        }
    }

    fn tcti(&self) -> String {
        format!("swtpm:path={}", self.home.path().join("chip").display())
    }

    fn seal(&self, pcrs: &[u8]) -> Tpm2 {
        let settings = Settings { pcrs: pcrs.to_vec(), tcti: Some(self.tcti()) };
        Tpm2::new(settings, Tools::default(), Arc::new(SystemEntropy))
    }

    /// What a configuration says of it.
    fn section(&self, more: &str) -> String {
        format!("seal \"tpm2\" {{\n tcti = {:?}\n {more}\n}}\n", self.tcti())
    }

    /// The board was booted in another way.
    fn extend(&self, pcr: u8) {
        let value = format!("{pcr}:sha256={}", "ab".repeat(32));
        let mut extend = Command::new("tpm2_pcrextend");
        assert!(extend.arg(value).env("TPM2TOOLS_TCTI", self.tcti()).status().unwrap().success());
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        self.power_off();
    }
}

pub fn it_keeps_the_contract() {
    let (chip, other) = (Chip::new(), Chip::new());
    contract::run(&chip.seal(&[]), &other.seal(&[]), &SystemEntropy).unwrap();
    contract::run(&chip.seal(&[0, 7, 16]), &other.seal(&[0, 7, 16]), &SystemEntropy).unwrap();
}

pub fn who_asks_the_chip_at_once_takes_turns() {
    let chip = Chip::new();
    let (seal, key) = (chip.seal(&[]), Key::new([7; 32]));
    let wrapped = seal.wrap(&key, &SystemEntropy).unwrap();
    thread::scope(|scope| {
        let ask = || (0..4).try_for_each(|_| seal.unwrap(&wrapped).map(drop));
        let asking = [(); 4].map(|()| scope.spawn(ask));
        for asked in asking {
            asked.join().unwrap().unwrap();
        }
    });
}

pub fn another_boot_gets_no_key() {
    let chip = Chip::new();
    let key = Key::new([7; 32]);
    let [any, bound] = [&[][..], &[16]].map(|pcrs| chip.seal(pcrs));
    let wrapped = [&any, &bound].map(|seal| seal.wrap(&key, &SystemEntropy).unwrap());
    assert!(!bound.is_current(&wrapped[0]), "it would be wrapped for one of them today");
    for looser in [any.is_current(&wrapped[1]), chip.seal(&[8, 9]).is_current(&wrapped[1])] {
        assert!(looser, "nobody but people goes over to that");
    }
    chip.extend(16);
    assert_eq!(*any.unwrap(&wrapped[0]).unwrap(), *key);
    let error = bound.unwrap(&wrapped[1]).err().unwrap().to_string();
    assert!(error.starts_with("tpm2_unseal failed: "), "{error}");
}

pub fn a_board_opens_its_store_with_its_chip_and_no_other() {
    let (mut chip, other) = (Chip::new(), Chip::new());
    let house = House::new();
    let serve = |chip: &Chip| -> Server { house.serve(&chip.section("pcrs = [\"0\", \"7\"]")) };
    let mut server = serve(&chip);
    let keys = init(&server.client(), 1, 1);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    chip.power_off();

    let mut server = serve(&chip);
    waits(&server, "tpm2_createprimary failed");
    chip.power_on();
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
    server.kill();

    let server = serve(&other);
    waits(&server, "tpm2_load failed");
    // The board is lost: people open the store elsewhere.
    assert_eq!(ok(give(&server.client(), &keys.shares[0]))["sealed"], false);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}

pub fn folders_of_those_who_were_killed_are_removed() {
    let house = House::new();
    let server = house.serve("seal \"tpm2\" { tcti = \"device:/nowhere\" }\n");
    let path = |name: &str| server.home.path().join(name);
    let [left, held, other] = ["edgekeep-tpm2-left", "edgekeep-tpm2-held", "tpm2-left"].map(path);
    for folder in [&left, &held, &other] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("primary"), "").unwrap();
    }
    let holds = fs::File::open(&held).unwrap();
    flock(&holds, FlockOperation::LockExclusive).unwrap();
    // There is no chip.
    let split = json!({ "recovery_shares": 1, "recovery_threshold": 1 });
    assert_eq!(server.client().post("sys/init", split).status, 500);
    assert_eq!([&left, &held, &other].map(|folder| folder.exists()), [false, true, true]);
}
