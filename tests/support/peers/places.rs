//! The servers as places of a target: what the API and a configuration are told of them.

use std::path::PathBuf;

use edgekeep::snapshot::target::sftp::SftpSettings;
use serde_json::Value;

use super::versitygw::BUCKET;

/// The fields of a target that are of its place, as the API takes them.
pub type Fields = Vec<(&'static str, Value)>;

/// The bucket of a gateway at that address.
pub fn s3(address: &str) -> Fields {
    vec![
        ("storage_type", "aws-s3".into()),
        ("aws_s3_bucket", BUCKET.into()),
        ("aws_s3_region", "eu-test".into()),
        ("aws_s3_endpoint", address.into()),
        ("aws_s3_disable_tls", true.into()),
        ("aws_access_key_id", "backup".into()),
        ("aws_secret_access_key", "s3cret".into()),
    ]
}

/// The folder of a host.
pub fn sftp(at: SftpSettings) -> Fields {
    let shown = |path: Option<PathBuf>| path.unwrap().display().to_string();
    vec![
        ("storage_type", "sftp".into()),
        ("sftp_host", at.host.into()),
        ("sftp_port", at.port.into()),
        ("sftp_path", at.path.into()),
        ("sftp_identity_file", shown(at.identity_file).into()),
        ("sftp_known_hosts", shown(at.known_hosts).into()),
    ]
}

/// The folder of a web server at that address.
pub fn http(address: &str) -> Fields {
    vec![
        ("storage_type", "http".into()),
        ("http_url", format!("http://{address}/dav/").into()),
        ("http_username", "backup".into()),
        ("http_password", "s3cret".into()),
        ("http_allow_plain", true.into()),
    ]
}

/// The same of a server that speaks TLS, with a certificate that is in that file alone.
pub fn trusted(mut fields: Fields, certificate: PathBuf) -> Fields {
    for (name, value) in &mut fields {
        match (*name, &*value) {
            ("aws_s3_disable_tls" | "http_allow_plain", _) => *value = false.into(),
            ("http_url", Value::String(url)) => *value = url.replace("http:", "https:").into(),
            _ => {}
        }
    }
    fields.push(("ca_cert", certificate.display().to_string().into()));
    fields
}

/// As a configuration has it.
pub fn block(fields: &Fields) -> String {
    let lines = fields.iter().map(|(name, value)| {
        let name = if *name == "storage_type" { "type" } else { name };
        format!("{name} = {value}")
    });
    lines.collect::<Vec<_>>().join("\n  ")
}
