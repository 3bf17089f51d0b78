//! What may be shown of a configuration, in Vault's words. Each key is named here: one that is to
//! come, and may hold a secret, does not get shown by itself.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::listener::Listener;
use super::{Config, SealSettings};
use crate::barrier::seal::SHAMIR;
use crate::barrier::seal::auto::Settings;
use crate::server::gate::listener::Address;
use crate::server::tls::ClientCerts;

impl Config {
    /// The configuration without anything that is not for everybody who may ask. What Vault shows
    /// and is no matter here has its zero.
    pub fn sanitized(&self) -> Map<String, Value> {
        let api_addr = self.api_addr.as_deref().unwrap_or_default();
        let shown = json!({
            "api_addr": api_addr,
            "cache_size": 0,
            "cluster_addr": "",
            "cluster_cipher_suites": "",
            "cluster_name": self.cluster_name.as_deref().unwrap_or_default(),
            "default_lease_ttl": self.default_lease_ttl.as_secs(),
            "default_max_request_duration": 0,
            "disable_cache": false,
            "disable_clustering": true,
            "disable_indexing": false,
            "disable_mlock": !self.lock_memory,
            "disable_performance_standby": true,
            "disable_printable_check": false,
            "disable_sealwrap": false,
            "disable_sentinel_trace": false,
            "enable_response_header_hostname": false,
            "enable_response_header_raft_node_id": false,
            "enable_ui": false,
            "introspection_endpoint": true,
            "listeners": self.listeners.iter().map(Listener::sanitized).collect::<Vec<_>>(),
            "log_format": self.log.format.name(),
            "log_level": self.log.level.as_str().to_ascii_lowercase(),
            "log_requests_level": "",
            "max_lease_ttl": self.max_lease_ttl.as_secs(),
            "pid_file": self.pid_file.as_ref().map(|file| shown_path(file)).unwrap_or_default(),
            "plugin_directory": "",
            "raw_storage_endpoint": false,
            "seals": self.seal.sanitized(),
            "storage": {
                "type": self.storage.kind(),
                "cluster_addr": "",
                "disable_clustering": true,
                "redirect_addr": api_addr,
            },
        });
        match shown {
            Value::Object(shown) => shown,
            _ => Map::new(),
        }
    }
}

impl SealSettings {
    fn sanitized(&self) -> Value {
        let name = |settings: &Settings| settings.mechanism().name();
        let shown = |name: &str, disabled: bool| json!({ "type": name, "disabled": disabled });
        let present = shown(self.present.as_ref().map_or(SHAMIR, name), false);
        let former = self.former.as_ref().map(|settings| shown(name(settings), true));
        [Some(present), former].into_iter().flatten().collect()
    }
}

impl Listener {
    fn sanitized(&self) -> Value {
        let (kind, address) = match &*self.address {
            Address::Tcp(address) => ("tcp", address.clone()),
            Address::Unix { path, .. } => ("unix", shown_path(path)),
        };
        let mut config = json!({ "address": address, "tls_disable": self.tls.is_none() });
        if let Some(tls) = &self.tls {
            if let Some(files) = &tls.files {
                config["tls_cert_file"] = shown_path(&files.certificate).into();
                config["tls_key_file"] = shown_path(&files.key).into();
            }
            if let Some(file) = &tls.client_ca_file {
                config["tls_client_ca_file"] = shown_path(file).into();
            }
            let required = tls.client_certs == ClientCerts::Required;
            config["tls_require_and_verify_client_cert"] = required.into();
            config["tls_disable_client_certs"] = (tls.client_certs == ClientCerts::Off).into();
        }
        if self.rules.require_request_header {
            config["require_request_header"] = true.into();
        }
        for (statuses, name, value) in self.rules.headers.added() {
            config["custom_response_headers"][statuses.to_string()][name] = json!([value]);
        }
        json!({ "type": kind, "config": config })
    }
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}
