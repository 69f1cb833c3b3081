//! What this package is for: `cargo test --package webhook` compiles no dependency that `cargo test` has compiled.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

#[test]
fn one_package_builds_its_dependencies_with_the_workspaces_features() {
    let all = [
        "chaos",
        "decryption",
        "e2e",
        "graph-cli",
        "graph-edge",
        "graph-simulator",
        "renewal",
        "stack",
        "webhook",
        "year",
    ];
    let together = features(&[&["graph-core"], all.as_slice()].concat());
    for package in all {
        let alone = features(&[package]);
        assert!(alone.len() > 200, "{package}: {} dependencies", alone.len());
        for (dependency, enabled) in alone {
            assert_eq!(enabled, together[&dependency], "{dependency}, for {package}");
        }
    }
}

/// Returns the features of each dependency from elsewhere, when cargo is asked to test these packages.
fn features(packages: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--prefix", "none"]);
    cargo.args(["--edges", "normal,build,dev", "--format", "{p}|{f}"]);
    cargo.args(packages.iter().flat_map(|package| ["--package", *package]));
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut features: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Some((dependency, enabled)) = line.trim_end_matches(" (*)").split_once('|') else {
            continue;
        };
        if !dependency.contains("(/") {
            let all = features.entry(dependency.to_owned()).or_default();
            all.extend(enabled.split(',').map(str::to_owned));
        }
    }
    features
}
