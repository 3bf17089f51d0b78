//! Runs the seeds of the fuzz targets: what once broke a parser does so no more.

#[path = "fuzz/parsers.rs"]
mod parsers;

use std::fs;
use std::path::Path;

#[test]
fn every_seed_is_read_or_refused() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    for (name, target) in parsers::TARGETS {
        let mut count = 0;
        for seed in fs::read_dir(seeds.join(name)).unwrap() {
            let seed = seed.unwrap().path();
            println!("{}", seed.display());
            target(&fs::read(&seed).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no seeds");
    }
}
