//! WebDAV: nginx with its module dav-ext.

use std::fs;

use edgekeep::base::credential::Credential;
use edgekeep::snapshot::target::http::{HttpSettings, HttpTarget};
use edgekeep::snapshot::target::{Target, TargetError, contract};

use super::peers::nginx::{DAV, Kind, Nginx};
use super::peers::process::files;
use super::peers::proxy::{Network, Proxy};
use super::support::mount::Mount;
use super::trouble;
use trouble::{means, name, put};

fn settings(address: &str, path: &str) -> HttpSettings {
    HttpSettings {
        url: format!("http://{address}{path}"),
        username: Some("backup".into()),
        password: Some(Credential::parse("s3cret").unwrap()),
        allow_http: true,
        ..HttpSettings::default()
    }
}

fn target(settings: HttpSettings) -> HttpTarget {
    HttpTarget::new(settings, means()).unwrap()
}

pub fn nginx_keeps_the_contract() {
    let nginx = Nginx::usual();
    let target = target(settings(&nginx.process.address, "/dav/"));
    contract::run(&target).unwrap();
    assert_eq!(nginx.holds(), 0);
    assert_eq!(
        target.url(&name("a/b.snap")),
        format!("http://{}/dav/a/b.snap", nginx.process.address)
    );
}

pub fn nginx_is_cut_off() {
    let nginx = Nginx::usual();
    let proxy = Proxy::to(&nginx.process.address);
    let target = target(settings(&proxy.address, "/dav"));
    trouble::ended_once(&target, &proxy);
    trouble::cut_off(&target, &proxy, || nginx.holds());
    trouble::slow_and_stuck(&target, &proxy);
}

pub fn nginx_is_killed() {
    let mut nginx = Nginx::usual();
    let target = target(settings(&nginx.process.address, "/dav"));
    let root = nginx.home.path().join("root");
    trouble::killed(&target, &mut nginx.process, || files(&root).len());
}

pub fn what_an_earlier_process_left_is_removed() {
    let nginx = Nginx::usual();
    let root = nginx.home.path().join("root/dav/a");
    fs::create_dir(&root).unwrap();
    for left in ["b.snap~0011223344556677", "b.snap~mine", ".hidden"] {
        fs::write(root.join(left), "left").unwrap();
    }
    let target = target(settings(&nginx.process.address, "/dav"));
    assert_eq!(target.list("").unwrap(), []);
    put(&target, "a/c.snap", 1, 10).unwrap();
    assert_eq!(target.list("a").unwrap().len(), 1);
    let there = files(&root);
    let names: Vec<_> = there.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, [".hidden", "b.snap~mine", "c.snap"]);
}

pub fn nginx_is_full() {
    // Small, and mounted where nobody else looks.
    let mount = Mount::new("tmpfs", "none", "size=8m");
    let root = mount.root().join("dav");
    let nginx = Nginx::start(&Kind { root: Some(&root), dav: DAV, tls: false });
    let ballast = mount.fill(1 << 20);
    let target = target(settings(&nginx.process.address, "/dav"));
    let told = |error: &TargetError| {
        matches!(error, TargetError::Full(_)) || error.to_string().contains("is its disk full?")
    };
    trouble::full(&target, 4 << 20, || fs::remove_file(ballast).unwrap(), told);
    assert_eq!(files(&root).len(), 2, "{:?}", files(&root));
}

pub fn tls_is_spoken_and_judged() {
    let nginx = Nginx::start(&Kind { root: None, dav: DAV, tls: true });
    let address = &nginx.process.address;
    let mut settings = settings(address, "/dav");
    settings.url = format!("https://{address}/dav");
    settings.allow_http = false;
    let unknown = put(&target(settings.clone()), "a", 1, 1).unwrap_err();
    assert!(
        matches!(&unknown, TargetError::Denied(text) if text.contains("ca_cert")),
        "{unknown:?}"
    );
    let mut any = settings.clone();
    any.tls_skip_verify = true;
    put(&target(any), "a/b", 1, 300_000).unwrap();
    settings.ca_cert = Some(nginx.home.path().join("cert.pem"));
    let target = target(settings);
    assert!(trouble::is_whole(&target, "a/b", 1, 300_000));
    contract_of_one(&target);
}

pub fn an_authority_that_is_exchanged_is_believed_at_once() {
    let mut nginx = Nginx::start(&Kind { root: None, dav: DAV, tls: true });
    let address = &nginx.process.address;
    let named = nginx.home.path().join("named.pem");
    fs::copy(nginx.home.path().join("cert.pem"), &named).unwrap();
    let mut settings = settings(address, "/dav");
    settings.url = format!("https://{address}/dav");
    (settings.allow_http, settings.ca_cert) = (false, Some(named.clone()));
    let target = target(settings);
    put(&target, "before", 1, 1).unwrap();
    nginx.process.kill();
    nginx.certify();
    nginx.process.again();
    let unknown = put(&target, "after", 1, 1).unwrap_err();
    assert!(matches!(&unknown, TargetError::Denied(text) if text.contains("ca_cert")));
    fs::copy(nginx.home.path().join("cert.pem"), &named).unwrap();
    put(&target, "after", 1, 1).unwrap();
    fs::remove_file(&named).unwrap();
    let gone = put(&target, "later", 1, 1).unwrap_err().to_string();
    assert!(gone.contains("cannot be read from") && gone.contains("named.pem"), "{gone}");
}

