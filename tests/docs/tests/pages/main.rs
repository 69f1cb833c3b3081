//! Tests of the README and of every page of the documentation.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed expectation is a failed test"
)]

mod consumers;
mod examples;
mod links;
mod manifests;
mod named_tests;
mod page;
mod schema;

use std::{fs, path::PathBuf};

use page::Page;

#[test]
fn the_page_of_resources_is_made_from_the_catalogue() {
    let (made, path) = (docs::resources::page(), tools::root().join("docs/resources.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "docs/resources.md is not what the catalogue says; run `UPDATE_DOCS=1 cargo test -p docs`"
    );
}

#[test]
fn the_readme_can_be_read_in_a_few_minutes() {
    let words = Page::read("README.md").text.split_whitespace().count();
    assert!(words <= 1_270, "the README has {words} words");
}

/// Returns the paths of all pages: in the repository's folder, in `docs` and `.github`, and beside the code.
fn pages() -> Vec<PathBuf> {
    let root = tools::root();
    let mut pages = page::below(&root, "md");
    pages.retain(|page| !page.starts_with("target"));
    assert!(pages.len() > 10, "{pages:?}");
    pages
}
