//! What `sam build` makes of the functions for AWS.

use crate::world::stack;

/// Left alone, `cargo lambda` has a panic end the process in a release build, so that one message takes its neighbours
/// with it, and compiles for another processor than anything here is measured on.
#[test]
fn a_release_is_compiled_as_the_manifest_says() {
    let folder = stack().folder().join("arguments");
    // In place of cargo, where it would compile: shows what it is told, and fails, so that nothing is moved anywhere.
    let line = r#"
        mkdir "$FOLDER" && export BEHIND="$(command -v cargo)"
        printf '%s\n' '#!/bin/sh' '[ "$1" != build ] && exec "$BEHIND" "$@"' 'echo "$@" >"$FOLDER/build"; exit 1' >"$FOLDER/cargo"
        chmod +x "$FOLDER/cargo"
        PATH="$FOLDER:$PATH" cargo-lambda lambda build --release --bin webhook
    "#;
    let mut shell = stack().shell(line);
    shell
        .current_dir(tools::root().join("functions/webhook"))
        .env("FOLDER", &folder);
    let output = shell.env("CARGO_LAMBDA_COMPILER", "cargo").output().unwrap();
    let told = std::fs::read_to_string(folder.join("build"));
    let told = told.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert!(told.contains("--release") && !told.contains("--config"), "{told}");
}
