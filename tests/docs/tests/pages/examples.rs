//! The examples on the pages work as they are copied.

use std::fs;
use std::process::Command;

use graph_core::models::DeliveredEvent;
use graph_core::subscription::config::Config;
use serde_json::Value;
use tools::{Progress, Tools};

use crate::page::Page;
use crate::pages;

#[test]
fn every_block_of_json_is_json() {
    for path in pages() {
        for block in Page::read(&path).blocks("json") {
            if let Err(error) = serde_json::from_str::<Value>(&block) {
                panic!("{}: {error}\n{block}", path.display());
            }
        }
    }
}

#[test]
fn every_example_of_a_configuration_has_no_problem() {
    for path in ["README.md", "docs/configuration.md"] {
        let blocks = Page::read(path).blocks("json");
        let mut configurations = blocks
            .iter()
            .filter(|block| block.contains("\"tenants\""))
            .peekable();
        assert!(configurations.peek().is_some(), "{path}");
        for block in configurations {
            // The README leaves the client secret out, and says how to add it.
            let whole = block.replace(
                "\"clientSecret\": \"\"",
                "\"clientSecret\": \"from the clipboard\"",
            );
            let (_, problems) = Config::parse(&whole).unwrap();
            assert!(problems.is_empty(), "{path}: {problems:#?}");
        }
    }
}

#[test]
fn every_example_of_an_event_can_be_read() {
    for path in ["README.md", "docs/consuming.md"] {
        let blocks = Page::read(path).blocks("json");
        let mut events = blocks
            .iter()
            .filter(|block| block.contains("\"specversion\""))
            .peekable();
        assert!(events.peek().is_some(), "{path}");
        for event in events {
            DeliveredEvent::parse(event).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}

#[test]
fn the_recipe_in_python_opens_what_openssl_encrypted() {
    let tools = Tools::set_up(&tools::target(), Progress::start()).unwrap();
    let folder = tools::target().join("recipe");
    fs::create_dir_all(&folder).unwrap();
    let [recipe] = &Page::read("docs/decrypting.md").blocks("python")[..] else {
        panic!("there is not one recipe");
    };
    let vector = fs::read_to_string(tools::root().join(VECTOR)).unwrap();
    let mut vector: Value = serde_json::from_str(&vector).unwrap();
    let (key, plaintext) = (vector["key"]["privateKey"].take(), vector["plaintext"].take());
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("decrypt.py", recipe);
    write("key.pem", key.as_str().unwrap());
    let run = |item: &Value| {
        write("item.json", &item.to_string());
        let mut python = Command::new(tools.sam_folder().join("python"));
        let output = python
            .args(["decrypt.py", "item.json", "key.pem"])
            .current_dir(&folder)
            .output();
        output.unwrap()
    };
    let opened = run(&vector);
    assert_eq!(
        String::from_utf8(opened.stdout).unwrap(),
        plaintext.as_str().unwrap()
    );
    // A wrong signature keeps the content closed.
    vector["encryptedContent"]["dataSignature"] = vector["encryptedContent"]["dataKey"].clone();
    let refused = run(&vector);
    assert!(refused.stdout.is_empty() && !refused.status.success());
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .trim_end()
            .ends_with("Rejected")
    );
}

/// The vector that the `openssl` command line encrypted.
const VECTOR: &str = "shared/graph-core/src/notification/envelope/vectors/openssl.json";
