//! What an S3 server refuses, and what to do about it.

use super::super::TargetError;
use super::super::xml;
use super::sign::Keys;
use crate::base::clock::Timestamp;

/// What an answer that is no success says.
pub(super) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// S3's code, such as `NoSuchKey`; empty where there is none.
    pub code: String,
    /// What the server says to people.
    message: String,
    /// Where it says that the bucket is.
    elsewhere: Option<String>,
    /// The server's time.
    time: Option<Timestamp>,
}

impl Refusal {
    /// Reads the body of an answer to who has these keys, if it is S3's; `date` is that of its
    /// head.
    pub fn read(
        status: u16,
        body: &[u8],
        date: Option<&str>,
        region: Option<&str>,
        keys: &Keys,
    ) -> Self {
        let mut refusal = Self {
            status,
            code: String::new(),
            message: String::new(),
            elsewhere: region.map(str::to_owned),
            time: date.and_then(Timestamp::parse_http_date),
        };
        // Who answers without XML, such as a proxy, is judged by the status.
        let _ = xml::read(body, |root| {
            let of = |name| root.text_of(name).map(|text| keys.said(text));
            if root.name() == "Error" {
                let code = root.text_of("Code").filter(|text| is_code(text));
                refusal.code = code.unwrap_or_default().to_owned();
                refusal.message = of("Message").unwrap_or_default();
                refusal.elsewhere =
                    of("Region").or_else(|| of("Endpoint")).or(refusal.elsewhere.take());
                let time = root.text_of("ServerTime").and_then(Timestamp::parse_rfc3339);
                refusal.time = time.or(refusal.time);
            }
        });
        refusal
    }

    /// Whether the same request may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self.code.as_str() {
            "SlowDown"
            | "ServiceUnavailable"
            | "InternalError"
            | "RequestTimeout"
            | "OperationAborted"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "RequestTimeTooSlow" => true,
            "" => matches!(self.status, 408 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// The error of what was done at `at`, by a machine whose clock says `now`.
    pub fn told(&self, what: &str, at: &str, now: Timestamp) -> TargetError {
        let Self { status, code, message, .. } = self;
        let known = |remedy: &str| format!("{what} {at}: {remedy} ({status} {code})");
        let own = || {
            let separator = if code.is_empty() || message.is_empty() { "" } else { ": " };
            format!("{what} {at}: {code}{separator}{message} ({status})")
        };
        match code.as_str() {
            "NoSuchKey" => TargetError::Absent(known("nothing is there")),
            "NoSuchBucket" => TargetError::Failed(known(
                "there is no such bucket: make it, or see to its name and region",
            )),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => TargetError::Denied(known(
                "the key may not do this: it needs s3:ListBucket, s3:GetObject, s3:PutObject, \
                 s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads",
            )),
            // The second is Versity's.
            "InvalidAccessKeyId" | "XAdminUserNotFound" => {
                TargetError::Denied(known("the access key is not known there"))
            }
            "SignatureDoesNotMatch" => {
                TargetError::Denied(known("the secret access key is not that of the access key"))
            }
            "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
                TargetError::Denied(known("the session token is over or not known there"))
            }
            "RequestTimeTooSkewed" | "RequestExpired" => {
                TargetError::Denied(known(&self.skew(now)))
            }
            "AuthorizationHeaderMalformed"
            | "PermanentRedirect"
            | "TemporaryRedirect"
            | "IncorrectEndpoint"
            | "IllegalLocationConstraintException" => {
                let elsewhere = self.elsewhere.as_deref().unwrap_or("elsewhere");
                TargetError::Failed(known(&format!(
                    "the bucket is in {elsewhere}: set region, and endpoint where there is one"
                )))
            }
            "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" | "StorageFull" => {
                TargetError::Full(known("the server has no room"))
            }
            "MethodNotAllowed" | "XMinioObjectLocked" | "BucketReadOnly" => {
                TargetError::ReadOnly(own())
            }
            _ if self.is_passing() => TargetError::Away(own()),
            "" if *status == 404 => TargetError::Absent(own()),
            "" if matches!(status, 401 | 403 | 407) => TargetError::Denied(own()),
            "" if (300..400).contains(status) => {
                TargetError::Failed(known("the server is elsewhere: see to endpoint and region"))
            }
            _ if *status == 507 => TargetError::Full(own()),
            _ => TargetError::Failed(own()),
        }
    }

