//! AWS Signature Version 4, as S3 wants it: the Authorization header of a request whose payload's
//! hash is known.

use zeroize::{Zeroize, Zeroizing};

use crate::base::clock::Timestamp;
use crate::base::digest::{MacKey, sha256};
use crate::base::hex;
use crate::base::said::{said, without};
use crate::base::secret::Secret;
use crate::base::url;

/// Who signs.
pub(super) struct Keys {
    pub id: Secret,
    pub secret: Secret,
    /// Of credentials that end.
    pub session: Option<Secret>,
}

impl Keys {
    /// What a server says, fit to be told: it may repeat what it was sent of these.
    pub fn said(&self, text: &str) -> String {
        said(&without(text, [&self.id, &self.secret].into_iter().chain(&self.session)))
    }
}

/// What is signed.
pub(super) struct Signable<'a> {
    pub method: &'a str,
    /// With its port, where that is not the scheme's own.
    pub host: &'a str,
    /// Encoded as [`encode_path`] does.
    pub path: &'a str,
    /// As [`query`] writes it.
    pub query: &'a str,
    /// More headers, their names in small letters, their values without spaces at the ends.
    pub headers: &'a [(&'a str, &'a str)],
    pub payload: [u8; 32],
}

impl Signable<'_> {
    /// The headers to be sent beside those of the request, the signature last.
    pub fn sign(&self, keys: &Keys, region: &str, now: Timestamp) -> Vec<(String, String)> {
        let time = Timestamp::from_secs(now.as_secs()).rfc3339().replace(['-', ':'], "");
        let day = time.get(..8).unwrap_or_default();
        let mut own = vec![
            ("x-amz-content-sha256".to_owned(), hex::encode(&self.payload)),
            ("x-amz-date".to_owned(), time.clone()),
        ];
        if let Some(session) = &keys.session {
            own.push(("x-amz-security-token".to_owned(), text(session)));
        }
        let mut signed: Vec<(&str, &str)> = vec![("host", self.host)];
        signed.extend(self.headers);
        signed.extend(own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines = signed.iter().map(|(name, value)| format!("{name}:{value}\n"));
        let lines = Zeroizing::new(lines.collect::<String>());
        let request = Zeroizing::new(format!(
            "{}\n{}\n{}\n{}\n{names}\n{}",
            self.method,
            self.path,
            self.query,
            *lines,
            hex::encode(&self.payload)
        ));
        let scope = format!("{day}/{region}/s3/aws4_request");
        let hash = hex::encode(&sha256(request.as_bytes()));
        let signature = MacKey::new(&key(&keys.secret, &scope))
            .mac(&[format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}").as_bytes()]);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
            text(&keys.id),
            hex::encode(&signature)
        );
        own.push(("Authorization".to_owned(), authorization));
        own
    }
}

/// The key for one day, region and service.
fn key(secret: &Secret, scope: &str) -> Zeroizing<[u8; 32]> {
    let mut start = [b"AWS4", secret.expose()].concat();
    let mut parts = scope.split('/');
    let first = parts.next().unwrap_or_default();
    let mut key = Zeroizing::new(MacKey::of(&start).mac(&[first.as_bytes()]));
    start.zeroize();
    for part in parts {
        *key = MacKey::new(&key).mac(&[part.as_bytes()]);
    }
    key
}

/// A credential as a header takes it: what is none there makes the server refuse it.
fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).trim().to_owned()
}

/// A path as S3 signs it: all but slashes and what RFC 3986 calls unreserved percent-encoded.
pub(super) fn encode_path(path: &str) -> String {
    let mut encoded = String::new();
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            encoded.push('/');
        }
        url::encode_query(segment, &mut encoded);
    }
    encoded
}

/// A query as it is signed: encoded, in the order of names.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut encoded: Vec<String> = pairs.iter().map(|(name, value)| pair(name, value)).collect();
    encoded.sort_unstable();
    encoded.join("&")
}

fn pair(name: &str, value: &str) -> String {
    let mut out = String::new();
    url::encode_query(name, &mut out);
    out.push('=');
    url::encode_query(value, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples that AWS publishes with the description of the signature ("Signature
    /// Calculations for the Authorization Header: Transferring Payload in a Single Chunk").
    #[test]
    fn the_published_examples_are_signed_as_published() {
        let keys = Keys {
            id: Secret::new("AKIAIOSFODNN7EXAMPLE"),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session: None,
        };
        let now = Timestamp::parse_rfc3339("2013-05-24T00:00:00Z").unwrap();
        let date = ("date", "Fri, 24 May 2013 00:00:00 GMT");
        let storage = ("x-amz-storage-class", "REDUCED_REDUNDANCY");
        let upload: &[_] = &[date, storage];
        let (range, none): (&[_], &[_]) = (&[("range", "bytes=0-9")], &[]);
        let list = [("prefix", "J"), ("max-keys", "2")];
        for (method, path, pairs, headers, payload, signature) in [
            (
                "GET",
                "/test.txt",
                &[][..],
                range,
                "",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "PUT",
                "/test$file.text",
                &[],
                upload,
                "Welcome to Amazon S3.",
                "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
            (
                "GET",
                "/",
                &[("lifecycle", "")],
                none,
                "",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "GET",
                "/",
                &list,
                none,
                "",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let signable = Signable {
                method,
                host: "examplebucket.s3.amazonaws.com",
                path: &encode_path(path),
                query: &query(pairs),
                headers,
                payload: sha256(payload.as_bytes()),
            };
            let headers = signable.sign(&keys, "us-east-1", now);
            let (_, authorization) = headers.last().unwrap();
            assert!(authorization.ends_with(&format!("Signature={signature}")), "{method} {path}");
        }
    }

    #[test]
    fn what_is_signed_is_encoded_once() {
        assert_eq!(encode_path("/a+b/c_d-e.f~0"), "/a%2Bb/c_d-e.f~0");
        assert_eq!(query(&[("b", "a/b c"), ("a", "")]), "a=&b=a%2Fb%20c");
    }
}
