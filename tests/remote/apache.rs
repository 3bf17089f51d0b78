//! WebDAV: Apache with its module dav.

use std::fs;
use std::path::Path;
use std::process::Command;

use edgekeep::base::credential::Credential;
use edgekeep::snapshot::target::http::{HttpSettings, HttpTarget};
use edgekeep::snapshot::target::{Target as _, TargetError, contract};

use super::peers::process::{Process, files, program};
use super::peers::proxy::Proxy;
use super::support::harness::needs_package;
use super::support::{TempDir, free_address};
use super::trouble;
use trouble::{means, name, put};

const MODULES: &str = "/usr/lib/apache2/modules";

struct Apache {
    process: Process,
    home: TempDir,
}

impl Apache {
    /// Where this machine has one.
    fn start() -> Self {
        let there = Path::new(MODULES).join("mod_dav_fs.so").is_file();
        let apache = program("apache2").filter(|_| there);
        let apache = needs_package("http: Apache", apache, "apache2-bin");
        let (home, address) = (TempDir::new(), free_address());
        let at = home.path().to_owned();
        fs::create_dir(at.join("root")).unwrap();
        // {SHA} of "s3cret".
        fs::write(at.join("users"), "backup:{SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=\n").unwrap();
        let modules = [
            "mpm_event",
            "authn_core",
            "authn_file",
            "authz_core",
            "authz_user",
            "auth_basic",
            "dav",
            "dav_fs",
        ];
        let load = |name: &str| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n");
        let modules: String = modules.into_iter().map(load).collect();
        let config = format!(
            "{modules}ServerRoot {0}\nServerName test\nListen {address}\nPidFile {0}/pid\n\
             ErrorLog {0}/error.log\nMutex file:{0}\nDAVLockDB {0}/lock\nDocumentRoot {0}/root\n\
             LimitRequestBody 0\n\
             <Directory {0}/root>\nDav On\nAuthType Basic\nAuthName backup\n\
             AuthUserFile {0}/users\nRequire valid-user\n</Directory>\n",
            at.display()
        );
        fs::write(at.join("httpd.conf"), config).unwrap();
        if rustix::process::geteuid().is_root() {
            // Its workers part with their privileges.
            for path in [at.clone(), at.join("root")] {
                std::os::unix::fs::chown(path, Some(65534), Some(65534)).unwrap();
            }
            let mut config = fs::read_to_string(at.join("httpd.conf")).unwrap();
            config.push_str("User #65534\nGroup #65534\n");
            fs::write(at.join("httpd.conf"), config).unwrap();
        }
        let process = Process::start(address, at.join("output"), move || {
            let mut command = Command::new(&apache);
            command.arg("-DFOREGROUND").arg("-f").arg(at.join("httpd.conf"));
            command
        });
        Self { process, home }
    }

    fn at(address: &str, password: &str) -> HttpTarget {
        let settings = HttpSettings {
            url: format!("http://{address}"),
            username: Some("backup".into()),
            password: Some(Credential::parse(password).unwrap()),
            allow_http: true,
            ..HttpSettings::default()
        };
        HttpTarget::new(settings, means()).unwrap()
    }

    /// How many objects it holds, and what is left of others.
    fn holds(&self) -> usize {
        let all = files(&self.home.path().join("root"));
        all.iter().filter(|path| !path.components().any(|part| part.as_os_str() == ".DAV")).count()
    }
}

pub fn apache_keeps_the_contract() {
    let apache = Apache::start();
    contract::run(&Apache::at(&apache.process.address, "s3cret")).unwrap();
    assert_eq!(apache.holds(), 0);
}

pub fn apache_is_cut_off() {
    let apache = Apache::start();
    let proxy = Proxy::to(&apache.process.address);
    let target = Apache::at(&proxy.address, "s3cret");
    trouble::ended_once(&target, &proxy);
    trouble::cut_off(&target, &proxy, || apache.holds());
}

pub fn apache_refuses_strangers() {
    let apache = Apache::start();
    let target = Apache::at(&apache.process.address, "wrong");
    let error = put(&target, "a/b", 1, 20 << 20).unwrap_err();
    assert!(matches!(error, TargetError::Denied(_)), "{error:?}");
    let error = target.get(&name("a/b")).map(drop).unwrap_err();
    assert!(matches!(error, TargetError::Denied(_)), "{error:?}");
}
