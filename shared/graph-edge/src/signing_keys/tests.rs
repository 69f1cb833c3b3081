use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex as StdMutex;
use std::thread;

use graph_core::cloud::Cloud;
use jiff::SignedDuration;
use serde_json::json;

use super::*;

#[tokio::test]
async fn keys_are_fetched_once_and_then_kept() {
    let cache = cache();
    let keys = cache.keys(at(0)).await.unwrap();
    assert!(keys.contains("kid-1"));
    assert_eq!(cache.keys(at(59 * 60)).await.unwrap(), keys);
    assert_eq!(cache.documents.calls(), [METADATA, KEYS]);
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_fetch() {
    let cache = cache();
    let all = futures_util::future::join_all((0..10).map(|_| cache.keys(at(0)))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(cache.documents.calls().len(), 2);
}

#[tokio::test]
async fn keys_are_fetched_again_after_an_hour() {
    let cache = cache();
    cache.keys(at(0)).await.unwrap();
    cache.documents.list(&["kid-2"]);
    assert!(cache.keys(at(3600)).await.unwrap().contains("kid-2"));
    assert_eq!(cache.documents.calls().len(), 4);
}

#[tokio::test]
async fn the_last_good_keys_are_kept_while_the_service_is_down() {
    for broken in ["", "<html>", "{}", r#"{"keys":[]}"#] {
        let cache = cache();
        let keys = cache.keys(at(0)).await.unwrap();
        cache.documents.put(KEYS, broken);
        assert_eq!(cache.keys(at(3600)).await.unwrap(), keys);
        cache.documents.down();
        assert_eq!(cache.keys(at(8000)).await.unwrap(), keys);
        assert_eq!(cache.keys(at(24 * 3600 - 1)).await.unwrap(), keys);
        assert!(cache.keys(at(24 * 3600 + 5)).await.is_err());
        cache.documents.list(&["kid-2"]);
        assert!(cache.keys(at(24 * 3600 + 10)).await.unwrap().contains("kid-2"));
    }
}

#[tokio::test]
async fn without_any_keys_a_service_that_is_down_is_an_error_and_left_alone_for_a_moment() {
    let cache = cache();
    cache.documents.down();
    for seconds in [0, 1, 4] {
        assert!(cache.keys(at(seconds)).await.is_err());
        assert!(
            cache
                .refresh_for_unknown_kid(&SigningKeys::default(), at(seconds))
                .await
                .is_err()
        );
    }
    assert_eq!(cache.documents.calls().len(), 1);
    assert!(cache.keys(at(5)).await.is_err());
    assert_eq!(cache.documents.calls().len(), 2);
}

#[tokio::test]
async fn a_rolled_key_is_found() {
    let cache = cache();
    let tried = cache.keys(at(0)).await.unwrap();
    cache.documents.list(&["kid-1", "kid-2"]);
    let Refreshed::Changed(keys) = refresh(&cache, &tried, 300).await else {
        panic!()
    };
    assert!(keys.contains("kid-2"));
    assert_eq!(cache.keys(at(301)).await.unwrap(), keys);
}

#[tokio::test]
async fn a_forged_key_is_final_after_one_fetch() {
    let cache = cache();
    let tried = cache.keys(at(0)).await.unwrap();
    assert_eq!(refresh(&cache, &tried, 300).await, Refreshed::Same);
}

#[tokio::test]
async fn forged_keys_do_not_become_a_call_each() {
    let cache = cache();
    let tried = cache.keys(at(0)).await.unwrap();
    for seconds in 0..300 {
        let expected = Refreshed::NotYet { fetched_at: at(0) };
        assert_eq!(refresh(&cache, &tried, seconds).await, expected);
    }
    assert_eq!(cache.documents.calls().len(), 2);
    cache.documents.down();
    for seconds in 300..600 {
        let _ = cache.refresh_for_unknown_kid(&tried, at(seconds)).await;
    }
    assert_eq!(cache.documents.calls().len(), 3);
}

#[tokio::test]
async fn a_refresh_that_fails_is_no_proof_that_the_key_does_not_exist() {
    let cache = cache();
    let tried = cache.keys(at(0)).await.unwrap();
    cache.documents.down();
    assert!(cache.refresh_for_unknown_kid(&tried, at(300)).await.is_err());
    let expected = Refreshed::NotYet { fetched_at: at(0) };
    assert_eq!(refresh(&cache, &tried, 301).await, expected);
}

#[tokio::test]
async fn keys_that_another_caller_has_fetched_meanwhile_are_not_fetched_again() {
    let cache = cache();
    let tried = cache.keys(at(0)).await.unwrap();
    cache.documents.list(&["kid-2"]);
    let Refreshed::Changed(keys) = refresh(&cache, &tried, 300).await else {
        panic!()
    };
    assert_eq!(refresh(&cache, &tried, 301).await, Refreshed::Changed(keys));
    assert_eq!(cache.documents.calls().len(), 4);
}

#[tokio::test]
async fn the_floor_can_be_set() {
    let floor = SignedDuration::from_secs(1);
    let cache = cache().with_policy(RefreshPolicy {
        floor,
        ..RefreshPolicy::default()
    });
    let tried = cache.keys(at(0)).await.unwrap();
    assert_eq!(refresh(&cache, &tried, 1).await, Refreshed::Same);
}

#[tokio::test]
async fn an_endpoint_takes_the_place_of_the_host_in_every_call() {
    for endpoint in ["http://127.0.0.1:9/login", "http://127.0.0.1:9/login/"] {
        let documents = FakeDocuments::default();
        let metadata = "http://127.0.0.1:9/login/common/v2.0/.well-known/openid-configuration";
        let keys = "http://127.0.0.1:9/login/common/discovery/v2.0/keys?appid=1";
        documents.put(
            metadata,
            &json!({"jwks_uri": format!("{KEYS}?appid=1")}).to_string(),
        );
        documents.put(keys, &jwks(&["kid-1"]));
        let cache = SigningKeyCache::new(documents, Authority::of(Cloud::Global), Some(endpoint));
        assert!(cache.keys(at(0)).await.is_ok());
        assert_eq!(cache.documents.calls(), [metadata, keys]);
    }
}

#[tokio::test]
async fn an_empty_endpoint_is_none() {
    let documents = FakeDocuments::working();
    let cache = SigningKeyCache::new(documents, Authority::of(Cloud::Global), Some(""));
    assert!(cache.keys(at(0)).await.is_ok());
}

#[tokio::test]
async fn keys_that_are_not_behind_https_are_not_fetched() {
    let plain = KEYS.replace("https", "http");
    for uri in [plain.as_str(), "file:///etc/passwd", "keys", ""] {
        let cache = cache();
        cache
            .documents
            .put(METADATA, &json!({"jwks_uri": uri}).to_string());
        cache.documents.put(uri, &jwks(&["kid-1"]));
        assert!(cache.keys(at(0)).await.is_err());
        assert_eq!(cache.documents.calls(), [METADATA]);
    }
}

#[tokio::test]
async fn the_issuer_in_the_metadata_comes_with_the_keys() {
    let cache = cache();
    let issuer = "https://login.microsoftonline.us/{tenantid}/v2.0";
    cache
        .documents
        .put(METADATA, &json!({"jwks_uri": KEYS, "issuer": issuer}).to_string());
    assert_eq!(cache.keys(at(0)).await.unwrap().issuer(), Some(issuer));
}

#[tokio::test]
async fn a_document_is_fetched_over_http() {
    let body = "x".repeat(100_000);
    let fetched = fetch_from(&format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{body}"
    ))
    .await;
    assert_eq!(fetched.unwrap(), body.into_bytes());
}

#[tokio::test]
async fn a_document_over_the_size_limit_is_not_read() {
    let body = "x".repeat(MAX_DOCUMENT_BYTES + 1);
    assert!(
        fetch_from(&format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_answer_that_is_not_a_success_is_an_error() {
    for status in [
        "404 Not Found",
        "500 Internal Server Error",
        "302 Found\r\nlocation: /elsewhere",
    ] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        assert!(fetch_from(&answer).await.is_err(), "{status}");
    }
}

/// Answers one request with `answer` and a second one, which must not come, with a success.
async fn fetch_from(answer: &str) -> Result<Vec<u8>, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/document", listener.local_addr().unwrap());
    let answers = [
        answer.to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
    ];
    thread::spawn(move || {
        for (answer, stream) in answers.iter().zip(listener.incoming()) {
            let mut stream = stream.unwrap();
            let request = BufReader::new(stream.try_clone().unwrap()).lines();
            request
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .for_each(drop);
            // A client that has read enough hangs up.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    HttpDocuments::new().unwrap().fetch(url.parse().unwrap()).await
}

/// Documents by their addresses; a missing one is a service that is down.
#[derive(Default)]
struct FakeDocuments {
    documents: StdMutex<BTreeMap<String, String>>,
    calls: StdMutex<Vec<String>>,
}

impl FakeDocuments {
    fn working() -> Self {
        let fake = Self::default();
        fake.list(&["kid-1"]);
        fake
    }

    fn list(&self, ids: &[&str]) {
        self.put(METADATA, &json!({"jwks_uri": KEYS}).to_string());
        self.put(KEYS, &jwks(ids));
    }

    fn put(&self, url: &str, document: &str) {
        self.documents
            .lock()
            .unwrap()
            .insert(url.to_owned(), document.to_owned());
    }

    fn down(&self) {
        self.documents.lock().unwrap().clear();
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl FetchDocument for FakeDocuments {
    async fn fetch(&self, url: Url) -> Result<Vec<u8>, BoxError> {
        self.calls.lock().unwrap().push(url.to_string());
        tokio::task::yield_now().await;
        let documents = self.documents.lock().unwrap();
        Ok(documents.get(url.as_str()).ok_or("down")?.clone().into_bytes())
    }
}

fn cache() -> SigningKeyCache<FakeDocuments> {
    SigningKeyCache::new(FakeDocuments::working(), Authority::of(Cloud::Global), None)
}

async fn refresh(cache: &SigningKeyCache<FakeDocuments>, tried: &SigningKeys, seconds: i64) -> Refreshed {
    cache.refresh_for_unknown_kid(tried, at(seconds)).await.unwrap()
}

/// Returns a list of keys that nobody holds the private half of.
fn jwks(ids: &[&str]) -> String {
    let modulus = "_".repeat(344);
    let key = |id: &&str| json!({"kty": "RSA", "kid": id, "n": modulus, "e": "AQAB"});
    json!({"keys": ids.iter().map(key).collect::<Vec<_>>()}).to_string()
}

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

const METADATA: &str = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration";
const KEYS: &str = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
