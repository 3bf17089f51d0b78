//! TLS on a listener, and the certificates that the server makes for itself.

use std::path::{Path, PathBuf};

use edgekeep::base::clock::Timestamp;
use edgekeep::server::certificate::{
    DevFiles, Now, OwnCertificate, fingerprint_text, make_dev_files, names_for,
};
use edgekeep::server::tls::{ClientCerts, Tls, TlsError, TlsVersion, parse_cipher_suites};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

fn now() -> Timestamp {
    use edgekeep::base::clock::Clock;
    SystemClock.wall()
}

fn files(folder: &Path) -> DevFiles {
    make_dev_files(folder, &names_for(None), now(), &SystemEntropy).unwrap()
}

fn secured() -> House {
    secured_with(limits())
}

fn secured_with(limits: Limits) -> House {
    House::open(limits, |folder| {
        let files = files(folder);
        Some(TlsSettings::new(files.cert_file, files.key_file))
    })
}

fn trusting(house: &House) -> Arc<ClientConfig> {
    config(&house.folder.join("vault-ca.pem"), rustls::ALL_VERSIONS, None)
}

fn config(
    ca: &Path,
    versions: &[&'static rustls::SupportedProtocolVersion],
    own: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match own {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn connect(house: &House, config: &Arc<ClientConfig>) -> Secured {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), house.connect())
}

fn ask(stream: &mut Secured, path: &str) -> String {
    stream.write_all(format!("GET /v1/{path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    one(stream)
}

#[test]
fn serves_over_both_versions_and_resumes_sessions() {
    let house = secured();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = config(&house.folder.join("vault-ca.pem"), &[version], None);
        for round in 0..2 {
            let mut stream = connect(&house, &config);
            for _ in 0..3 {
                assert!(ask(&mut stream, "secured").contains("Get secured"));
            }
            assert!(ask(&mut stream, "large/5000000").ends_with(&"a".repeat(5_000_000)));
            let resumed = rustls::HandshakeKind::Resumed;
            assert_eq!(stream.conn.handshake_kind() == Some(resumed), round == 1, "{version:?}");
        }
    }
    let mut stream = connect(&house, &trusting(&house));
    ask(&mut stream, "x");
    let group = stream.conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn large_bodies_and_pipelines_over_tls() {
    let house = secured();
    let mut stream = connect(&house, &trusting(&house));
    let body = vec![b'b'; 3_000_000];
    write!(stream, "POST /v1/p HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len())
        .unwrap();
    stream.write_all(&body).unwrap();
    assert!(one(&mut stream).contains(&hex(&sha256(&body))));
    let all: String =
        (0..100).map(|n| format!("GET /v1/n{n} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    stream.write_all(all.as_bytes()).unwrap();
    for n in 0..100 {
        assert!(one(&mut stream).contains(&format!(" n{n} [")), "{n}");
    }
}

#[test]
fn an_end_is_told_from_a_cut() {
    let house = secured();
    let config = trusting(&house);
    let mut stream = connect(&house, &config);
    stream
        .write_all(b"GET /v1/large/100000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the end is said");
    let mut stream = connect(&house, &config);
    stream.write_all(b"GET /v1/broken/100000 HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    stream.read_to_end(&mut all).expect_err("a cut is none");
}

#[test]
fn who_speaks_no_tls_is_told() {
    let house = secured();
    let answer = house.say(b"GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(answer.ends_with("Client sent an HTTP request to an HTTPS server.\n"), "{answer}");
    let mut junk = vec![0x16, 3, 1, 0x40, 0];
    junk.resize(20_000, 7);
    house.say(&junk);
    for junk in [0, 3] {
        let answer = house.say(&[junk; 1000]);
        assert!(answer.starts_with("\u{15}\u{3}"), "an alert: {answer:?}");
    }
    assert_eq!(house.front().counters().panics.get(), 0);
    assert!(ask(&mut connect(&house, &trusting(&house)), "after").contains("Get after"));
}

#[test]
fn handshakes_that_never_end() {
    let house = secured_with(Limits { handshake: Duration::from_secs(4), ..limits() });
    let config = trusting(&house);
    let mut hello = Vec::new();
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(config.clone(), name).unwrap().write_tls(&mut hello).unwrap();
    let mut slow = Vec::new();
    for cut in [0, 1, 5, 100, hello.len() - 1, hello.len()] {
        for _ in 0..10 {
            let mut stream = house.connect();
            stream.write_all(&hello[..cut]).unwrap();
            slow.push(stream);
        }
    }
    assert!(ask(&mut connect(&house, &config), "meanwhile").contains("Get meanwhile"));
    eventually("their time is up", || house.front().counters().timeouts.get() >= 60);
    assert!(ask(&mut connect(&house, &config), "after").contains("Get after"));
}

#[test]
fn idle_sessions_cost_a_few_kilobytes() {
    let house = secured();
    let config = trusting(&house);
    let mut kept: Vec<_> = (0..200).map(|_| connect(&house, &config)).collect();
    for (n, stream) in kept.iter_mut().enumerate() {
        assert!(ask(stream, &format!("k{n}")).contains(&format!("Get k{n} ")));
    }
    for (n, stream) in kept.iter_mut().enumerate() {
        assert!(ask(stream, &format!("l{n}")).contains(&format!("Get l{n} ")));
    }
}

#[test]
fn certificates_are_reloaded_under_open_connections() {
    let house = secured();
    let old = trusting(&house);
    let mut kept = connect(&house, &old);
    ask(&mut kept, "before");
    files(&house.folder);
    house.front().reload().unwrap();
    assert!(ask(&mut kept, "after").contains("Get after"));
    let mut fresh = connect(&house, &trusting(&house));
    assert!(ask(&mut fresh, "fresh").contains("Get fresh"));

    std::fs::write(house.folder.join("vault-cert.pem"), "no certificate").unwrap();
    let error = house.front().reload().unwrap_err().to_string();
    assert!(error.contains("vault-cert.pem"), "{error}");
    ask(&mut connect(&house, &trusting(&house)), "the old one is still shown");
}

/// A client's certificate with that serial number, and the file of the CA that signed it.
fn signed(
    folder: &Path,
    serial: u64,
) -> (PathBuf, (CertificateDer<'static>, PrivateKeyDer<'static>)) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let file = folder.join("clients-ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let issuer = Issuer::from_params(&params, &key);
    let own_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([]).unwrap();
    params.serial_number = Some(serial.into());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let own = params.signed_by(&own_key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
    (file, (own.der().clone(), key))
}

#[test]
fn client_certificates() {
    let folder = std::env::temp_dir().join(format!("edgekeep-test-client-{}", std::process::id()));
    let client = files(&folder);
    let pair = || {
        (
            CertificateDer::from_pem_file(&client.cert_file).unwrap(),
            PrivateKeyDer::from_pem_file(&client.key_file).unwrap(),
        )
    };
    let serve = |client_certs, client_ca_file| {
        House::open(limits(), |folder| {
            let files = files(folder);
            let settings = TlsSettings::new(files.cert_file, files.key_file);
            Some(TlsSettings { client_certs, client_ca_file, ..settings })
        })
    };
    let asked = serve(ClientCerts::Asked, None);
    let ca = asked.folder.join("vault-ca.pem");
    let with = config(&ca, rustls::ALL_VERSIONS, Some(pair()));
    let answer = ask(&mut connect(&asked, &with), "certificates");
    assert!(answer.contains("certificates=1 serial=None"), "nobody has verified it: {answer}");
    assert!(ask(&mut connect(&asked, &trusting(&asked)), "x").contains("certificates=0"));

    let off = serve(ClientCerts::Off, None);
    let with = config(&off.folder.join("vault-ca.pem"), rustls::ALL_VERSIONS, Some(pair()));
    assert!(ask(&mut connect(&off, &with), "x").contains("certificates=0"));

    let (ca, own) = signed(&folder, 0x1234_5678_9abc);
    let required = serve(ClientCerts::Required, Some(ca));
    let with = config(&required.folder.join("vault-ca.pem"), rustls::ALL_VERSIONS, Some(own));
    let answer = ask(&mut connect(&required, &with), "x");
    assert!(answer.contains("certificates=1 serial=Some(\"20015998343868\")"), "{answer}");

    // The dev certificate is for servers only, so its CA's word does not make it a client's.
    let required = serve(ClientCerts::Required, Some(client.ca_file.clone()));
    let mut stream = connect(&required, &trusting(&required));
    let sent = stream.write_all(b"GET /v1/x HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut all = Vec::new();
    assert!(sent.and_then(|()| stream.read_to_end(&mut all)).is_err());
    std::fs::write(&client.ca_file, "no CA").unwrap();
    let error = required.front().reload().unwrap_err().to_string();
    assert!(error.contains("vault-ca.pem"), "the CA is read again too: {error}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn versions_and_suites_are_as_configured() {
    let house = House::open(limits(), |folder| {
        let files = files(folder);
        let settings = TlsSettings::new(files.cert_file, files.key_file);
        let suites = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256";
        let cipher_suites = parse_cipher_suites(suites).unwrap();
        let max_version = TlsVersion::parse_max("tls12").unwrap();
        Some(TlsSettings { cipher_suites, max_version, ..settings })
    });
    let mut stream = connect(&house, &trusting(&house));
    ask(&mut stream, "x");
    let suite = stream.conn.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);

    let error = parse_cipher_suites("TLS_RSA_WITH_RC4_128_SHA").unwrap_err().to_string();
    assert!(error.contains("TLS_RSA_WITH_RC4_128_SHA") && error.contains("ECDHE"), "{error}");
    assert!(TlsVersion::parse_max("tls10").is_err());
    assert_eq!(TlsVersion::parse_min("tls10").unwrap(), TlsVersion::V12);
    let missing = TlsSettings::new("/nowhere/cert.pem".into(), "/nowhere/key.pem".into());
    assert!(matches!(Tls::new(missing), Err(TlsError::File(..))));
}

#[test]
fn an_own_certificate_is_kept_until_it_is_due() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("edgekeep-test-own-{}", std::process::id()));
    let names = names_for(Some("192.0.2.7:8200".parse().unwrap()));
    assert!(names.contains(&"192.0.2.7".to_owned()));
    let ensure = |names: &[String], now| {
        OwnCertificate::ensure(&folder, names, now, &SystemEntropy).unwrap()
    };
    let day = |n: u64| Now::Claimed(now().plus(Duration::from_secs(n * 24 * 60 * 60)));
    let first = ensure(&names, day(0));
    let mode = std::fs::metadata(&first.key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fingerprint_text(&first.fingerprint).len(), 95);
    assert_eq!(ensure(&names, day(300)).fingerprint, first.fingerprint);
    assert!(!first.due(day(300)) && first.due(day(340)));
    let renewed = ensure(&names, day(340));
    assert_ne!(renewed.fingerprint, first.fingerprint);
    assert!(renewed.expires > first.expires);
    assert_eq!(renewed.ca_fingerprint, first.ca_fingerprint, "clients were given another");
    let more = [names.clone(), vec!["vault.example".to_owned()]].concat();
    assert_ne!(ensure(&more, day(340)).fingerprint, renewed.fingerprint);
    std::fs::write(&first.cert_file, "half a certif").unwrap();
    let whole = ensure(&names, day(340));

    // A power cut between the renames of its two files.
    let key = std::fs::read(&whole.key_file).unwrap();
    let next = ensure(&more, day(340));
    std::fs::write(&next.key_file, key).unwrap();
    assert_ne!(ensure(&more, day(340)).fingerprint, next.fingerprint);

    // Nothing can be written: one that is due is used on, one that has ended is not.
    let kept = ensure(&names, day(0));
    std::fs::create_dir(folder.join("listener-key.new")).unwrap();
    assert_eq!(ensure(&names, day(340)).fingerprint, kept.fingerprint);
    OwnCertificate::ensure(&folder, &names, day(800), &SystemEntropy).unwrap_err();
    std::fs::remove_dir(folder.join("listener-key.new")).unwrap();
    // An authority is not made in the place of one that cannot be read.
    let key = folder.join("ca-key.pem");
    let whole = std::fs::read(&key).unwrap();
    std::fs::write(&key, "half a k").unwrap();
    assert_eq!(ensure(&names, day(340)).fingerprint, kept.fingerprint);
    let refused = OwnCertificate::ensure(&folder, &names, day(800), &SystemEntropy).unwrap_err();
    assert!(refused.to_string().contains("ca-key.pem: no key can be read"), "{refused}");
    std::fs::write(&key, whole).unwrap();
    assert_eq!(ensure(&names, day(800)).ca_fingerprint, kept.ca_fingerprint);

    // A clock that was a lifetime ahead when the certificate was made is told from one that is
    // behind only by a time that is known.
    let ahead = ensure(&names, day(36_500));
    assert_eq!(ensure(&names, day(0)).fingerprint, ahead.fingerprint);
    let known = Now::Known(day(0).time());
    assert_ne!(ensure(&names, known).fingerprint, ahead.fingerprint);

    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let refused = OwnCertificate::ensure(&folder, &names, day(340), &SystemEntropy).unwrap_err();
    assert!(refused.to_string().contains("others may write"), "{refused}");
    std::fs::remove_dir_all(folder).unwrap();
}
