//! The names of tests: they are short, and those that docs/security.md names exist. Renaming or removing such a test
//! means changing the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::page::{self, Page};

/// How many words the name of a test may have.
const MAX_WORDS: usize = 12;

#[test]
fn no_test_has_a_name_of_more_than_twelve_words() {
    let names: BTreeSet<_> = tests().into_values().flatten().collect();
    assert!(names.len() > 1_000, "{}", names.len());
    let long: Vec<_> = names
        .iter()
        .filter(|name| name.split('_').count() > MAX_WORDS)
        .collect();
    assert!(long.is_empty(), "use fewer words for {long:#?}");
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let faults = faults(&Page::read("docs/security.md"), &tests());
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_limit_that_the_security_page_names_exists() {
    let root = tools::root();
    let mut constants = BTreeSet::new();
    for file in page::below(&root, "rs") {
        let text = fs::read_to_string(root.join(file)).unwrap();
        let names = text
            .split("const ")
            .skip(1)
            .filter_map(|rest| rest.split_once(':'));
        constants.extend(names.map(|(name, _)| name.to_owned()));
    }
    let code = Page::read("docs/security.md").code();
    let named = code.iter().filter_map(|(_, code)| code.rsplit("::").next());
    let limits: Vec<_> = named.filter(|name| name.starts_with("MAX_")).collect();
    assert!(limits.len() > 10, "{limits:?}");
    let missing: Vec<_> = limits.iter().filter(|name| !constants.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_page_that_names_a_missing_test_is_a_fault() {
    let tests = BTreeMap::from([("a".to_owned(), BTreeSet::from(["it_is_so_here".to_owned()]))]);
    for (text, fault) in [
        ("`it_is_so_here`", None),
        ("`a` `it_is_so_here`", None),
        (
            "`it_is_so_nowhere`",
            Some("no test has the name it_is_so_nowhere"),
        ),
        (
            "`b` `it_is_so_here`",
            Some("no test of b has the name it_is_so_here"),
        ),
    ] {
        let page = Page {
            path: "page.md".into(),
            text: text.to_owned(),
        };
        let known = BTreeMap::from([("b".to_owned(), BTreeSet::new())]);
        let tests = tests.clone().into_iter().chain(known).collect();
        let expected: Vec<_> = fault.into_iter().map(str::to_owned).collect();
        assert_eq!(faults(&page, &tests), expected, "{text}");
    }
}

/// Returns the names on a page that look like tests and do not exist. If the same paragraph or cell names a package
/// before them, the test has to be in that package.
fn faults(page: &Page, tests: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (mut package, mut here, mut faults) = (None, 0, Vec::new());
    for (place, code) in page.code() {
        if place != here {
            (package, here) = (None, place);
        }
        if tests.contains_key(&code) {
            package = Some(code);
        } else if is_sentence(&code) {
            match &package {
                Some(package) if !tests[package].contains(&code) => {
                    faults.push(format!("no test of {package} has the name {code}"));
                }
                None if !tests.values().any(|names| names.contains(&code)) => {
                    faults.push(format!("no test has the name {code}"));
                }
                _ => {}
            }
        }
    }
    faults
}

/// Returns whether a piece of code has the form of a test's name.
fn is_sentence(code: &str) -> bool {
    code.matches('_').count() >= 3
        && code
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

/// Returns the tests of all packages, by package name.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let root = tools::root();
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in page::below(&root, "rs") {
        let text = fs::read_to_string(root.join(&file)).unwrap();
        tests
            .entry(package(&root.join(&file)))
            .or_default()
            .extend(names(&text));
    }
    tests
}

/// Returns the name of the package that a file belongs to.
fn package(file: &Path) -> String {
    let mut folders = file.ancestors().skip(1);
    let manifest = folders
        .find_map(|folder| fs::read_to_string(folder.join("Cargo.toml")).ok())
        .unwrap();
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \""))
        .unwrap();
    name.trim_end_matches('"').to_owned()
}

/// Returns the names of the tests in a source file.
fn names(text: &str) -> Vec<String> {
    let (mut is_test, mut names) = (false, Vec::new());
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = line
            .strip_prefix("fn ")
            .or_else(|| line.strip_prefix("async fn "))
        {
            if is_test {
                names.extend(name.split('(').next().map(str::to_owned));
            }
            is_test = false;
        }
    }
    names
}
