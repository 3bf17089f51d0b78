//! What a server says of itself before anybody has a token.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use crate::barrier::{Barrier, Unsealed};
use crate::base::clock::Timestamp;
use crate::base::sync::lock;

/// What a server says of itself.
#[derive(Clone)]
pub struct About {
    /// The store.
    pub barrier: Arc<Barrier>,
    /// `redb` or `inmem`.
    pub storage_type: &'static str,
    /// The name that is configured.
    pub cluster_name: Option<String>,
    /// The certificate that the server made itself.
    pub certificate: CertificateNotice,
}

impl About {
    /// Name and id of the cluster, which for us is the store; only an unsealed one knows them.
    pub fn cluster(&self, unsealed: &Unsealed) -> (String, String) {
        let id = unsealed.status().store_id;
        let name = self.cluster_name.clone().unwrap_or_else(|| {
            let short: String = id.chars().take(8).collect();
            format!("vault-cluster-{short}")
        });
        (name, id)
    }

    /// Adds both to an answer.
    pub fn add_cluster(&self, unsealed: Option<&Unsealed>, answer: &mut Map<String, Value>) {
        if let Some(unsealed) = unsealed {
            let (name, id) = self.cluster(unsealed);
            answer.insert("cluster_name".to_owned(), name.into());
            answer.insert("cluster_id".to_owned(), id.into());
        }
    }
}

/// The certificate that the server made itself, as `status` shows it; renewed now and then.
#[derive(Clone, Default)]
pub struct CertificateNotice(Arc<Mutex<Option<Noticed>>>);

/// What is shown of it.
pub struct Noticed {
    /// SHA-256 of the authority's certificate, which clients are given.
    pub ca_sha256: String,
    /// SHA-256 of the certificate.
    pub sha256: String,
    /// The last moment at which it is valid.
    pub expires: Timestamp,
}

impl CertificateNotice {
    /// There is a new one.
    pub fn tell(&self, noticed: Noticed) {
        *lock(&self.0) = Some(noticed);
    }

    /// Adds it to an answer, where there is one.
    pub fn add_to(&self, answer: &mut Map<String, Value>) {
        let told = lock(&self.0);
        if let Some(Noticed { ca_sha256, sha256, expires }) = &*told {
            answer.insert("certificate_ca_sha256".to_owned(), ca_sha256.as_str().into());
            answer.insert("certificate_sha256".to_owned(), sha256.as_str().into());
            answer.insert("certificate_expires".to_owned(), expires.rfc3339().into());
        }
    }
}
