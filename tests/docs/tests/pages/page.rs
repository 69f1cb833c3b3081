//! A page of the documentation and its parts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A page.
pub struct Page {
    /// Its path in the repository.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Page {
    /// Reads a page, by its path in the repository.
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let text = fs::read_to_string(tools::root().join(&path)).expect("the page can be read");
        Self { path, text }
    }

    /// Returns the targets of its links.
    pub fn links(&self) -> Vec<String> {
        self.events()
            .filter_map(|event| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some(dest_url.into_string())
                }
                _ => None,
            })
            .collect()
    }

    /// Returns the anchors of its headings, as GitHub names them.
    pub fn anchors(&self) -> Vec<String> {
        let (mut heading, mut seen, mut anchors) = (None, BTreeMap::new(), Vec::new());
        for event in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let times: &mut usize = seen.entry(anchor.clone()).or_default();
                    anchors.push(match *times {
                        0 => anchor,
                        times => format!("{anchor}-{times}"),
                    });
                    *times += 1;
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        anchors
    }

    /// Returns its code blocks in a language.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let (mut block, mut blocks) = (None, Vec::new());
        for event in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(found))) if &*found == language => {
                    block = Some(String::new());
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
                Event::Text(text) => {
                    if let Some(block) = &mut block {
                        block.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        blocks
    }

    /// Returns its inline code, each piece with the number of its paragraph or table cell.
    pub fn code(&self) -> Vec<(usize, String)> {
        let (mut place, mut code) = (0, Vec::new());
        for event in self.events() {
            match event {
                Event::Start(Tag::TableCell | Tag::Paragraph | Tag::Item) => place += 1,
                Event::Code(text) => code.push((place, text.into_string())),
                _ => {}
            }
        }
        code
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES)
    }
}

/// Returns the paths of all files below a folder with the extension, relative to the folder. Files that git ignores are
/// left out, as are folders whose names begin with a dot, except `.github`.
pub fn below(root: &Path, extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            let is_hidden = name.starts_with('.') && name != ".github";
            if entry.file_type().unwrap().is_dir() {
                if !is_hidden && !["target", "node_modules"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Returns the anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn anchors_are_named_as_github_names_them() {
    let page = Page {
        path: PathBuf::new(),
        text: "# What `sam local` does, and why\n\n## A-b_c\n\n## A-b_c\n".to_owned(),
    };
    assert_eq!(
        page.anchors(),
        ["what-sam-local-does-and-why", "a-b_c", "a-b_c-1"]
    );
}