    fn skew(&self, now: Timestamp) -> String {
        let Some(time) = self.time else {
            return "this machine's clock is wrong: set it, or let NTP do so".into();
        };
        let (wrong, way) = match time > now {
            true => (time.since(now), "behind"),
            false => (now.since(time), "ahead"),
        };
        format!(
            "this machine's clock is wrong by {} seconds ({way}): set it, or let NTP do so",
            wrong.as_secs()
        )
    }
}

/// Whether it looks as all codes do.
fn is_code(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn keys() -> Keys {
        let [id, secret, session] = ["AccessK3y", "s3cret", "s3ss1on/+="].map(Secret::new);
        Keys { id, secret, session: Some(session) }
    }

    fn told(status: u16, body: &str) -> TargetError {
        let refusal = Refusal::read(status, body.as_bytes(), None, None, &keys());
        refusal.told("GET", "https://b/k", Timestamp::from_secs(1_000_000_000))
    }

    fn error(code: &str, more: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message>{more}</Error>"
        )
    }

    #[test]
    fn each_code_is_told_as_what_it_is() {
        for (status, code, kind) in [
            (404, "NoSuchKey", "Absent"),
            (404, "NoSuchBucket", "Failed"),
            (403, "AccessDenied", "Denied"),
            (403, "InvalidAccessKeyId", "Denied"),
            (403, "SignatureDoesNotMatch", "Denied"),
            (503, "SlowDown", "Away"),
            (500, "InternalError", "Away"),
            (403, "QuotaExceeded", "Full"),
            (400, "EntityTooLarge", "Failed"),
            (405, "MethodNotAllowed", "ReadOnly"),
        ] {
            let told = format!("{:?}", told(status, &error(code, "")));
            assert!(told.starts_with(kind) && told.contains(code), "{told}");
        }
        for (status, kind) in [(404, "Absent"), (403, "Denied"), (502, "Away"), (301, "Failed")] {
            let told = format!("{:?}", told(status, "<html>no</html>"));
            assert!(told.starts_with(kind), "{status}: {told}");
        }
    }

    #[test]
    fn what_was_sent_is_not_told_again() {
        let echo = "you sent AccessK3y, s3ss1on/+= and s3cret";
        for (code, status) in [("X", 403), ("x: s3ss1on/+=", 500), ("InternalError", 500)] {
            let body = format!("<Error><Code>{code}</Code><Message>{echo}</Message></Error>");
            let told = told(status, &body).to_string();
            assert!(told.contains("you sent (hidden), (hidden) and (hidden)"), "{told}");
            assert!(!told.contains("s3"), "{told}");
        }
        let body = error("PermanentRedirect", "<Endpoint>s3cret.at</Endpoint>");
        let told = told(301, &body).to_string();
        assert!(told.contains("the bucket is in (hidden).at"), "{told}");
    }

    #[test]
    fn a_wrong_clock_is_told_by_how_much() {
        // 2001-09-09T01:46:40Z and an hour.
        let time = "<ServerTime>2001-09-09T02:46:40Z</ServerTime>";
        let behind = told(403, &error("RequestTimeTooSkewed", time)).to_string();
        assert!(behind.contains("wrong by 3600 seconds (behind)"), "{behind}");
        let date = Some("Sun, 09 Sep 2001 01:45:40 GMT");
        let body = error("RequestTimeTooSkewed", "");
        let ahead = Refusal::read(403, body.as_bytes(), date, None, &keys());
        let ahead = ahead.told("GET", "x", Timestamp::from_secs(1_000_000_000)).to_string();
        assert!(ahead.contains("wrong by 60 seconds (ahead)"), "{ahead}");
        let region = told(400, &error("AuthorizationHeaderMalformed", "<Region>eu-1</Region>"));
        assert!(region.to_string().contains("in eu-1: set region"), "{region}");
    }
}
