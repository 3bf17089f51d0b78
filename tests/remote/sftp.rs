//! SFTP: OpenSSH's server, and its client as the machine has it.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use edgekeep::snapshot::target::sftp::{SftpSettings, SftpTarget};
use edgekeep::snapshot::target::{Target, TargetError, contract};
use rustix::process::{Pid, Signal, kill_process};

use super::peers::process::files;
use super::peers::proxy::Proxy;
use super::peers::sshd::{Sshd, know};
use super::support::mount::Mount;
use super::support::store::Store;
use super::support::{TempDir, eventually};
use super::trouble;
use trouble::{means, name, put};

fn target(settings: SftpSettings) -> SftpTarget {
    SftpTarget::new(settings, means()).unwrap()
}

pub fn a_host_keeps_the_contract() {
    let sshd = Sshd::start();
    let target = target(sshd.settings());
    contract::run(&target).unwrap();
    assert_eq!(files(&sshd.root), [] as [&Path; 0]);
    let url = target.url(&name("a/b"));
    let wanted = format!("sftp://{}{}/a/b", sshd.process.address, sshd.root.display());
    assert_eq!(url, wanted);
}

pub fn a_host_is_cut_off() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(&sshd.process.address);
    let target = target(sshd.at(&proxy.address));
    trouble::cut_off(&target, &proxy, || files(&sshd.root).len());
    trouble::slow_and_stuck(&target, &proxy);
}

pub fn the_server_of_a_host_is_killed() {
    let mut sshd = Sshd::start();
    let (target, root) = (target(sshd.settings()), sshd.root.clone());
    trouble::killed(&target, &mut sshd.process, || files(&root).len());
}

pub fn a_host_is_full_or_read_only() {
    let mount = Mount::new("tmpfs", "none", "size=12m");
    let subsystem = "Subsystem sftp internal-sftp";
    let sshd = Sshd::start_in(TempDir::new(), mount.path(), subsystem);
    let target = target(sshd.settings());
    let ballast = mount.fill(1 << 20);
    let told = |error: &TargetError| matches!(error, TargetError::Full(_));
    trouble::full(&target, 4 << 20, || fs::remove_file(&ballast).unwrap(), told);
    assert_eq!(files(&sshd.root).len(), 2);
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(mount.root());
    assert!(remount.status().unwrap().success());
    let error = put(&target, "full/more", 1, 10).unwrap_err();
    assert!(matches!(error, TargetError::ReadOnly(_)), "{error:?}");
    assert!(trouble::is_whole(&target, "full/new", 9, 4 << 20));
}

pub fn what_an_earlier_process_left_is_removed() {
    let sshd = Sshd::start();
    fs::create_dir(sshd.root.join("a")).unwrap();
    for left in ["b.snap~0011223344556677", "b.snap~mine", ".hidden"] {
        fs::write(sshd.root.join("a").join(left), "left").unwrap();
    }
    let target = target(sshd.settings());
    assert_eq!(target.list("").unwrap(), []);
    put(&target, "a/c.snap", 1, 10).unwrap();
    assert_eq!(target.list("a").unwrap().len(), 1);
    let there = files(&sshd.root);
    let names: Vec<_> = there.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, [".hidden", "b.snap~mine", "c.snap"]);
}

pub fn a_session_is_used_again_and_ends_when_nobody_uses_it() {
    let sshd = Sshd::start();
    let target = target(sshd.settings());
    for seed in 1..20 {
        put(&target, "a/b", seed, 300_000).unwrap();
        assert!(trouble::is_whole(&target, "a/b", seed, 300_000));
        assert_eq!(target.list("a").unwrap().len(), 1);
    }
    let logins = sshd.process.told().matches("Accepted publickey").count();
    // On a loaded machine it may have ended meanwhile.
    assert!((1..10).contains(&logins), "{logins} logins");
    eventually("the session has ended", || sshd.process.helpers() == 0);
    target.delete(&name("a/b")).unwrap();
    drop(target);
    eventually("the session has ended", || sshd.process.helpers() == 0);
}

