use super::*;
use crate::testing::FakeSecret;

#[tokio::test]
async fn of_writers_that_read_the_same_version_one_wins() {
    let secret = FakeSecret::new("one");
    let read = current(&secret).await;
    write(&secret, "two", Some(&read)).await.unwrap();
    let lost = write(&secret, "three", Some(&read)).await;
    assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
    assert_eq!(secret.text().unwrap(), "two");
}

#[tokio::test]
async fn the_first_writer_of_a_secret_wins() {
    let secret = FakeSecret::default();
    write(&secret, "one", None).await.unwrap();
    let lost = write(&secret, "two", None).await;
    assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
}

#[tokio::test]
async fn an_older_version_that_was_made_current_again_is_built_upon() {
    let secret = FakeSecret::new("old");
    let old = current(&secret).await;
    for text in ["bad", "good", "better"] {
        secret.move_current(&old);
        write(&secret, text, Some(&old)).await.unwrap();
        assert_eq!(secret.text().unwrap(), text);
        let lost = write(&secret, "late", Some(&old)).await;
        assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
    }
}

#[tokio::test]
async fn the_same_text_is_written_again_after_an_older_version() {
    let secret = FakeSecret::new("old");
    let old = current(&secret).await;
    for _ in 0..3 {
        secret.move_current(&old);
        write(&secret, "new", Some(&old)).await.unwrap();
        assert_eq!(secret.text().unwrap(), "new");
        write(&secret, "new", Some(&old)).await.unwrap();
    }
    assert_eq!(secret.versions(), 4, "of two that write the same, one does");
}

#[tokio::test]
async fn a_version_without_tokens_left_is_a_conflict() {
    let secret = FakeSecret::new("old");
    let old = current(&secret).await;
    for number in 0..MAX_TOKENS_PER_VERSION {
        secret.move_current(&old);
        write(&secret, &number.to_string(), Some(&old)).await.unwrap();
    }
    secret.move_current(&old);
    let refused = write(&secret, "more", Some(&old)).await;
    assert!(matches!(refused, Err(SecretError::Conflict)), "{refused:?}");
}

#[test]
fn a_binary_secret_is_not_taken_for_one_without_a_value() {
    let output = GetSecretValueOutput::builder().version_id("v1");
    let bytes = output
        .clone()
        .secret_binary(aws_sdk_secretsmanager::primitives::Blob::new("{}"))
        .build();
    assert!(matches!(versioned(bytes), Err(SecretError::Binary)));
    assert!(matches!(versioned(output.clone().build()), Ok(None)));
    assert!(matches!(
        versioned(output.secret_string("{}").build()),
        Ok(Some(_))
    ));
}

#[test]
fn tokens_differ_by_secret_version_and_attempt() {
    let tokens = [
        request_token("arn", Some("v1"), 0),
        request_token("arn", Some("v1"), 1),
        request_token("arn", Some("v2"), 0),
        request_token("other", Some("v1"), 0),
        request_token("arn", None, 0),
    ];
    assert!(tokens.iter().all(|token| token.len() == 64));
    let distinct: std::collections::BTreeSet<_> = tokens.iter().collect();
    assert_eq!(distinct.len(), tokens.len());
}

async fn write(secret: &FakeSecret, text: &str, based_on: Option<&str>) -> Result<(), SecretError> {
    secret.write(&Secret::new(text.to_owned()), based_on).await
}

async fn current(secret: &FakeSecret) -> String {
    secret.current_id().await.unwrap().unwrap()
}
