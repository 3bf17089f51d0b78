//! The certificates of a PEM file, as people judge them: whose, for which names, and for how long.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::time::ASN1Time;

use super::certificate::name_text;
use crate::base::clock::Timestamp;
use crate::base::pem;

/// What stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is.
    pub subject: String,
    /// For which names and addresses.
    pub names: Vec<String>,
    /// The first moment at which it is valid.
    pub begins: Timestamp,
    /// The last one.
    pub ends: Timestamp,
}

impl Certificate {
    /// Whether a server of that name or address may show it.
    pub fn is_for(&self, host: &str) -> bool {
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(domain) => {
                host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain))
            }
            None => name.eq_ignore_ascii_case(host),
        })
    }
}

/// Reads all certificates of a file, in their order; the error says why that is none.
pub fn read(file: &Path) -> Result<Vec<Certificate>, String> {
    pem::regular(file)?;
    pem::certificates(file)?.iter().map(certificate).collect()
}

fn certificate(der: &CertificateDer<'_>) -> Result<Certificate, String> {
    let parsed = x509_parser::parse_x509_certificate(der);
    let (_, parsed) = parsed.map_err(|error| format!("it holds no certificate: {error}"))?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    Ok(Certificate {
        subject: parsed.subject().to_string(),
        names: names.filter_map(name_text).collect(),
        begins: moment(parsed.validity().not_before),
        ends: moment(parsed.validity().not_after),
    })
}

/// What lies before 1970 is taken for that.
fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_for_a_label() {
        let names = ["a.example.org", "*.local", "127.0.0.1"].map(str::to_owned).into();
        let (begins, ends) = (Timestamp::EPOCH, Timestamp::EPOCH);
        let one = Certificate { subject: String::new(), names, begins, ends };
        for (host, fits) in [
            ("A.example.org", true),
            ("b.example.org", false),
            ("gate.local", true),
            ("a.gate.local", false),
            ("local", false),
            ("127.0.0.1", true),
        ] {
            assert_eq!(one.is_for(host), fits, "{host}");
        }
    }
}
