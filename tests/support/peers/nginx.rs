//! WebDAV: nginx with its module dav-ext.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Process, files, program};
use crate::support::harness::needs_package;
use crate::support::{TempDir, free_address};

const MODULE: &str = "ngx_http_dav_ext_module.so";

/// An nginx that is somebody's backup server.
pub struct Nginx {
    /// The server.
    pub process: Process,
    /// Its folder.
    pub home: TempDir,
}

/// What one server differs from another in.
pub struct Kind<'a> {
    /// Where the objects lie; in its home where nothing is said.
    pub root: Option<&'a Path>,
    /// What of WebDAV it does.
    pub dav: &'a str,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// All of WebDAV.
pub const DAV: &str = "dav_methods PUT DELETE MKCOL COPY MOVE; dav_ext_methods PROPFIND OPTIONS;";

impl Nginx {
    /// Where this machine has one.
    pub fn start(kind: &Kind<'_>) -> Self {
        let modules =
            ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules"];
        let module = modules.map(|folder| Path::new(folder).join(MODULE));
        let module = module.into_iter().find(|path| path.is_file());
        let nginx = needs_package("http", program("nginx"), "nginx");
        let module = needs_package("http", module, "libnginx-mod-http-dav-ext");
        let home = TempDir::new();
        let (at, address) = (home.path(), free_address());
        let own = at.join("root/dav");
        let root = kind.root.unwrap_or(&own);
        fs::create_dir_all(root).unwrap();
        fs::create_dir_all(at.join("temp")).unwrap();
        // nginx's own PROPFIND takes /dav/ below its root.
        fs::write(at.join("users"), "backup:{PLAIN}s3cret\n").unwrap();
        let mut listen = format!("listen {address};");
        if kind.tls {
            certify(at);
            listen = format!(
                "listen {address} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;"
            );
        }
        let (root, home_at) = (root.parent().unwrap().display(), at.display());
        let temps =
            ["proxy", "fastcgi", "uwsgi", "scgi"].map(|t| format!("{t}_temp_path temp/{t};"));
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let config =
            format!(
            "load_module {}; daemon off; master_process off; {user} pid pid; error_log error.log;
             events {{ }}
             http {{
               access_log off; client_max_body_size 100m; {} client_body_temp_path temp/body;
               server {{
                 {listen}
                 root {root};
                 location /dav/ {{
                   auth_basic backup; auth_basic_user_file users; {}
                   if (-f {home_at}/403$uri) {{ return 403; }}
                   if (-f {home_at}/500$uri) {{ return 500; }}
                   limit_except GET HEAD PROPFIND OPTIONS PUT DELETE MKCOL COPY MOVE {{ deny all; }}
                 }}
                 location /open/ {{ alias {root}/dav/; {} }}
                 location /forbidden/ {{ deny all; }}
                 location /read/ {{ alias {root}/dav/; dav_ext_methods PROPFIND OPTIONS; }}
                 location /plain/ {{ alias {root}/dav/; dav_methods PUT DELETE MKCOL MOVE; }}
                 location /small/ {{ alias {root}/dav/; {} client_max_body_size 1m; }}
               }}
             }}",
            module.display(), temps.join(" "), kind.dav, kind.dav, kind.dav
        );
        fs::write(at.join("nginx.conf"), config).unwrap();
        let prefix: PathBuf = at.to_owned();
        let process = Process::start(address, at.join("output"), move || {
            let mut command = Command::new(&nginx);
            command.arg("-p").arg(&prefix).args(["-c", "nginx.conf", "-e", "error.log"]);
            command
        });
        Self { process, home }
    }

    /// Without TLS, its objects in its home.
    pub fn usual() -> Self {
        Self::start(&Kind { root: None, dav: DAV, tls: false })
    }

    /// Gives it another certificate, with which it starts next.
    pub fn certify(&self) {
        certify(self.home.path());
    }

    /// Answers what is asked of a file with that status (403 or 500) from now on.
    pub fn refuses(&self, file: &Path, status: u16) {
        let home = self.home.path();
        let marks = home.join(status.to_string());
        let mark = marks.join(file.strip_prefix(home.join("root")).unwrap());
        fs::create_dir_all(mark.parent().unwrap()).unwrap();
        fs::write(mark, "").unwrap();
    }

    /// How many files it holds.
    pub fn holds(&self) -> usize {
        files(&self.home.path().join("root")).len()
    }
}

/// Makes a certificate and its key.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}
