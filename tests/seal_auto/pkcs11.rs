//! The PKCS#11 seal, with a security module in software (SoftHSM2).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use edgekeep::barrier::seal::auto::AutoSeal;
use edgekeep::barrier::seal::contract;
use edgekeep::barrier::seal::pkcs11::{Pkcs11, Settings, Token};
use edgekeep::barrier::seal::tool::Tools;
use edgekeep::base::credential::Credential;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::pages::Key;

use crate::house::{House, init, opens, secret, waits, write_secret};
use crate::process::program;
use crate::support::harness::needs_package;

const PIN: &str = "13572468";

/// The test that has the module: its library reads where its tokens are from the environment, which
/// the program hands on.
const CONF: &str = "SOFTHSM2_CONF";

/// Runs a test of this file by itself, in the environment of a module of its own.
fn alone(test: &str, with: impl Fn(&Path)) {
    let lib = library();
    if std::env::var_os(CONF).is_some() {
        return with(&lib);
    }
    let house = House::new();
    fs::create_dir(house.path("tokens")).unwrap();
    let conf = house.path("softhsm2.conf");
    let text = format!("directories.tokendir = {}\n", house.path("tokens").display());
    fs::write(&conf, text).unwrap();
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).env(CONF, &conf).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
    };
    let init = ["--init-token", "--free", "--label", "edge", "--pin", PIN, "--so-pin", "1234"];
    run("softhsm2-util", &init);
    let module = ["--module", lib.to_str().unwrap(), "--token-label", "edge"];
    for (label, id) in [("seal", "01"), ("other", "02")] {
        let key = ["--login", "--pin", PIN, "--keygen", "--key-type", "AES:32", "--label", label];
        run("pkcs11-tool", &[&module[..], &key, &["--id", id]].concat());
    }
    let name = format!("pkcs11::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env(CONF, &conf)
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

/// The module.
fn library() -> PathBuf {
    let places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so"];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    for (needed, package) in [("pkcs11-tool", "opensc"), ("softhsm2-util", "softhsm2")] {
        needs_package("seal \"pkcs11\"", program(needed), package);
    }
    needs_package("seal \"pkcs11\"", found, "softhsm2")
}

fn seal(lib: &Path, key_id: &str, pin: &str) -> Pkcs11 {
    let settings = Settings {
        lib: lib.to_owned(),
        token: Token::Label("edge".to_owned()),
        pin: Credential::parse(pin).unwrap(),
        key_id: key_id.to_owned(),
    };
    Pkcs11::new(settings, Tools::default())
}

pub fn it_keeps_the_contract() {
    alone("it_keeps_the_contract", |lib| {
        contract::run(&seal(lib, "01", PIN), &seal(lib, "02", PIN), &SystemEntropy).unwrap();
        let key = Key::new([3; 32]);
        for (wrong, text) in [
            (seal(lib, "03", PIN), "pkcs11-tool failed: "),
            (seal(lib, "01", "000000"), "pkcs11-tool failed: "),
            (seal(Path::new("/nowhere.so"), "01", PIN), "pkcs11-tool failed: "),
        ] {
            let error = wrong.wrap(&key, &SystemEntropy).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
            assert!(!error.contains(PIN), "{error}");
        }
    });
}

pub fn a_board_opens_its_store_with_its_module() {
    alone("a_board_opens_its_store_with_its_module", |lib| {
        let house = House::new();
        let section = format!(
            "seal \"pkcs11\" {{\n lib = {lib:?}\n token_label = \"edge\"\n key_id = \"0x01\"\n \
             pin = \"file://{}\"\n}}\n",
            house.path("stick/pin").display()
        );
        house.put_key("pin", PIN.as_bytes());
        let mut server = house.serve(&section);
        let keys = init(&server.client(), 1, 1);
        write_secret(&server.client().token(&keys.root), "kept");
        server.kill();
        house.pull_key("pin");
        let server = house.serve(&section);
        waits(&server, "stick/pin cannot be read");
        house.put_key("pin", PIN.as_bytes());
        opens(&server);
        assert_eq!(secret(&server.client().token(&keys.root)), "kept");
        assert!(!server.output().contains(PIN));
    });
}
