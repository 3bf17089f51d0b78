//! A device's options, read once: a map of texts, as Vault's are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::mask::Mask;
use super::syslog::Facility;
use crate::base::fault::Fault;
use crate::base::golang;
use crate::base::ttl::Ttl;

/// What a device is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where entries go.
    pub kind: Kind,
    /// How they are written.
    pub format: Format,
    /// Stands before each.
    pub prefix: String,
    /// `log_raw`.
    pub raw: bool,
    /// `hmac_accessor`.
    pub hmac_accessor: bool,
    /// `elide_list_responses`.
    pub elide_lists: bool,
    /// Whether no test entry is written when it is enabled.
    pub skip_test: bool,
}

/// Where entries go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nowhere.
    Discard,
    /// The program's own output.
    Stdout,
    /// A file.
    File {
        /// Where it lies.
        path: PathBuf,
        /// Its permissions; `None` leaves those of a file that is there.
        mode: Option<u32>,
        /// Whether each entry is on the disk before the request goes on.
        sync: bool,
    },
    /// The machine's log.
    Syslog {
        /// What kind of program speaks.
        facility: Facility,
        /// Its name.
        tag: String,
        /// The socket; the usual places when it is not said.
        address: Option<PathBuf>,
    },
    /// A socket.
    Socket {
        /// Who listens.
        peer: Peer,
        /// How long one entry may take.
        patience: Duration,
    },
}

impl Kind {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        if let Self::File { path, .. } = self { Some(path) } else { None }
    }
}

/// Who listens at a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// `host:port`, a connection.
    Tcp(String),
    /// `host:port`, a packet for each entry.
    Udp(String),
    /// A path, a connection.
    Unix(PathBuf),
    /// A path, a packet for each entry.
    UnixDatagram(PathBuf),
}

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of JSON.
    Json,
    /// Lines of JSONx.
    Jsonx,
}

/// How long an entry may take, unless it is said.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take at most: requests wait for it.
const MOST_PATIENCE: Duration = Duration::from_secs(60);

impl Options {
    /// Reads the options of a device of that type; those that it does not know are ignored.
    ///
    /// # Errors
    /// Vault's 400.
    pub fn read(kind: &str, options: &BTreeMap<String, String>) -> Result<Self, Fault> {
        let sent = Sent(options);
        let kind = match kind {
            "file" => file(&sent)?,
            "syslog" => syslog(&sent)?,
            "socket" => socket(&sent)?,
            other => return Err(refused("unknown backend type: ", other)),
        };
        let format = match sent.text("format") {
            None | Some("json") => Format::Json,
            Some("jsonx") => Format::Jsonx,
            Some(other) => return Err(refused("unknown format type ", other)),
        };
        let plain = Self::of(kind);
        Ok(Self {
            format,
            prefix: sent.text("prefix").unwrap_or_default().to_owned(),
            raw: sent.flag("log_raw")?.unwrap_or(plain.raw),
            hmac_accessor: sent.flag("hmac_accessor")?.unwrap_or(plain.hmac_accessor),
            elide_lists: sent.flag("elide_list_responses")?.unwrap_or(plain.elide_lists),
            skip_test: sent.text("skip_test") == Some("true"),
            ..plain
        })
    }

    /// A device of that kind of which nothing else is said.
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            format: Format::Json,
            prefix: String::new(),
            raw: false,
            hmac_accessor: true,
            elide_lists: false,
            skip_test: false,
        }
    }

    /// What the device shows of an entry.
    pub fn mask(&self, salt: &[u8; 32]) -> Mask {
        let mut mask = Mask::new(salt);
        mask.raw = self.raw;
        mask.hmac_accessor = self.hmac_accessor;
        mask.elide_lists = self.elide_lists;
        mask
    }
}

fn file(sent: &Sent<'_>) -> Result<Kind, Fault> {
    let path = sent.text("file_path").or(sent.text("path"));
    let path = path.ok_or_else(|| Fault::bad_request("file_path is required"))?;
    let mode = match sent.text("mode") {
        None => Some(0o600),
        Some(text) => mode(text)?,
    };
    let sync = sent.flag("sync")?.unwrap_or(false);
    Ok(match path {
        _ if path.eq_ignore_ascii_case("stdout") => Kind::Stdout,
        _ if path.eq_ignore_ascii_case("discard") => Kind::Discard,
        path => Kind::File { path: path.into(), mode, sync },
    })
}

/// Permissions in octal; 0 leaves those of the file. An audit log is never executable.
fn mode(text: &str) -> Result<Option<u32>, Fault> {
    let octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let number = u32::from_str_radix(text, 8).ok().filter(|_| octal);
    match number {
        None => {
            let text = golang::quote(text);
            let text = format!("strconv.ParseUint: parsing {text}: invalid syntax");
            Err(Fault::bad_request(text))
        }
        Some(0) => Ok(None),
        Some(mode @ 1..=0o777) => Ok(Some(mode & 0o666)),
        Some(_) => Err(Fault::bad_request("file mode does not represent a regular file")),
    }
}

