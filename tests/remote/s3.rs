//! S3: Versity's gateway over a folder.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use edgekeep::base::clock::{Clock as _, ManualClock, SystemClock};
use edgekeep::base::credential::Credential;
use edgekeep::snapshot::target::remote::Means;
use edgekeep::snapshot::target::s3::{S3Settings, S3Target};
use edgekeep::snapshot::target::{Target, TargetError, contract};

use super::peers::process::files;
use super::peers::proxy::{Network, Proxy};
use super::peers::versitygw::{BUCKET, Gateway};
use super::support::TempDir;
use super::support::mount::Mount;
use super::trouble;
use trouble::{means, name, put};

fn settings(address: &str) -> S3Settings {
    S3Settings {
        bucket: BUCKET.into(),
        region: Some("eu-test".into()),
        endpoint: Some(address.to_owned()),
        disable_tls: true,
        access_key_id: Some(Credential::parse("backup").unwrap()),
        secret_access_key: Some(Credential::parse("s3cret").unwrap()),
        ..S3Settings::default()
    }
}

fn target(settings: S3Settings) -> S3Target {
    S3Target::new(settings, means()).unwrap()
}

/// How many files there are, those of uploads that were begun among them.
fn holds(root: &Path) -> usize {
    files(&root.join(BUCKET)).len()
}

pub fn a_bucket_keeps_the_contract() {
    let gateway = Gateway::start();
    let target = target(settings(&gateway.process.address));
    contract::run(&target).unwrap();
    assert_eq!(holds(&gateway.root), 0, "{:?}", files(&gateway.root));
}

pub fn a_listing_has_as_many_pages_as_it_needs() {
    let gateway = Gateway::start();
    let folder = gateway.root.join(BUCKET).join("many");
    fs::create_dir(&folder).unwrap();
    for n in 0..2500 {
        fs::write(folder.join(format!("{n:04}.seg")), "x").unwrap();
    }
    fs::write(folder.join("of somebody else & co"), "x").unwrap();
    let listed = target(settings(&gateway.process.address)).list("many").unwrap();
    assert_eq!(listed.len(), 2500);
    assert_eq!(listed[2499].name, name("many/2499.seg"));
}

pub fn a_bucket_is_cut_off() {
    let gateway = Gateway::start();
    let proxy = Proxy::to(&gateway.process.address);
    let target = target(settings(&proxy.address));
    trouble::ended_once(&target, &proxy);
    trouble::cut_off(&target, &proxy, || holds(&gateway.root));
    trouble::slow_and_stuck(&target, &proxy);
}

pub fn the_server_of_a_bucket_is_killed() {
    let mut gateway = Gateway::start();
    let target = target(settings(&gateway.process.address));
    let root = gateway.root.clone();
    trouble::killed(&target, &mut gateway.process, || holds(&root));
}

pub fn uploads_that_an_earlier_process_began_are_given_up() {
    let gateway = Gateway::start();
    let proxy = Proxy::to(&gateway.process.address);
    let earlier = target(settings(&proxy.address));
    proxy.is(Network::Closes(9 << 20));
    assert!(put(&earlier, "a/large", 1, 30 << 20).is_err());
    drop(earlier);
    assert!(holds(&gateway.root) > 0, "an upload is there");
    let target = target(settings(&gateway.process.address));
    assert_eq!(target.list("").unwrap(), []);
    put(&target, "b/other", 2, 10).unwrap();
    assert!(holds(&gateway.root) > 1, "that of another folder is left alone");
    put(&target, "a/next", 2, 10).unwrap();
    assert_eq!(holds(&gateway.root), 2, "{:?}", files(&gateway.root));
}

pub fn a_bucket_is_full() {
    let mount = Mount::new("ext4", "{}/disk", "loop");
    let gateway = Gateway::start_in(TempDir::new(), mount.path(), false);
    let target = target(settings(&gateway.process.address));
    // At once, and in parts.
    for length in [8 << 20, 20 << 20] {
        let ballast = mount.fill(1 << 20);
        let told =
            |error: &TargetError| matches!(error, TargetError::Full(_) | TargetError::Away(_));
        trouble::full(&target, length, || fs::remove_file(&ballast).unwrap(), told);
        target.delete(&name("full/new")).unwrap();
    }
    assert_eq!(holds(&gateway.root), 1, "{:?}", files(&gateway.root));
}

pub fn a_bucket_behind_tls() {
    let home = TempDir::new();
    let root = home.path().join("root");
    let gateway = Gateway::start_in(home, root, true);
    let mut settings = settings(&gateway.process.address);
    settings.disable_tls = false;
    let unknown = put(&target(settings.clone()), "a", 1, 1).unwrap_err();
    assert!(
        matches!(&unknown, TargetError::Denied(text) if text.contains("ca_cert")),
        "{unknown:?}"
    );
    settings.ca_cert = Some(gateway.home.path().join("cert.pem"));
    let target = target(settings);
    put(&target, "a/large+", 1, 20 << 20).unwrap();
    assert!(trouble::is_whole(&target, "a/large+", 1, 20 << 20));
}

pub fn each_refusal_says_what_to_do() {
    let gateway = Gateway::start();
    let address = &gateway.process.address;
    let is = |settings: S3Settings, kind: &str, part: &str| {
        let target = target(settings);
        let put = put(&target, "a", 1, 20 << 20).unwrap_err();
        let list = target.list("").unwrap_err();
        for error in [put, list] {
            assert!(format!("{error:?}").starts_with(kind), "{error:?}, not {kind}");
            assert!(error.to_string().contains(part), "{error}: {part}");
            assert!(!error.to_string().contains("s3cret"));
        }
    };
    let wrong = |change: fn(&mut S3Settings)| {
        let mut settings = settings(address);
        change(&mut settings);
        settings
    };
    let parse = |text| Some(Credential::parse(text).unwrap());
    is(wrong(|s| s.bucket = "nothing".into()), "Failed", "there is no such bucket");
    is(wrong(|s| s.region = Some("eu-other".into())), "Failed", "set region");
    let mut key = settings(address);
    key.secret_access_key = parse("wrong");
    is(key.clone(), "Denied", "is not that of the access key");
    key.access_key_id = parse("nobody");
    is(key.clone(), "Denied", "the access key is not known there");
    key.access_key_id = parse("file:///nothing/there");
    is(key, "Denied", "file:///nothing/there cannot be read");
    is(settings("127.0.0.1:9"), "Away", "nobody listens");
    let absent = target(settings(address)).get(&name("x")).map(drop).unwrap_err();
    assert!(matches!(absent, TargetError::Absent(_)), "{absent:?}");
    let clock = ManualClock::at(SystemClock.wall().minus(Duration::from_secs(86_400)));
    let late = Means { clock: Arc::new(clock), ..means() };
    let skewed = S3Target::new(settings(address), late).unwrap().list("").unwrap_err();
    let text = skewed.to_string();
    assert!(text.contains("clock is wrong by 86") && text.contains("behind"), "{skewed:?}");
    assert!(!format!("{:?}", settings(address)).contains("s3cret"));
}
