//! A checkout runs its own code in its own place, whatever its target folder holds.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tools::{command, root};

#[test]
fn a_copied_checkout_runs_its_own_code() {
    let home = std::env::temp_dir().join(format!("checkout-{}", std::process::id()));
    let (original, copy) = (home.join("original"), home.join("copy"));
    write_checkout(&original);
    let of_the_original = format!("code of the original in {}", original.display());
    assert_eq!(run(&original, None), of_the_original);
    let status = Command::new("cp").arg("-a").args([&original, &copy]).status();
    assert!(status.unwrap().success());
    change_unseen(&copy.join("tests/tools/src/lib.rs"));
    let of_the_copy = format!("code of the copy in {}", copy.display());
    assert_eq!(run(&copy, None), of_the_copy);
    // One target folder for both, in turn.
    let target = original.join("target");
    assert_eq!(run(&copy, Some(&target)), of_the_copy);
    assert_eq!(run(&original, Some(&target)), of_the_original);
    fs::remove_dir_all(home).unwrap();
}

#[test]
fn packages_at_the_bottom_are_compiled_again_in_another_checkout() {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = cargo.current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut bottom = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let dependencies = package["dependencies"].as_array().unwrap();
        if dependencies
            .iter()
            .any(|one| one["path"].is_string() && one["kind"].is_null())
        {
            continue;
        }
        let folder = Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap();
        let text = ["src/lib.rs", "src/main.rs"].map(|name| fs::read_to_string(folder.join(name)));
        let is_marked = text.iter().flatten().any(|text| text.contains(MARK));
        assert!(is_marked, "{} lacks {MARK}", package["name"]);
        bottom.push(package["name"].as_str().unwrap());
    }
    assert!(bottom.contains(&"tools"), "{bottom:?}");
}

#[test]
fn nothing_remembers_where_it_was_compiled() {
    for folder in ["functions", "shared", "tests"] {
        let sources = sources(&root().join(folder));
        assert!(!sources.is_empty());
        for source in sources {
            let text = fs::read_to_string(&source).unwrap();
            assert!(!text.contains(PLACE), "{} has {PLACE}", source.display());
        }
    }
}

/// Writes a checkout with the settings of this one and its package `tools`, and a program that says whose code it has and
/// where it takes the repository to be.
fn write_checkout(folder: &Path) {
    let tools = folder.join("tests/tools");
    for name in [".cargo", "tests/tools/src/bin"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::copy(
        root().join(".cargo/config.toml"),
        folder.join(".cargo/config.toml"),
    )
    .unwrap();
    let workspace = "[workspace]\nmembers = [\"tests/*\"]\nresolver = \"3\"\n";
    fs::write(folder.join("Cargo.toml"), workspace).unwrap();
    let manifest = "[package]\nname = \"tools\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fs::write(tools.join("Cargo.toml"), manifest).unwrap();
    for entry in fs::read_dir(root().join("tests/tools")).unwrap() {
        let path = entry.unwrap().path();
        // What the sources include, whatever it is.
        if path.is_file() && !path.ends_with("Cargo.toml") {
            fs::copy(&path, tools.join(path.file_name().unwrap())).unwrap();
        }
    }
    for source in sources(&root().join("tests/tools/src")) {
        fs::copy(&source, tools.join("src").join(source.file_name().unwrap())).unwrap();
    }
    let library = tools.join("src/lib.rs");
    let text = fs::read_to_string(&library).unwrap();
    let text = text + "/// Whose.\npub const CODE: &str = \"code of the original\";\n";
    fs::write(&library, text).unwrap();
    let program = "fn main() { println!(\"{} in {}\", tools::CODE, tools::root().display()) }\n";
    fs::write(tools.join("src/bin/whose.rs"), program).unwrap();
}

/// Changes the code in such a way that the time of its file stays the same, as in a checkout that is older than what the
/// target folder holds.
fn change_unseen(file: &Path) {
    let modified = fs::metadata(file).unwrap().modified().unwrap();
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("code of the original", "code of the copy")).unwrap();
    let file = fs::File::options().append(true).open(file).unwrap();
    file.set_modified(modified).unwrap();
}

/// Runs the program of a checkout and returns what it says.
fn run(folder: &Path, target: Option<&Path>) -> String {
    let mut cargo = Command::new("cargo");
    cargo.env_clear().envs(command::clean_environment());
    cargo.env_remove("CARGO_TARGET_DIR");
    cargo.envs(target.map(|target| ("CARGO_TARGET_DIR", target)));
    cargo.args(["run", "--quiet", "--offline", "--bin", "whose"]);
    let output = cargo.current_dir(folder).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Returns the Rust files in a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() {
                sources(&path)
            } else {
                is_rust.then_some(path).into_iter().collect()
            }
        })
        .collect()
}

/// What has cargo compile a package again in another checkout.
const MARK: &str = r#"option_env!("CHECKOUT")"#;

/// What leaves the place of a package in a program; in two parts, as this file is among those that are read.
const PLACE: &str = concat!("env!(\"CARGO_", "MANIFEST_DIR\")");
