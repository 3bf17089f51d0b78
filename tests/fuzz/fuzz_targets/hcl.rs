#![no_main]

use edgekeep::base::hcl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = hcl::parse_bytes(bytes) {
        assert!(error.at.line > 0 && error.at.column > 0, "{error}");
    }
});