pub fn a_client_that_hangs_ends_with_the_server() {
    let sshd = Sshd::start();
    let SftpSettings { host, port, path, known_hosts, .. } = sshd.settings();
    let data = TempDir::new();
    let pipe = data.path().join("key");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let target = format!(
        "snapshot \"host\" {{\n  type = \"sftp\"\n  interval = \"24h\"\n  sftp_host = \"{host}\"\n  \
         sftp_port = {}\n  sftp_path = \"{path}\"\n  sftp_known_hosts = \"{}\"\n  \
         sftp_identity_file = \"{}\"\n}}",
        port.unwrap(),
        known_hosts.unwrap().display(),
        pipe.display()
    );
    let (_store, server) = Store::configured(data.path(), &target);
    let clients = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let called = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        let pipe = pipe.to_str().unwrap();
        called.filter(|line| String::from_utf8_lossy(line).contains(pipe)).count()
    };
    eventually("a client reads what is never written", || clients() > 0);
    let server_id = Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    kill_process(server_id, Signal::TERM).unwrap();
    assert!(server.wait().0);
    eventually("it has ended with the server", || clients() == 0);
}

pub fn each_refusal_says_what_to_do() {
    let sshd = Sshd::start();
    let (at, settings) = (sshd.home.path(), sshd.settings());
    let is = |settings: SftpSettings, kind: &str, part: &str| {
        let target = target(settings);
        let put = put(&target, "a/b", 1, 20 << 20).unwrap_err();
        let list = target.list("").unwrap_err();
        for error in [put, list] {
            assert!(format!("{error:?}").starts_with(kind), "{error:?}, not {kind}");
            assert!(error.to_string().contains(part), "{error}: {part}");
        }
    };
    let known = at.join("other-known");
    know(&known, &sshd.process.address, &at.join("other.pub"));
    let with = |file: &Path| SftpSettings { known_hosts: Some(file.into()), ..settings.clone() };
    is(with(&known), "Denied", "its host key is another");
    is(with(&at.join("nothing")), "Denied", "its host key is not known");
    let other = SftpSettings { identity_file: Some(at.join("other")), ..settings.clone() };
    is(other, "Denied", "it does not take the key");
    let none = SftpSettings { path: "/nothing/there".into(), ..settings.clone() };
    is(none, "Failed", "make it on the host");
    let nobody = SftpSettings { port: Some(9), ..settings.clone() };
    is(nobody, "Away", "Connection refused");
    let unknown = SftpSettings { host: "nothing.invalid".into(), ..settings.clone() };
    is(unknown, "Away", "cannot be reached");
    let absent = target(settings.clone()).get(&name("x")).map(drop).unwrap_err();
    assert!(matches!(absent, TargetError::Absent(_)), "{absent:?}");
    // Somebody who listens and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    is(SftpSettings { port: Some(port), ..settings }, "Away", "");
}

pub fn a_host_that_offers_no_sftp_is_told() {
    let home = TempDir::new();
    let root = home.path().join("root");
    let sshd = Sshd::start_in(home, root, "");
    let error = put(&target(sshd.settings()), "a", 1, 1).unwrap_err();
    assert!(error.to_string().contains("Subsystem sftp"), "{error:?}");
    let home = TempDir::new();
    let root = home.path().join("root");
    let sshd = Sshd::start_in(home, root, "Subsystem sftp /bin/echo Welcome");
    let error = put(&target(sshd.settings()), "a", 1, 1).unwrap_err();
    assert!(error.to_string().contains("does not speak SFTP"), "{error:?}");
}

pub fn what_can_be_no_host_is_refused_at_once() {
    let told = |change: fn(&mut SftpSettings)| {
        let mut settings = SftpSettings { host: "h".into(), ..SftpSettings::default() };
        change(&mut settings);
        SftpTarget::new(settings, means()).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(told(|s| s.host = "-oProxyCommand=x".into()).contains("no host"));
    assert!(told(|s| s.username = Some("-x".into())).contains("no user name"));
    assert!(told(|s| s.identity_file = Some("key".into())).contains("whole path"));
    assert!(told(|s| s.program = Some("/nothing/ssh".into())).contains("no OpenSSH client"));
}
