//! The proxy between us and a server, if any.

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use super::address::Address;
use super::settings::SettingsError;
use crate::base::variable::{Given, Variable};

/// The proxy that the variables name for an address. What Vault's own variables say holds for
/// every address; what the usual ones say does not for this machine, nor for what `NO_PROXY` names.
pub fn find(
    address: &Address,
    value: impl Fn(Variable) -> Option<Given>,
    usual: impl Fn(&'static str) -> Option<Given>,
) -> Result<Option<Proxy>, SettingsError> {
    let Address::Web(base) = address else { return Ok(None) };
    let own = value(Variable::ProxyAddr).or_else(|| value(Variable::HttpProxy));
    let given = own.or_else(|| {
        let host = base.parse::<Uri>().ok().and_then(|uri| Some(uri.host()?.to_owned()))?;
        let excepted = usual("NO_PROXY").map(|given| given.value).unwrap_or_default();
        if is_local(&host) || is_excepted(&host, &excepted) {
            return None;
        }
        usual(if address.is_https() { "HTTPS_PROXY" } else { "HTTP_PROXY" })
    });
    given.map(|given| read(&given)).transpose()
}

/// What a variable says that is not Vault's: it may be written in small letters.
pub fn usual(name: &'static str) -> Option<Given> {
    [name.to_owned(), name.to_ascii_lowercase()].into_iter().find_map(|by| {
        let value = std::env::var(&by).ok().filter(|value| !value.is_empty())?;
        Some(Given { by, value })
    })
}

fn read(given: &Given) -> Result<Proxy, SettingsError> {
    let proxy = Proxy::new(&given.value).ok();
    let speaks =
        |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
    proxy.filter(speaks).ok_or_else(|| {
        // It may hold a password.
        SettingsError(format!("{} is no proxy: write http://HOST:PORT", given.by))
    })
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    loopback || host.eq_ignore_ascii_case("localhost")
}

/// A name stands for itself and what is below it, `*` for all.
fn is_excepted(host: &str, excepted: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let names = excepted.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).any(|name| {
        let name = name.trim_start_matches("*.").trim_start_matches('.');
        name == "*"
            || host.strip_suffix(name).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: &str, own: &[(&str, &str)], usual: &[(&str, &str)]) -> Option<String> {
        let of = |list: &[(&str, &str)], name: &str| {
            let value = list.iter().find(|(n, _)| *n == name)?.1.to_owned();
            Some(Given { by: name.to_owned(), value })
        };
        let address = Address::parse(address).unwrap();
        let proxy = find(&address, |v| of(own, v.name()), |name| of(usual, name)).unwrap();
        proxy.map(|proxy| proxy.uri().host().unwrap().to_owned())
    }

    #[test]
    fn the_variables_name_the_proxy() {
        let (own, usual) = (("HTTP_PROXY", "http://own:1"), ("HTTPS_PROXY", "usual:2"));
        let found_for = |address: &str, own: &[_]| found(address, own, &[usual]);
        assert_eq!(found_for("https://a.test", &[]).as_deref(), Some("usual"));
        assert_eq!(found_for("https://a.test", &[own]).as_deref(), Some("own"));
        assert_eq!(found_for("https://127.0.0.1:1", &[own]).as_deref(), Some("own"));
        let other = ("PROXY_ADDR", "http://other:1");
        assert_eq!(found_for("https://a.test", &[own, other]).as_deref(), Some("other"));
        for without in ["http://a.test", "https://[::1]:2", "https://localhost", "unix:///run/a"] {
            assert_eq!(found_for(without, &[]), None, "{without}");
        }
    }

    #[test]
    fn exceptions_are_names_and_what_is_below() {
        for (host, excepted) in
            [("a.test", "b, a.test"), ("x.a.test", "a.test"), ("x.a.test", ".A.test"), ("b", "*")]
        {
            assert!(is_excepted(host, excepted), "{host} {excepted}");
        }
        for (host, excepted) in [("a.test", ""), ("aa.test", "a.test"), ("a.test", "x.a.test")] {
            assert!(!is_excepted(host, excepted), "{host} {excepted}");
        }
    }

    #[test]
    fn what_is_none_is_told_without_its_value() {
        for wrong in ["", "socks5://u:secret@h", "http://", "::"] {
            let given = Given { by: "VAULT_HTTP_PROXY".into(), value: wrong.into() };
            let text = read(&given).err().map(|e| e.0).unwrap_or_default();
            assert_eq!(text, "VAULT_HTTP_PROXY is no proxy: write http://HOST:PORT", "{wrong}");
        }
    }
}
