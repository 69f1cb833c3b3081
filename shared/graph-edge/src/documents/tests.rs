use std::{sync::Mutex as Lock, time::Instant};

use graph_core::secrets::Secret;

use super::*;
use crate::{
    secrets::{SecretError, SecretStore, Versioned},
    testing::Written,
};

#[tokio::test]
async fn a_document_is_read_once_for_its_lifetime() {
    let cache = cache(&["1", "2"]);
    assert_eq!(current(&cache, 0).await, Ok(1));
    assert_eq!(current(&cache, 299).await, Ok(1));
    assert_eq!(current(&cache, 300).await, Ok(2));
}

#[tokio::test]
async fn unknown_keys_reread_a_document_at_a_limited_rate() {
    let cache = cache(&["1", "2", "3"]);
    assert_eq!(current(&cache, 0).await, Ok(1));
    assert_eq!(renewed(&cache, 29).await, Ok((1, true)));
    assert_eq!(renewed(&cache, 30).await, Ok((2, true)));
    assert_eq!(renewed(&cache, 31).await, Ok((2, true)));
}

/// Nothing new can be met within the floor of its being written, so a document that is no older has it.
#[tokio::test]
async fn a_document_is_conclusive_only_when_it_was_read_just_now() {
    let cache = cache(&["1", "unavailable", "2"]);
    assert_eq!(current(&cache, 0).await, Ok(1));
    assert_eq!(renewed(&cache, 40).await, Ok((1, false)), "the read has failed");
    assert_eq!(
        renewed(&cache, 60).await,
        Ok((1, false)),
        "a read has just failed"
    );
    assert_eq!(renewed(&cache, 70).await, Ok((2, true)));
}

#[tokio::test]
async fn the_last_good_document_stays_when_reading_fails() {
    for broken in ["unavailable", "unwritten", "not a number"] {
        let cache = cache(&["1", broken]);
        assert_eq!(current(&cache, 0).await, Ok(1));
        assert_eq!(current(&cache, 300).await, Ok(1), "{broken}");
    }
}

#[tokio::test]
async fn a_caller_without_time_does_not_put_off_the_next_read() {
    let written = Written::start();
    let cache = cache(&["1", "2", "3"]);
    assert_eq!(current(&cache, 0).await, Ok(1));
    let late = Deadline::after(Duration::ZERO);
    let renewed_late = cache.renewed(at(40), late).await.map(|renewed| *renewed.document);
    assert_eq!((renewed_late, written.text().as_str()), (Ok(1), ""));
    assert_eq!(renewed(&cache, 40).await, Ok((2, true)));
    assert_eq!(cache.current(at(340), late).await.as_deref(), Ok(&2));
    assert_eq!(current(&cache, 340).await, Ok(3));
}

#[tokio::test]
async fn no_document_is_an_error_until_there_is_one() {
    let cache = cache(&["unwritten", "1"]);
    assert_eq!(current(&cache, 0).await, Err(NoDocument));
    assert_eq!(current(&cache, 1).await, Ok(1));
}

#[tokio::test]
async fn a_good_document_is_not_waited_on_for_more_than_a_moment() {
    let cache = cache(&["1", "hangs"]);
    let deadline = Deadline::after(Duration::from_mins(1));
    assert_eq!(cache.current(at(0), deadline).await.as_deref(), Ok(&1));
    assert_eq!(cache.current(at(300), deadline).await.as_deref(), Ok(&1));
    assert!(deadline.left() > Duration::from_secs(50));
}

/// Whoever waits for a moment only would work with the keys and tenants of days ago if every read takes longer.
#[tokio::test]
async fn an_overdue_document_is_waited_for_a_little_longer() {
    let minutes = Duration::from_mins(2);
    for (seconds, time, least, most) in [
        (899, minutes, 500, 1_500),
        (900, minutes, 2_000, 4_000),
        (20 * 60, minutes, 2_000, 4_000),
        (20 * 60, Duration::from_secs(1), 1_000, 1_500),
    ] {
        let cache = cache(&["1", "hangs"]);
        assert_eq!(current(&cache, 0).await, Ok(1));
        let (begun, deadline) = (Instant::now(), Deadline::after(time));
        assert_eq!(cache.current(at(seconds), deadline).await.as_deref(), Ok(&1));
        let took = begun.elapsed().as_millis();
        assert!((least - 10..most).contains(&took), "{seconds}: {took}");
    }
}

