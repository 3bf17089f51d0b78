//! What the front answers by itself, before any handler: Go's and Vault's words for it.

/// Why a request goes no further. The connection is closed after each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 400 in plain text, with what is wrong where Go's server says it.
    Malformed(&'static str),
    /// 400 with no body: unprintable characters in the path.
    Unprintable,
    /// 413: Vault's answer to a body over its limit.
    BodyTooLarge,
    /// 417: an `Expect` other than `100-continue`.
    Expectation,
    /// 431: more head than is borne.
    HeadTooLarge,
    /// 500: what stands behind the gate failed without an answer.
    Failed,
    /// 501: a transfer coding other than `chunked`.
    TransferEncoding,
    /// 503: all the room for bodies is taken.
    NoRoom,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    Version,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Unprintable => 400,
            Self::BodyTooLarge => 413,
            Self::Expectation => 417,
            Self::HeadTooLarge => 431,
            Self::Failed => 500,
            Self::TransferEncoding => 501,
            Self::NoRoom => 503,
            Self::Version => 505,
        }
    }

    /// After how many seconds the same request may be worth sending again.
    pub fn again_in(self) -> Option<u32> {
        (self == Self::NoRoom).then_some(2)
    }

    /// The content type and the body, none for an answer without either.
    pub fn body(self) -> Option<(&'static str, String)> {
        let errors = |text: &str| Some(("application/json", format!("{{\"errors\":[{text}]}}\n")));
        match self {
            Self::Unprintable => None,
            Self::BodyTooLarge => errors("\"error parsing JSON\""),
            Self::Failed => errors("\"internal error\""),
            Self::NoRoom => {
                errors("\"too many large requests at once: try again in a few seconds\"")
            }
            Self::Malformed(detail) if !detail.is_empty() => {
                Some((PLAIN, format!("400 Bad Request: {detail}")))
            }
            _ => Some((PLAIN, format!("{} {}", self.status(), reason(self.status())))),
        }
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// The reason phrase of a status line (RFC 9110, section 15).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        472 | 473 => "Standby",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Status",
    }
}
