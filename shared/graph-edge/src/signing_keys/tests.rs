use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex as StdMutex;
use std::thread;

use graph_core::cloud::Cloud;
use serde_json::json;

use super::*;

#[tokio::test]
async fn keys_are_fetched_once_and_then_kept() {
    let cache = cache();
    let keys = current(&cache, 0).await.unwrap();
    assert!(keys.contains("kid-1"));
    assert_eq!(current(&cache, 59 * 60).await.unwrap(), keys);
    assert_eq!(cache.documents.calls(), [METADATA, KEYS]);
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_fetch() {
    let cache = cache();
    let all = futures_util::future::join_all((0..10).map(|_| current(&cache, 0))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(cache.documents.calls().len(), 2);
}

#[tokio::test]
async fn keys_are_fetched_again_after_an_hour() {
    let cache = cache();
    current(&cache, 0).await.unwrap();
    cache.documents.list(&["kid-2"]);
    assert!(current(&cache, 3600).await.unwrap().contains("kid-2"));
    assert_eq!(cache.documents.calls().len(), 4);
}

#[tokio::test]
async fn the_last_good_keys_are_kept_while_the_service_is_down() {
    for broken in ["", "<html>", "{}", r#"{"keys":[]}"#] {
        let cache = cache();
        let keys = current(&cache, 0).await.unwrap();
        cache.documents.put(KEYS, broken);
        assert_eq!(current(&cache, 3600).await.unwrap(), keys);
        cache.documents.down();
        assert_eq!(current(&cache, 8000).await.unwrap(), keys);
        assert_eq!(current(&cache, 24 * 3600 - 1).await.unwrap(), keys);
        assert!(current(&cache, 24 * 3600 + 5).await.is_err());
        cache.documents.list(&["kid-2"]);
        assert!(current(&cache, 24 * 3600 + 10).await.unwrap().contains("kid-2"));
    }
}

/// Good keys verify what they can, whatever the login service does.
#[tokio::test]
async fn a_service_that_hangs_holds_up_good_keys_for_a_moment_only() {
    let cache = cache();
    let keys = current(&cache, 0).await.unwrap();
    cache.documents.hang();
    let deadline = Deadline::after(Duration::from_mins(1));
    assert_eq!(cache.current(at(3600), deadline).await.unwrap().keys, keys);
    assert!(deadline.left() > Duration::from_secs(59), "half a second");
    for _ in 0..10 {
        assert_eq!(cache.current(at(3601), deadline).await.unwrap().keys, keys);
    }
    assert_eq!(cache.renewed(at(3900), deadline).await.unwrap().fetched_at, at(0));
    assert!(
        deadline.left() > Duration::from_secs(57),
        "and two for a key that is not known"
    );
}

#[tokio::test]
async fn without_keys_a_service_that_hangs_takes_no_longer_than_the_deadline() {
    let cache = cache();
    cache.documents.hang();
    let deadline = Deadline::after(Duration::from_millis(20));
    assert!(cache.current(at(0), deadline).await.is_err());
    assert!(deadline.left().is_zero());
}

#[tokio::test]
async fn without_keys_an_unavailable_service_is_not_asked_again_at_once() {
    let cache = cache();
    cache.documents.down();
    for seconds in [0, 1, 4] {
        assert!(current(&cache, seconds).await.is_err());
        assert!(cache.renewed(at(seconds), soon()).await.is_err());
    }
    assert_eq!(cache.documents.calls().len(), 1);
    assert!(current(&cache, 5).await.is_err());
    assert_eq!(cache.documents.calls().len(), 2);
}

#[tokio::test]
async fn a_rolled_key_is_found() {
    let cache = cache();
    current(&cache, 0).await.unwrap();
    cache.documents.list(&["kid-1", "kid-2"]);
    let renewed = cache.renewed(at(300), soon()).await.unwrap();
    assert!(renewed.keys.contains("kid-2") && renewed.fetched_at == at(300));
    assert_eq!(current(&cache, 301).await.unwrap(), renewed.keys);
}

#[tokio::test]
async fn forged_keys_do_not_become_a_call_each() {
    let cache = cache();
    current(&cache, 0).await.unwrap();
    for seconds in 0..300 {
        assert_eq!(fetched_at(&cache, seconds).await, at(0));
    }
    assert_eq!(cache.documents.calls().len(), 2);
    cache.documents.down();
    for seconds in 300..600 {
        let _ = cache.renewed(at(seconds), soon()).await;
    }
    assert_eq!(cache.documents.calls().len(), 3);
}

#[tokio::test]
async fn a_failed_refresh_does_not_prove_that_a_key_is_missing() {
    let cache = cache();
    current(&cache, 0).await.unwrap();
    cache.documents.down();
    for seconds in [300, 301] {
        assert_eq!(fetched_at(&cache, seconds).await, at(0));
    }
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
        assert!(current(&cache, 0).await.is_ok());
        assert_eq!(cache.documents.calls(), [metadata, keys]);
    }
}

#[tokio::test]
async fn an_empty_endpoint_counts_as_absent() {
    let documents = FakeDocuments::working();
    let cache = SigningKeyCache::new(documents, Authority::of(Cloud::Global), Some(""));
    assert!(current(&cache, 0).await.is_ok());
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
        assert!(current(&cache, 0).await.is_err());
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
    assert_eq!(current(&cache, 0).await.unwrap().issuer(), Some(issuer));
}

#[tokio::test]
async fn an_issuer_of_another_type_costs_no_keys() {
    for issuer in [json!(null), json!(5), json!({"a": []})] {
        let cache = cache();
        cache
            .documents
            .put(METADATA, &json!({"jwks_uri": KEYS, "issuer": issuer}).to_string());
        assert_eq!(current(&cache, 0).await.unwrap().issuer(), None, "{issuer}");
    }
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
    hangs: StdMutex<bool>,
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

    fn hang(&self) {
        *self.hangs.lock().unwrap() = true;
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl FetchDocument for FakeDocuments {
    async fn fetch(&self, url: Url) -> Result<Vec<u8>, BoxError> {
        self.calls.lock().unwrap().push(url.to_string());
        tokio::task::yield_now().await;
        if *self.hangs.lock().unwrap() {
            std::future::pending::<()>().await;
        }
        let documents = self.documents.lock().unwrap();
        Ok(documents.get(url.as_str()).ok_or("down")?.clone().into_bytes())
    }
}

fn cache() -> SigningKeyCache<FakeDocuments> {
    SigningKeyCache::new(FakeDocuments::working(), Authority::of(Cloud::Global), None)
}

async fn current(
    cache: &SigningKeyCache<FakeDocuments>,
    seconds: i64,
) -> Result<Arc<SigningKeys>, Unavailable> {
    Ok(cache.current(at(seconds), soon()).await?.keys)
}

async fn fetched_at(cache: &SigningKeyCache<FakeDocuments>, seconds: i64) -> Timestamp {
    cache.renewed(at(seconds), soon()).await.unwrap().fetched_at
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_mins(1))
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
