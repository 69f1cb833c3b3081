//! Links between the pages, and from the pages to the code.

use std::path::{Component, Path, PathBuf};

use crate::page::Page;
use crate::pages;

#[test]
fn every_relative_link_leads_somewhere() {
    let faults: Vec<_> = pages()
        .into_iter()
        .flat_map(|path| faults(&Page::read(path)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    for (link, fault) in [
        ("../README.md", None),
        ("../README.md#try", None),
        ("#here", None),
        ("https://example.com/nowhere", None),
        ("nowhere.md", Some("docs/page.md: nowhere.md is no file")),
        (
            "../README.md#nowhere",
            Some("docs/page.md: README.md has no heading #nowhere"),
        ),
        (
            "#nowhere",
            Some("docs/page.md: docs/page.md has no heading #nowhere"),
        ),
        (
            "../../outside.md",
            Some("docs/page.md: ../../outside.md leads out of the repository"),
        ),
    ] {
        let page = Page {
            path: "docs/page.md".into(),
            text: format!("# Here\n\n[link]({link}) and `[code](nowhere)`\n"),
        };
        let expected: Vec<_> = fault.into_iter().map(str::to_owned).collect();
        assert_eq!(faults(&page), expected, "{link}");
    }
}

/// Returns the links of a page that lead nowhere.
fn faults(page: &Page) -> Vec<String> {
    let links = page.links();
    let relative = links
        .iter()
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    relative
        .filter_map(|link| fault(page, link))
        .map(|fault| format!("{}: {fault}", page.path.display()))
        .collect()
}

/// Returns what is wrong with a link; nothing if it is right.
fn fault(page: &Page, link: &str) -> Option<String> {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link, None),
    };
    let target = if path.is_empty() {
        page.path.clone()
    } else {
        let folder = page.path.parent().unwrap_or(Path::new(""));
        match straight(&folder.join(path)) {
            Some(target) => target,
            None => return Some(format!("{link} leads out of the repository")),
        }
    };
    if target != page.path && !tools::root().join(&target).exists() {
        return Some(format!("{link} is no file"));
    }
    let anchor = anchor?;
    let anchors = if target == page.path {
        page.anchors()
    } else {
        Page::read(&target).anchors()
    };
    let is_there = anchors.iter().any(|found| found == anchor);
    (!is_there).then(|| format!("{} has no heading #{anchor}", target.display()))
}

/// Returns a path without its `..`; nothing if it leaves the folder that it begins in.
fn straight(path: &Path) -> Option<PathBuf> {
    let mut straight = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                if !straight.pop() {
                    return None;
                }
            }
            other => straight.push(other),
        }
    }
    Some(straight)
}
