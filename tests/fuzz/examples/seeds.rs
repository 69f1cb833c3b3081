//! Writes the first inputs of every fuzz target, made from `tests/events` and `tests/fixtures`, below a folder.
//!
//! `cargo run --package fuzz --example seeds FOLDER`
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what cannot be made or written ends it"
)]

use std::{collections::BTreeMap, env, fs, path::Path};

use fuzz::genuine::{CLIENT, CLIENT_STATE, NAME, SEALED, TENANT, TOKEN, now, tenant};
use graph_core::{
    notification::tokens::testing::{SIGNER, claims_v1, claims_v2},
    subscription::catalogue,
};
use serde_json::{Value, json};

type Inputs = Vec<Vec<u8>>;

fn main() {
    let folder = env::args_os().nth(1).expect("a folder to write to");
    for (target, inputs) in seeds() {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).expect("a folder of the target");
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), input).expect("a written input");
        }
    }
}

fn seeds() -> BTreeMap<&'static str, Inputs> {
    // As cargo says when it runs this, not when it compiled it: the checkout may have been moved.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo to run this");
    let tests = Path::new(&package).join("..");
    let (events, fixtures) = (files(&tests.join("events")), files(&tests.join("fixtures")));
    let items: Vec<Value> = fixtures.iter().flat_map(items).collect();
    BTreeMap::from([
        ("event", events.iter().map(event).collect()),
        ("body", items.iter().map(|item| text(&body(item))).collect()),
        ("item", items.iter().map(members).collect()),
        ("message", items.iter().map(|item| text(&message(item))).collect()),
        ("content", contents(&fixtures)),
        ("query", queries()),
        ("token", tokens()),
        (
            "client_state",
            vec![CLIENT_STATE.into(), format!("{NAME}.k1.AAAA").into()],
        ),
        ("resource_path", paths(&items)),
        ("configuration", vec![text(&configuration())]),
    ])
}

/// Returns the JSON documents in a folder.
fn files(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
    paths.into_iter().map(read).collect()
}

/// Returns an event with a genuine client state in the place of the one that is none.
fn event(event: &Value) -> Vec<u8> {
    let event = event.to_string();
    let none = "users.kexample.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    event.replace(none, CLIENT_STATE).into_bytes()
}

/// Returns a basic and an encrypted item of a fixture.
fn items(fixture: &Value) -> [Value; 2] {
    let mut basic = fixture["item"].clone();
    basic["subscriptionId"] = json!("76222963-cc7b-42d2-882d-8aaa69cb2ba3");
    basic["tenantId"] = json!(TENANT);
    basic["changeType"] = json!("created");
    let mut encrypted = basic.clone();
    encrypted["encryptedContent"] = json!("HERE");
    [basic, encrypted]
}

fn body(item: &Value) -> Value {
    let mut item = item.clone();
    item["clientState"] = json!(CLIENT_STATE);
    json!({"value": [item], "validationTokens": [TOKEN]})
}

fn message(item: &Value) -> Value {
    let mut item = item.clone();
    item["clientState"] = json!(CLIENT_STATE);
    json!({
        "id": "id", "partitionKey": "key",
        "subscription": NAME, "tenantId": TENANT, "clientId": CLIENT,
        "receivedAt": now().to_string(), "validationTokens": [TOKEN], "item": item
    })
}

/// Returns an item without its braces.
fn members(item: &Value) -> Vec<u8> {
    let item = text(item);
    item[1..item.len() - 1].to_vec()
}

/// Returns a document as text, with sealed content where it belongs.
fn text(document: &Value) -> Vec<u8> {
    document.to_string().replace("\"HERE\"", SEALED).into_bytes()
}

/// Returns the resources in the fixtures, for each of the ways in which the target takes bytes.
fn contents(fixtures: &[Value]) -> Inputs {
    let contents = fixtures.iter().filter_map(|fixture| fixture.get("content"));
    let contents = contents.flat_map(|content| (0..5_u8).map(move |kind| (kind, content.to_string())));
    contents
        .map(|(kind, content)| [&[kind], content.as_bytes()].concat())
        .collect()
}

fn queries() -> Inputs {
    let queries = [
        "s=users&k=kexample",
        "validationToken=Validation%3A+Testing+client+application+reachability+for+subscription+Request-Id%3A+1b8f",
        "s=mail&validationtoken=%C3%BC%E2%82%AC%3Cb%3E",
    ];
    queries.map(|query| query.as_bytes().to_vec()).into()
}

fn tokens() -> Inputs {
    let claims = [claims_v1(&tenant(), now()), claims_v2(&tenant(), now())];
    let signed = claims.map(|claims| format!("{}\n{claims}", SIGNER.header()));
    let unsigned = SIGNER.token(&claims_v2(&tenant(), now()));
    signed
        .map(String::into_bytes)
        .into_iter()
        .chain([unsigned[..unsigned.len() - 1].into()])
        .collect()
}

/// Returns the paths of the items, and those of the catalogue.
fn paths(items: &[Value]) -> Inputs {
    let of_items = items.iter().filter_map(|item| item["resource"].as_str());
    let of_catalogue = catalogue::rows().flat_map(|row| row.patterns.iter().copied());
    of_items
        .chain(of_catalogue)
        .map(|path| path.as_bytes().to_vec())
        .collect()
}

fn configuration() -> Value {
    let ids = json!({"tenantId": TENANT, "clientId": CLIENT, "cloud": "usgov"});
    let with = |credential: Value| {
        let mut tenant = ids.clone();
        tenant["credential"] = credential;
        tenant
    };
    json!({
        "tenants": {
            "a": with(json!({"clientSecret": "secret"})),
            "b": with(json!({"privateKey": "-----BEGIN PRIVATE KEY-----", "certificate": "-----BEGIN CERTIFICATE-----"})),
            "c": with(json!({"refreshToken": "token", "clientSecret": "secret"})),
            "d": with(json!({"webIdentity": true}))
        },
        "subscriptions": {
            NAME: {
                "tenant": "a", "resource": "/teams/getAllMessages", "changeType": "created,updated",
                "includeResourceData": true
            },
            "mail": {
                "tenant": "b", "resource": "/users/{id}/messages", "changeType": "created", "expirationMinutes": 60,
                "forEach": {"membersOf": TENANT}, "version": "beta", "allowUnknownResource": true
            }
        }
    })
}
