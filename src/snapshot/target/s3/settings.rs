//! Where a bucket is, and who asks for it.

use std::path::PathBuf;

use super::sign::Keys;
use crate::base::credential::{Credential, CredentialError};
use crate::client::SettingsError;

/// Where a bucket is, and how it is spoken to; the names are those of Vault Enterprise's
/// `aws_s3_*` and `aws_*` parameters.
#[derive(Clone, Debug, Default)]
pub struct S3Settings {
    /// The bucket, which must be there.
    pub bucket: String,
    /// Where it is: by default `us-east-1`.
    pub region: Option<String>,
    /// Another server than Amazon's: `HOST`, `HOST:PORT`, or its URL.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in paths, not in the host's name.
    pub force_path_style: bool,
    /// Speak without TLS.
    pub disable_tls: bool,
    /// Let the server encrypt with a key of its KMS.
    pub enable_kms: bool,
    /// With which, where it is not the bucket's usual one.
    pub kms_key: Option<String>,
    /// Let the server encrypt with keys of its own (AES-256).
    pub server_side_encryption: bool,
    /// Who asks: by default what `AWS_ACCESS_KEY_ID` says in the environment.
    pub access_key_id: Option<Credential>,
    /// By default `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Credential>,
    /// By default `AWS_SESSION_TOKEN`, if that is set.
    pub session_token: Option<Credential>,
    /// A PEM file of authorities to believe instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// Believe any certificate.
    pub tls_skip_verify: bool,
}

impl S3Settings {
    /// The region, as it is signed.
    pub(super) fn region(&self) -> &str {
        self.region.as_deref().filter(|region| !region.is_empty()).unwrap_or("us-east-1")
    }

    /// Where the bucket is, however that is spelled and asked for: its host, and its name there.
    pub fn place(&self) -> (Option<String>, &str) {
        (self.host().ok().map(|host| host.to_ascii_lowercase()), &self.bucket)
    }

    /// The bucket's URL.
    pub(super) fn base(&self) -> Result<String, SettingsError> {
        let bucket = &self.bucket;
        if !(3..=63).contains(&bucket.len()) || !is_plain(bucket) {
            return Err(SettingsError(
                "a bucket's name has 3 to 63 letters, digits, - and .".into(),
            ));
        }
        let (scheme, host) = (self.scheme(), self.host()?);
        let named = host.split(':').next().unwrap_or_default();
        let is_address = host.starts_with('[') || named.parse::<std::net::Ipv4Addr>().is_ok();
        // No certificate is for `a.b.HOST`, and an address has nothing below it.
        let in_path = self.force_path_style || is_address || bucket.contains(['.', '_']);
        Ok(match in_path || named == "localhost" {
            true => format!("{scheme}://{host}/{bucket}"),
            false => format!("{scheme}://{bucket}.{host}"),
        })
    }

    fn scheme(&self) -> &str {
        if self.disable_tls { "http" } else { "https" }
    }

    /// The host, and the port where that is not the scheme's own.
    fn host(&self) -> Result<String, SettingsError> {
        let refused = |text: &str| Err(SettingsError(text.to_owned()));
        let (scheme, region) = (self.scheme(), self.region());
        if !is_plain(region) {
            return refused("that is no region: write one such as eu-central-1");
        }
        let host = match self.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
            None if region.starts_with("cn-") => format!("s3.{region}.amazonaws.com.cn"),
            None => format!("s3.{region}.amazonaws.com"),
            Some(endpoint) => match endpoint.split_once("://") {
                None => endpoint.to_owned(),
                Some((said, host)) if said.eq_ignore_ascii_case(scheme) => host.to_owned(),
                Some(("http", _)) => {
                    return refused("the endpoint is http://: say disable_tls = true, or https://");
                }
                Some(_) => {
                    return refused(
                        "the endpoint is no http://, which disable_tls = true asks for",
                    );
                }
            },
        };
        // The host is signed as it is sent, and a scheme's own port is not sent.
        let usual = if self.disable_tls { ":80" } else { ":443" };
        let host = host.trim_end_matches('/');
        Ok(host.strip_suffix(usual).unwrap_or(host).to_owned())
    }

    /// Who asks.
    pub(super) fn keys(&self) -> Result<Keys, CredentialError> {
        let usual = |name: &str| Credential::Variable(name.to_owned());
        let read =
            |given: &Option<Credential>, name| given.clone().unwrap_or_else(|| usual(name)).read();
        let session = match &self.session_token {
            Some(given) => Some(given.read()?),
            // What belongs to other keys is not sent with these.
            None if self.access_key_id.is_some() => None,
            None => usual("AWS_SESSION_TOKEN").read().ok(),
        };
        Ok(Keys {
            id: read(&self.access_key_id, "AWS_ACCESS_KEY_ID")?,
            secret: read(&self.secret_access_key, "AWS_SECRET_ACCESS_KEY")?,
            session,
        })
    }

    /// The headers that say how the server encrypts.
    pub(super) fn encryption(&self) -> Vec<(&str, &str)> {
        let mut headers = Vec::new();
        if self.enable_kms {
            headers.push(("x-amz-server-side-encryption", "aws:kms"));
            if let Some(key) = &self.kms_key {
                headers.push(("x-amz-server-side-encryption-aws-kms-key-id", key));
            }
        } else if self.server_side_encryption {
            headers.push(("x-amz-server-side-encryption", "AES256"));
        }
        headers
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_where_the_settings_say() {
        let base = |endpoint: &str, bucket: &str, plain| {
            let settings = S3Settings {
                bucket: bucket.into(),
                region: Some("eu-1".into()),
                endpoint: (!endpoint.is_empty()).then(|| endpoint.into()),
                disable_tls: plain,
                ..S3Settings::default()
            };
            settings.base().map_err(|error| error.to_string())
        };
        for (endpoint, bucket, plain, wanted) in [
            ("", "abc", false, "https://abc.s3.eu-1.amazonaws.com"),
            ("", "a.bc", false, "https://s3.eu-1.amazonaws.com/a.bc"),
            ("nas.lan:443", "abc", false, "https://abc.nas.lan"),
            ("https://nas.lan/", "abc", false, "https://abc.nas.lan"),
            ("10.0.0.1:9000", "abc", true, "http://10.0.0.1:9000/abc"),
            ("http://[::1]:9000", "abc", true, "http://[::1]:9000/abc"),
            ("localhost:80", "abc", true, "http://localhost/abc"),
        ] {
            assert_eq!(base(endpoint, bucket, plain).as_deref(), Ok(wanted), "{endpoint}");
        }
        for (endpoint, bucket, plain) in [
            ("http://nas.lan", "abc", false),
            ("https://nas.lan", "abc", true),
            ("", "ab", false),
            ("", "a/bc", false),
        ] {
            assert!(base(endpoint, bucket, plain).is_err(), "{endpoint} {bucket}");
        }
    }
}