fn syslog(sent: &Sent<'_>) -> Result<Kind, Fault> {
    let facility = sent.text("facility").unwrap_or("AUTH");
    let facility = Facility::named(facility)
        .ok_or_else(|| Fault::bad_request(format!("invalid syslog facility: {facility}")))?;
    let tag = sent.text("tag").unwrap_or("vault").to_owned();
    if tag.len() > 32 || !tag.bytes().all(|byte| byte.is_ascii_graphic()) {
        let text = "tag must be at most 32 printable characters without spaces";
        return Err(Fault::bad_request(text));
    }
    Ok(Kind::Syslog { facility, tag, address: sent.text("address").map(PathBuf::from) })
}

fn socket(sent: &Sent<'_>) -> Result<Kind, Fault> {
    let address = sent.text("address").filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| Fault::bad_request("address is required"))?;
    let peer = match sent.text("socket_type").unwrap_or("tcp") {
        "tcp" | "tcp4" | "tcp6" => Peer::Tcp(address.to_owned()),
        "udp" | "udp4" | "udp6" => Peer::Udp(address.to_owned()),
        "unix" => Peer::Unix(address.into()),
        "unixgram" => Peer::UnixDatagram(address.into()),
        other => return Err(Fault::bad_request(format!("dial {other}: unknown network {other}"))),
    };
    let patience = match sent.text("write_timeout") {
        None => PATIENCE,
        Some(text) => patience(text)?,
    };
    Ok(Kind::Socket { peer, patience })
}

fn patience(text: &str) -> Result<Duration, Fault> {
    let ttl = Ttl::parse(text).map_err(|error| Fault::bad_request(error.to_string()))?;
    let patience = ttl.to_duration().filter(|p| !p.is_zero() && *p <= MOST_PATIENCE);
    patience.ok_or_else(|| {
        let most = MOST_PATIENCE.as_secs();
        let text =
            format!("write_timeout must be above 0 and at most {most}s: requests wait for it");
        Fault::bad_request(text)
    })
}

/// Options as they were sent.
struct Sent<'a>(&'a BTreeMap<String, String>);

impl Sent<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.text(name).map(golang::parse_bool).transpose().map_err(Fault::bad_request)
    }
}

fn refused(what: &str, text: &str) -> Fault {
    Fault::bad_request(format!("{what}{}", golang::quote(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, options: &[(&str, &str)]) -> Result<Options, String> {
        let options = options.iter().map(|&(name, text)| (name.to_owned(), text.to_owned()));
        Options::read(kind, &options.collect()).map_err(|fault| fault.errors.concat())
    }

    fn kind(kind: &str, options: &[(&str, &str)]) -> Kind {
        read(kind, options).unwrap().kind
    }

    #[test]
    fn what_is_said_is_read_and_the_rest_is_vaults_default() {
        let file = |mode, sync| Kind::File { path: "/a/b".into(), mode, sync };
        let path = ("file_path", "/a/b");
        assert_eq!(kind("file", &[path]), file(Some(0o600), false));
        assert_eq!(kind("file", &[("path", "/a/b"), ("mode", "0000")]), file(None, false));
        assert_eq!(kind("file", &[path, ("mode", "777"), ("sync", "1")]), file(Some(0o666), true));
        assert_eq!(kind("file", &[("file_path", "STDout")]), Kind::Stdout);
        assert_eq!(kind("file", &[("file_path", "Discard")]), Kind::Discard);
        let address = ("address", "127.0.0.1:9");
        let patience = Duration::from_secs(2);
        let peer = Peer::Tcp("127.0.0.1:9".to_owned());
        assert_eq!(kind("socket", &[address]), Kind::Socket { peer, patience });
        let unix = [("address", "/s"), ("socket_type", "unix"), ("write_timeout", "5")];
        let patience = Duration::from_secs(5);
        assert_eq!(kind("socket", &unix), Kind::Socket { peer: Peer::Unix("/s".into()), patience });
        let options = read("file", &[path]).unwrap();
        assert!(options.hmac_accessor && !options.raw && !options.elide_lists);
    }

    #[test]
    fn what_is_wrong_is_said_as_vault_says_it() {
        let path = ("file_path", "/a");
        let address = ("address", "a:1");
        for (kind, options, error) in [
            ("kafka", &[][..], "unknown backend type: \"kafka\""),
            ("file", &[], "file_path is required"),
            ("file", &[path, ("format", "xml")], "unknown format type \"xml\""),
            (
                "file",
                &[path, ("log_raw", "perhaps")],
                "strconv.ParseBool: parsing \"perhaps\": invalid syntax",
            ),
            ("file", &[path, ("mode", "+7")], "strconv.ParseUint: parsing \"+7\": invalid syntax"),
            ("file", &[path, ("mode", "4600")], "file mode does not represent a regular file"),
            ("socket", &[], "address is required"),
            ("socket", &[address, ("socket_type", "x")], "dial x: unknown network x"),
            ("syslog", &[("facility", "NOBODY")], "invalid syslog facility: NOBODY"),
        ] {
            assert_eq!(read(kind, options).unwrap_err(), error, "{kind} {options:?}");
        }
        for text in ["0", "61", "-1s", "soon"] {
            assert!(read("socket", &[address, ("write_timeout", text)]).is_err(), "{text}");
        }
    }
}
