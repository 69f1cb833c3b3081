//! What a package registry and the update bot need to know of each package.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_manifest_says_what_its_package_is() {
    for path in files(|name| name == "Cargo.toml") {
        let text = fs::read_to_string(tools::root().join(&path)).unwrap();
        let Some((_, package)) = text.split_once("[package]") else {
            continue;
        };
        let package = package.split("\n[").next().unwrap();
        for member in ["description", "keywords", "license", "version"] {
            let is_there = package.lines().any(|line| line.starts_with(member));
            assert!(is_there, "{path} has no {member}");
        }
    }
}

#[test]
fn the_update_bot_looks_into_every_folder_with_a_lock_file() {
    let bot = fs::read_to_string(tools::root().join(".github/dependabot.yml")).unwrap();
    let watched: BTreeSet<&str> = bot
        .lines()
        .filter(|line| line.trim_start().starts_with("director"))
        .flat_map(|line| line.split([' ', ',', '[', ']']))
        .filter(|word| word.starts_with('/'))
        .collect();
    let locks = files(|name| matches!(name, "Cargo.lock" | "package-lock.json" | "requirements.txt"));
    assert!(locks.len() > 5, "{locks:?}");
    for lock in locks {
        let folder = format!("/{}", Path::new(&lock).parent().unwrap().display());
        assert!(watched.contains(folder.as_str()), "no update of {lock}");
    }
}

/// Returns the paths of files below the repository's folder, by their name.
fn files(is_wanted: fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![tools::root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && !matches!(&*name, ".git" | "target" | "node_modules") {
                folders.push(path);
            } else if is_wanted(&name) {
                let path = path.strip_prefix(tools::root()).unwrap();
                found.push(path.display().to_string());
            }
        }
    }
    found
}
