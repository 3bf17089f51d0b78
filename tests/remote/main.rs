//! The targets behind a network, each against the real server, which the test starts here: nginx
//! and Apache with dav, an S3 server, OpenSSH's sshd.
//!
//! Where a program is missing its tests are skipped, and that is printed, captured or not.

mod apache;
mod cut;
mod http;
#[path = "../support/peers/mod.rs"]
mod peers;
mod s3;
mod sftp;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
mod vanished;
