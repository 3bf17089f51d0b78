//! Which of a request's headers are audited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::barrier::names::MountId;
use crate::barrier::txn::{Txn, TxnError};
use crate::base::record::Record;
use crate::base::sync::lock;

/// Where they lie in the system's part of the store.
pub const PLACE: &str = "config/audit/headers";

/// How a header is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auditing {
    /// Its values as their HMAC, not in the clear.
    pub hmac: bool,
}

/// The audited headers, by their names in lower case. They are few, and one record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditedHeaders(pub BTreeMap<String, Auditing>);

impl Record for AuditedHeaders {
    const VERSION: u8 = 1;
}

impl AuditedHeaders {
    /// Reads them.
    pub fn load(txn: &mut Txn) -> Result<Self, TxnError> {
        Ok(txn.scope(MountId::SYSTEM).read(PLACE)?.unwrap_or_default())
    }

    /// Writes them.
    pub fn store(&self, txn: &mut Txn) -> Result<(), TxnError> {
        let mut system = txn.scope(MountId::SYSTEM);
        if self.0.is_empty() { system.delete(PLACE) } else { system.write(PLACE, self) }
    }
}

/// Reads them; decoded anew only when they have changed.
#[derive(Default)]
pub struct AuditedHeadersCache {
    last: Mutex<Option<Known>>,
}

/// The stored form, and what it says.
type Known = (Zeroizing<Vec<u8>>, Arc<AuditedHeaders>);

impl AuditedHeadersCache {
    /// The headers as the transaction sees them.
    pub fn read(&self, txn: &mut Txn) -> Result<Arc<AuditedHeaders>, TxnError> {
        let Some(bytes) = txn.scope(MountId::SYSTEM).get(PLACE)? else {
            return Ok(Arc::default());
        };
        let mut last = lock(&self.last);
        match &*last {
            Some((known, headers)) if *known == bytes => Ok(headers.clone()),
            _ => {
                let headers = Arc::new(AuditedHeaders::decode(&bytes)?);
                *last = Some((bytes, headers.clone()));
                Ok(headers)
            }
        }
    }
}
