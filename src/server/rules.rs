//! What a listener asks of all requests, and adds to all answers.

use crate::base::header;

/// What holds for all requests of one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Refuse what has no `X-Vault-Request: true`: who makes a browser or another server send
    /// requests for him can seldom make them send headers.
    pub require_request_header: bool,
    /// What is added to the answers.
    pub headers: ResponseHeaders,
    /// Tell the metrics to everybody.
    pub tells_metrics: bool,
}

/// Headers that are added to answers; what an answer has of the same name is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHeaders {
    /// The narrower statuses first.
    groups: Vec<(Statuses, Vec<(String, String)>)>,
}

/// For which answers a header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statuses {
    /// For those of that status.
    One(u16),
    /// For those whose status begins with that digit.
    Hundred(u16),
    /// For all.
    All,
}

/// What is not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Its name or value is none that HTTP has.
    Malformed,
    /// The server says it itself.
    Own,
    /// Its name begins as those of Vault do.
    Vault,
}

/// Where browsers are told to use TLS from now on, unless something else is said.
const STRICT: (&str, &str) = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains");
/// Answers hold secrets.
const UNCACHED: (&str, &str) = ("Cache-Control", "no-store");

/// By which peers know where an answer ends, and what it is.
const OWN: [&str; 5] =
    ["Connection", "Content-Length", "Content-Type", "Date", "Transfer-Encoding"];

impl Statuses {
    /// Reads `default`, `2xx` or `404`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::All);
        }
        let (number, of): (&str, fn(u16) -> Self) = match text.strip_suffix("xx") {
            Some(digit) => (digit, Self::Hundred),
            None => (text, Self::One),
        };
        let fits = |number: &u16| match of(*number) {
            Self::Hundred(_) => (1..=5).contains(number),
            _ => (100..600).contains(number),
        };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| digits).filter(fits).map(of)
    }

    const fn has(self, status: u16) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Hundred(digit) => status / 100 == digit,
            Self::All => true,
        }
    }
}

impl std::fmt::Display for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Hundred(digit) => write!(f, "{digit}xx"),
            Self::All => f.write_str("default"),
        }
    }
}

impl Default for ResponseHeaders {
    /// What all answers have unless something else is said.
    fn default() -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { groups: vec![(Statuses::All, [UNCACHED, STRICT].map(owned).into())] }
    }
}

impl ResponseHeaders {
    /// Adds a header, in the place of what was said for the same statuses.
    pub fn add(&mut self, to: Statuses, name: &str, value: &str) -> Result<(), HeaderError> {
        let name = header::canonical(name);
        if !header::is_name(&name) || !header::is_value(value) {
            return Err(HeaderError::Malformed);
        }
        if OWN.contains(&name.as_str()) {
            return Err(HeaderError::Own);
        }
        if name.starts_with("X-Vault-") {
            return Err(HeaderError::Vault);
        }
        let place = self.groups.partition_point(|(statuses, _)| *statuses < to);
        if self.groups.get(place).is_none_or(|(statuses, _)| *statuses != to) {
            self.groups.insert(place, (to, Vec::new()));
        }
        if let Some((_, headers)) = self.groups.get_mut(place) {
            headers.retain(|(other, _)| *other != name);
            headers.push((name, value.to_owned()));
        }
        Ok(())
    }

    /// Those for an answer of that status: of each name the one that was said most narrowly.
    pub fn of(&self, status: u16) -> impl Iterator<Item = (&str, &str)> {
        let groups = move || self.groups.iter().filter(move |(statuses, _)| statuses.has(status));
        let narrower = move |than: Statuses, name: &str| {
            let mut narrower = groups().take_while(|(statuses, _)| *statuses < than);
            narrower.any(|(_, headers)| headers.iter().any(|(other, _)| other == name))
        };
        groups().flat_map(move |(statuses, headers)| {
            let said = headers.iter().filter(move |(name, _)| !narrower(*statuses, name));
            said.map(|(name, value)| (name.as_str(), value.as_str()))
        })
    }

    /// Whether an answer of that status gets a header of that name.
    pub fn has(&self, status: u16, name: &str) -> bool {
        self.of(status).any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// All that was added to what there is by default.
    pub fn added(&self) -> impl Iterator<Item = (Statuses, &str, &str)> {
        let all = self.groups.iter().flat_map(|(statuses, headers)| {
            headers.iter().map(|(name, value)| (*statuses, name.as_str(), value.as_str()))
        });
        all.filter(|(_, name, value)| ![UNCACHED, STRICT].contains(&(*name, *value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_header_of_a_name_is_taken() {
        let mut headers = ResponseHeaders::default();
        for (statuses, name, value) in [
            ("default", "x-a", "all"),
            ("2xx", "X-A", "good"),
            ("204", "X-A", "nothing"),
            ("204", "X-B", "b"),
            ("default", "Strict-Transport-Security", "max-age=1"),
            ("default", "X-A", "every"),
        ] {
            headers.add(Statuses::parse(statuses).unwrap(), name, value).unwrap();
        }
        let of = |status| {
            let mut all: Vec<String> =
                headers.of(status).map(|(name, value)| format!("{name}: {value}")).collect();
            all.sort();
            all.join("|")
        };
        let rest = "Cache-Control: no-store|Strict-Transport-Security: max-age=1";
        assert_eq!(of(404), format!("{rest}|X-A: every"));
        assert_eq!(of(200), format!("{rest}|X-A: good"));
        assert_eq!(of(204), format!("{rest}|X-A: nothing|X-B: b"));
        assert!(headers.has(204, "x-b") && !headers.has(200, "x-b"));
        assert_eq!(headers.added().count(), 5);
        assert_eq!(ResponseHeaders::default().added().count(), 0);
    }

    #[test]
    fn what_cannot_be_added_is_refused() {
        let mut headers = ResponseHeaders::default();
        for (name, value, error) in [
            ("a b", "x", HeaderError::Malformed),
            ("X-A", "x\r\nX-B: y", HeaderError::Malformed),
            ("content-length", "0", HeaderError::Own),
            ("x-vault-token", "x", HeaderError::Vault),
        ] {
            assert_eq!(headers.add(Statuses::All, name, value), Err(error), "{name}");
        }
        for text in ["", "xx", "0xx", "6xx", "99", "600", "Default", "2x", "+2xx", "-1"] {
            let read = Statuses::parse(text);
            assert_eq!(read, None, "{text}");
        }
        for text in ["default", "1xx", "5xx", "100", "599"] {
            assert_eq!(Statuses::parse(text).unwrap().to_string(), text);
        }
    }
}