pub fn a_connection_that_is_cut_says_nothing_of_tls() {
    let nginx = Nginx::start(&Kind { root: None, dav: DAV, tls: true });
    let proxy = Proxy::to(&nginx.process.address);
    let mut settings = settings("", "");
    settings.url = format!("https://{}/dav", proxy.address);
    (settings.allow_http, settings.tls_skip_verify) = (false, true);
    let target = target(settings);
    put(&target, "before", 1, 1).unwrap();
    for network in [Network::Closes(0), Network::Deaf(0), Network::Closes(3000)] {
        proxy.is(network);
        let cut = put(&target, "cut", 1, 300_000).unwrap_err();
        assert!(matches!(cut, TargetError::Away(_)), "{network:?}: {cut:?}");
    }
    proxy.is(Network::Whole);
    put(&target, "after", 1, 1).unwrap();
    // What answers in plain HTTP is told of.
    let plain = Nginx::usual();
    let mut settings = self::settings("", "");
    settings.url = format!("https://{}/dav", plain.process.address);
    (settings.allow_http, settings.tls_skip_verify) = (false, true);
    let told = put(&self::target(settings), "a", 1, 1).unwrap_err();
    assert!(matches!(&told, TargetError::Failed(why) if why.contains("speaks no TLS")), "{told:?}");
}

fn contract_of_one(target: &dyn Target) {
    put(target, "one/a", 2, 2 << 20).unwrap();
    assert!(trouble::is_whole(target, "one/a", 2, 2 << 20));
    target.delete(&name("one/a")).unwrap();
}

pub fn nobody_sends_a_password_without_tls_by_mistake() {
    let told = |settings| HttpTarget::new(settings, means()).err().unwrap().to_string();
    let mut plain = settings("127.0.0.1:9", "/dav");
    plain.allow_http = false;
    assert!(told(plain).contains("say http_allow_plain = true"));
    for url in ["http://u:s3cret@host/dav", "https://s3cret@host"] {
        let mut wrong = settings("", "");
        wrong.url = url.into();
        let told = told(wrong);
        assert!(told.contains("their own settings") && !told.contains("s3cret"), "{told}");
    }
    let mut wrong = settings("127.0.0.1:9", "/dav?a");
    assert!(told(wrong.clone()).contains("is no URL"));
    wrong.username = None;
    assert!(told(wrong).contains("needs a user name"));
    let debug = format!("{:?}", settings("127.0.0.1:9", "/dav"));
    assert!(!debug.contains("s3cret"), "{debug}");
}

pub fn each_refusal_says_what_to_do() {
    let nginx = Nginx::usual();
    let address = &nginx.process.address;
    let on = |path: &str| target(settings(address, path));
    let is = |outcome: Result<(), TargetError>, kind: &str, part: &str| {
        let error = outcome.unwrap_err();
        assert!(format!("{error:?}").starts_with(kind), "{error:?}, not {kind}");
        assert!(error.to_string().contains(part), "{error}: {part}");
        assert!(!error.to_string().contains("s3cret"));
    };
    let large = |target: &HttpTarget| put(target, "a/b", 1, 20 << 20);
    let mut wrong = settings(address, "/dav");
    wrong.password = Some(Credential::parse("wrong").unwrap());
    is(large(&target(wrong.clone())), "Denied", "takes neither this user name");
    is(target(wrong).list("").map(drop), "Denied", "(401)");
    let mut nobody = settings(address, "/dav");
    (nobody.username, nobody.password) = (None, None);
    is(large(&target(nobody)), "Denied", "wants a user name and a password");
    let mut unset = settings(address, "/dav");
    unset.password = Some(Credential::parse("env://EDGEKEEP_TEST_NOT_SET").unwrap());
    is(large(&target(unset)), "Denied", "env://EDGEKEEP_TEST_NOT_SET cannot be read");
    is(large(&on("/forbidden")), "Denied", "(403)");
    is(large(&on("/read")), "ReadOnly", "dav_methods PUT");
    is(on("/plain").list("").map(drop), "Failed", "libnginx-mod-http-dav-ext");
    is(large(&on("/small")), "Failed", "client_max_body_size 0");
    is(large(&on("/dav/none")), "Failed", "make it on the server");
    is(on("/dav/none").list("").map(drop), "Failed", "make it on the server");
    is(on("/dav/none").list("a").map(drop), "Failed", "make it on the server");
    let nobody = target(settings("127.0.0.1:9", "/dav"));
    is(large(&nobody), "Away", "nobody listens");
    let mut unknown = settings(address, "/dav");
    unknown.url = "http://nothing.invalid/dav".into();
    is(large(&target(unknown)), "Away", "");
    put(&on("/open"), "a/b", 1, 10).unwrap();
    is(on("/dav").get(&name("x")).map(drop), "Absent", "(404)");
}
