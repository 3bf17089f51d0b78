//! `server -dev`: an unsealed server for trying out, and what to type next.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::Server;
use crate::base::clock::{Clock, SystemClock};
use crate::base::entropy::{Entropy, SystemEntropy};
use crate::base::secret::Secret;
use crate::base::variable::{Given, Variable};
use crate::cli::context::Context;
use crate::cli::stop::Stop;
use crate::cli::token_helper::TokenHelper;
use crate::config::{self, Config, ConfigError};
use crate::node::{DevStore, Node, Opened};
use crate::server::certificate::{DevFiles, make_dev_files, names_for};

/// The folder of a development server.
pub struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    /// `-dev-data`, or a new one that is removed at the end.
    pub fn make(command: &Server, entropy: &dyn Entropy) -> Result<Self, Stop> {
        if let Some(path) = &command.dev_data {
            return Ok(Self { path: path.into(), kept: true });
        }
        let path = std::env::temp_dir().join(format!("edgekeep-dev-{}", entropy.hex(6)));
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Stop::Failed(format!(
                "cannot make {}: {error}; name another with -dev-data",
                path.display()
            ))
        })?;
        Ok(Self { path, kept: false })
    }

    /// Whether it stays when the server has ended.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Where the files of `-dev-tls` lie.
    fn tls(&self) -> PathBuf {
        self.path.join("tls")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed lies in the system's temporary folder.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

const LISTEN: &str = "-dev-listen-address";

/// Where it listens, and what says so.
fn listen_address(command: &Server) -> Given {
    let by_flag = |address: &str| Given { by: LISTEN.to_owned(), value: address.to_owned() };
    let given = command.dev_listen_address.as_deref().map(by_flag);
    given.or_else(|| Variable::DevListenAddress.read()).unwrap_or_else(|| by_flag("127.0.0.1:8200"))
}

/// The configuration of a development server, through the same reader as any other. Nothing is
/// made yet: another server may have the folder.
pub fn config(command: &Server, folder: &Folder) -> Result<Config, Stop> {
    let Given { by, value: address } = listen_address(command);
    let mut listener = json_object([
        ("address", address.into()),
        // As Vault's does.
        ("telemetry", serde_json::json!({ "unauthenticated_metrics_access": true })),
    ]);
    if command.dev_tls {
        let files = DevFiles::in_folder(&folder.tls());
        listener["tls_cert_file"] = files.cert_file.to_string_lossy().into();
        listener["tls_key_file"] = files.key_file.to_string_lossy().into();
    } else {
        listener["tls_disable"] = true.into();
    }
    let storage = json_object([("path", folder.path.join("data").to_string_lossy().into())]);
    let text = serde_json::json!({
        "storage": { "redb": storage },
        "listener": { "tcp": listener },
        "disable_mlock": true,
        "log_level": "warn",
    });
    // What the environment says of other things is meant for a server with a configuration.
    let few = |variable: Variable| match variable {
        Variable::LogLevel | Variable::LogFormat | Variable::DisableUserLockout => variable.read(),
        _ => None,
    };
    let read = config::read_text(Path::new(&by), &text.to_string(), &few);
    let (config, _) = read.map_err(|error| Stop::Usage(told(error).to_string()))?;
    Ok(config)
}

/// What is wrong with that configuration: of what stands in it only the address was given.
pub fn told(error: ConfigError) -> ConfigError {
    ConfigError { line: None, ..error }
}

fn json_object<const N: usize>(fields: [(&str, serde_json::Value); N]) -> serde_json::Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What a development server is given besides: keys, and a certificate.
pub struct Dev {
    root: String,
    /// `None` when the folder of `-dev-data` had a store, which wants its own key.
    made: Option<DevStore>,
    /// Whom clients must believe, with `-dev-tls`.
    ca: Option<PathBuf>,
    store_token: bool,
}

impl Dev {
    /// Makes the store's keys and unseals it, and makes the certificate.
    pub fn make(command: &Server, folder: &Folder, opened: &Opened) -> Result<Self, Stop> {
        let entropy: &dyn Entropy = &SystemEntropy;
        let failed = |error: String| Stop::Failed(error);
        let ca = if command.dev_tls {
            let names = names_for(listen_address(command).value.parse().ok());
            let files = make_dev_files(&folder.tls(), &names, SystemClock.wall(), entropy);
            Some(files.map_err(|error| failed(error.to_string()))?.ca_file)
        } else {
            None
        };
        let by_variable = || Variable::DevRootTokenId.read().map(|given| given.value);
        let root = command.dev_root_token_id.clone().or_else(by_variable);
        let root = root.unwrap_or_else(|| format!("hvs.{}", entropy.base62(24)));
        let made = opened.make_dev_store(Secret::new(root.clone()), "2");
        let made = made.map_err(|error| failed(error.to_string()))?;
        Ok(Self { root, made, ca, store_token: !command.dev_no_store_token })
    }

    /// Keeps the token where clients look for it, now that the server serves, and tells a person
    /// what to type next.
    pub fn greet(&self, cx: &mut Context, node: &Node) -> Result<(), Stop> {
        let Self { root, made, ca, store_token } = self;
        let scheme = if ca.is_some() { "https" } else { "http" };
        let address = node.address().map(|address| address.to_string()).unwrap_or_default();
        let mut exports = format!("    $ export VAULT_ADDR='{scheme}://{address}'\n");
        if let Some(ca) = ca {
            exports.push_str(&format!("    $ export VAULT_CACERT='{}'\n", ca.display()));
        }
        let Some(made) = made else {
            return cx.say(&format!(
                "==> The store in -dev-data has keys already and is sealed. To open it:\n\n\
                 {exports}    $ edgekeep operator unseal\n\n\
                 Its root token is that of the first start: none was set or stored by this one.\n"
            ));
        };
        if *store_token {
            TokenHelper::configured(Some(format!("{scheme}://{address}")))
                .and_then(|helper| helper.store(root))
                .map_err(|error| {
                    Stop::Failed(format!("{error}; -dev-no-store-token stores none"))
                })?;
        }
        let key = base64_text(&made.unseal_key);
        cx.say(&format!(
            "WARNING! dev mode: the server is unsealed, with one key and a root token that are\n\
             printed here. Do not keep real secrets in it.\n\n\
             In another terminal:\n\n\
             {exports}    $ edgekeep kv put -mount=secret hello who=world\n\
             \x20   $ edgekeep kv get -mount=secret hello\n\n\
             Unseal Key: {key}\nRoot Token: {root}\n"
        ))
    }
}

fn base64_text(secret: &Secret) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(secret.expose())
}
