//! The transit seal, against a real OpenBao.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use edgekeep::barrier::seal::auto::AutoSeal;
use edgekeep::barrier::seal::contract;
use edgekeep::barrier::seal::transit::{Settings, Transit};
use edgekeep::base::credential::Credential;
use edgekeep::base::entropy::SystemEntropy;
use edgekeep::base::pages::Key;
use serde_json::{Value, json};

use crate::environment::{self, Missing};
use crate::house::{House, init, is_sealed, ok, opens, secret, waits, write_secret};
use crate::process::Process;
use crate::support::harness::needs;
use crate::support::http::Client;
use crate::support::{TempDir, eventually, free_address};

/// It is looked for once: the tests run side by side.
fn program() -> PathBuf {
    static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    needs("seal \"transit\"", FOUND.get_or_init(environment::openbao).as_ref()).clone()
}

/// A server of OpenBao with an engine of transit; its data outlives it.
struct Bao {
    process: Process,
    home: TempDir,
    unseal_key: Value,
    root: String,
}

impl Bao {
    fn start() -> Self {
        let program = program();
        let (home, address, cluster) = (TempDir::new(), free_address(), free_address());
        fs::create_dir(home.path().join("data")).unwrap();
        let config = format!(
            "storage \"raft\" {{\n  path = \"{}\"\n  node_id = \"one\"\n}}\n\
             listener \"tcp\" {{\n  address = \"{address}\"\n  cluster_address = \"{cluster}\"\n  \
             tls_disable = true\n}}\n\
             api_addr = \"http://{address}\"\ncluster_addr = \"https://{cluster}\"\n\
             disable_mlock = true\n",
            home.path().join("data").display()
        );
        let file = home.path().join("server.hcl");
        fs::write(&file, config).unwrap();
        let command = bao(program, home.path().to_owned(), file);
        let process = Process::start(address, home.path().join("output"), command);
        let mut bao = Self { process, home, unseal_key: Value::Null, root: String::new() };
        let split = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = ok(bao.client().post("sys/init", split));
        bao.unseal_key = made["keys"][0].clone();
        bao.root = made["root_token"].as_str().unwrap().to_owned();
        bao.unseal();
        let root = bao.root();
        assert_eq!(root.post("sys/mounts/transit", json!({ "type": "transit" })).status, 204);
        for key in ["edge", "other"] {
            ok(root.post(&format!("transit/keys/{key}"), json!({})));
        }
        let policy = "path \"transit/encrypt/edge\" { capabilities = [\"update\"] }\n\
                      path \"transit/decrypt/edge\" { capabilities = [\"update\"] }\n";
        let policy = json!({ "policy": policy });
        assert_eq!(root.post("sys/policies/acl/edge", policy).status, 204);
        bao
    }

    fn client(&self) -> Client {
        Client::new(&self.process.address)
    }

    fn root(&self) -> Client {
        self.client().token(&self.root)
    }

    fn unseal(&self) {
        let (client, key) = (self.client(), json!({ "key": self.unseal_key }));
        assert_eq!(ok(client.post("sys/unseal", key))["sealed"], false);
        eventually("it leads", || client.get("sys/health").status == 200);
    }

    /// A token that may use the key, and lives as long as it is renewed.
    fn token(&self) -> String {
        let body = json!({ "policies": ["edge"], "period": "1h" });
        let made = ok(self.root().post("auth/token/create", body));
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    fn seal(&self, key: &str, token: &str) -> Transit {
        Transit::new(Settings {
            address: format!("http://{}", self.process.address),
            token: Credential::parse(token).unwrap(),
            key_name: key.to_owned(),
            mount_path: "transit".to_owned(),
            ca_cert: None,
            client_cert: None,
            client_key: None,
            server_name: None,
            skip_verify: false,
            disable_renewal: false,
        })
    }

    /// What a configuration says of it.
    fn section(&self, house: &House) -> String {
        let file = house.path("token");
        if !file.exists() {
            fs::write(&file, format!("{}\n", self.token())).unwrap();
        }
        format!(
            "seal \"transit\" {{\n address = \"http://{}\"\n token = \"file://{}\"\n \
             key_name = \"edge\"\n mount_path = \"transit/\"\n}}\n",
            self.process.address,
            file.display()
        )
    }
}

fn bao(program: PathBuf, home: PathBuf, config: PathBuf) -> impl Fn() -> Command + Send + Sync {
    move || {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", &home).arg("server").arg("-config").arg(&config);
        command
    }
}

pub fn it_keeps_the_contract() {
    let bao = Bao::start();
    let (seal, other) = (bao.seal("edge", &bao.root), bao.seal("other", &bao.root));
    contract::run(&seal, &other, &SystemEntropy).unwrap();
    let refused = bao.seal("other", &bao.token()).wrap(&Key::new([1; 32]), &SystemEntropy);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("transit/encrypt/other answers 403"), "{error}");
    let absent = bao.seal("edge", "file:///nowhere/token").wrap(&Key::new([1; 32]), &SystemEntropy);
    assert!(absent.unwrap_err().to_string().contains("nowhere/token cannot be read"));
}

pub fn a_board_waits_for_the_server_that_has_its_key() {
    let mut bao = Bao::start();
    let house = House::new();
    let mut server = house.serve(&bao.section(&house));
    let keys = init(&server.client(), 1, 1);
    assert!(!is_sealed(&server.client()));
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();

    let mut server = house.serve(&bao.section(&house));
    opens(&server);
    server.kill();
    bao.process.kill();

    let server = house.serve(&bao.section(&house));
    waits(&server, "no server at http://");
    bao.process.again();
    waits(&server, "answers 503");
    bao.unseal();
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
    let token = fs::read_to_string(house.path("token")).unwrap();
    assert!(!server.output().contains(token.trim()));
}

pub fn a_key_that_was_rotated_there_wraps_anew() {
    let bao = Bao::start();
    let house = House::new();
    let mut server = house.serve(&bao.section(&house));
    let keys = init(&server.client(), 1, 1);
    write_secret(&server.client().token(&keys.root), "kept");
    server.kill();
    ok(bao.root().post("transit/keys/edge/rotate", json!({})));
    let mut server = house.serve(&bao.section(&house));
    opens(&server);
    server.wait_for_output("wrapped anew");
    server.kill();
    let least = json!({ "min_decryption_version": 2 });
    assert!(bao.root().post("transit/keys/edge/config", least).status < 300);
    let server = house.serve(&bao.section(&house));
    opens(&server);
    assert_eq!(secret(&server.client().token(&keys.root)), "kept");
}

pub fn the_token_is_renewed() {
    let bao = Bao::start();
    let house = House::new();
    let server = house.serve(&bao.section(&house));
    init(&server.client(), 1, 1);
    let token = fs::read_to_string(house.path("token")).unwrap();
    eventually("the token was renewed", || {
        let body = json!({ "token": token.trim() });
        let told = ok(bao.root().post("auth/token/lookup", body));
        told["data"]["last_renewal_time"].is_number()
    });
    drop(bao.home);
}