/// A key that was replaced because it leaked must not be accepted for as long as nobody can read of it.
#[tokio::test]
async fn a_document_of_yesterday_is_not_trusted() {
    const DAY: i64 = 86_400;
    let broken = ["unavailable", "unwritten", "not a number"];
    for broken in broken {
        let cache = cache(&["1", broken, broken, "2"]);
        assert_eq!(current(&cache, 0).await, Ok(1));
        assert_eq!(current(&cache, DAY - 1).await, Ok(1), "{broken}");
        assert_eq!(current(&cache, DAY).await, Err(NoDocument), "{broken}");
        assert_eq!(renewed(&cache, DAY).await, Err(NoDocument), "{broken}");
        assert_eq!(current(&cache, DAY + 1).await, Ok(2), "{broken}");
    }
}

#[tokio::test]
async fn a_read_that_hangs_ends_with_the_deadline() {
    let cache = cache(&["hangs"]);
    let deadline = Deadline::after(Duration::from_millis(20));
    assert_eq!(cache.current(at(0), deadline).await, Err(NoDocument));
    assert!(deadline.left().is_zero());
}

/// A line that says that a document is kept while there is none leads astray.
#[tokio::test]
async fn a_failure_is_one_line_with_its_secret_and_its_cause() {
    for (text, problem) in [
        (
            "unavailable",
            "cannot be read: AWS Secrets Manager is unavailable: down",
        ),
        ("unwritten", "has no value yet"),
        ("not a number", "holds no valid document"),
    ] {
        let written = Written::start();
        let cache = cache(&[text, "1", text]);
        assert!(current(&cache, 0).await.is_err());
        let lines = written.text();
        assert_eq!(lines.matches("WARN").count(), 1, "{lines}");
        assert!(lines.contains("TheSecret-AbCdEf"), "{lines}");
        assert!(lines.contains(problem), "{lines}");
        assert!(
            lines.contains("no document is available") && !lines.contains("last good"),
            "{lines}"
        );
        current(&cache, 1).await.unwrap();
        current(&cache, 301).await.unwrap();
        assert!(written.text().contains("the last good document stays in use"));
    }
}

#[test]
fn a_malformed_document_is_described_by_its_location_alone() {
    let error = serde_json::from_str::<Vec<u8>>("[1,\n \"SECRET\"]").unwrap_err();
    let text = malformed(&error).to_string();
    assert_eq!(text, "not of the documented form at line 2, column 9");
}

#[test]
fn a_secret_is_named_by_the_end_of_its_arn() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:stack-ClientStateSecret-AbCdEf";
    let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest());
    let secret = SecretStore::new(&config.build()).secret(arn);
    assert_eq!(secret.name(), "stack-ClientStateSecret-AbCdEf");
}

struct ScriptedSource(Lock<Vec<&'static str>>);

impl Source for ScriptedSource {
    fn name(&self) -> &'static str {
        "TheSecret-AbCdEf"
    }

    async fn read(&self) -> Result<Option<Versioned>, SecretError> {
        let next = self.0.lock().unwrap().remove(0);
        match next {
            "unavailable" => Err(SecretError::Unavailable("down".into())),
            "unwritten" => Ok(None),
            "hangs" => std::future::pending().await,
            text => Ok(Some(Versioned {
                text: Secret::new(text.to_owned()),
                version_id: String::new(),
            })),
        }
    }
}

async fn current(cache: &CachedDocument<ScriptedSource, u8>, seconds: i64) -> Result<u8, NoDocument> {
    let deadline = Deadline::after(PATIENCE);
    cache
        .current(at(seconds), deadline)
        .await
        .map(|document| *document)
}

async fn renewed(cache: &CachedDocument<ScriptedSource, u8>, seconds: i64) -> Result<(u8, bool), NoDocument> {
    let renewed = cache.renewed(at(seconds), Deadline::after(PATIENCE)).await?;
    Ok((*renewed.document, renewed.is_conclusive))
}

fn cache(texts: &[&'static str]) -> CachedDocument<ScriptedSource, u8> {
    CachedDocument::new(
        ScriptedSource(Lock::new(texts.to_vec())),
        |text| Ok(text.parse()?),
    )
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

const PATIENCE: Duration = Duration::from_secs(2);
