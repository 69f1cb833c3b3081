use std::{collections::BTreeMap, sync::Mutex};

use super::*;

#[tokio::test]
async fn of_writers_that_read_the_same_version_one_wins() {
    let secret = Strict::default();
    secret.write("one", None).await.unwrap();
    let read = secret.current();
    secret.write("two", read.as_deref()).await.unwrap();
    let lost = secret.write("three", read.as_deref()).await;
    assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
    assert_eq!(secret.text(), "two");
}

#[tokio::test]
async fn the_first_writer_of_a_secret_wins() {
    let secret = Strict::default();
    secret.write("one", None).await.unwrap();
    let lost = secret.write("two", None).await;
    assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
}

#[tokio::test]
async fn an_older_version_that_was_made_current_again_is_built_upon() {
    let secret = Strict::default();
    secret.write("old", None).await.unwrap();
    let old = secret.current();
    for text in ["bad", "good", "better"] {
        secret.move_current(old.clone());
        secret.write(text, old.as_deref()).await.unwrap();
        assert_eq!(secret.text(), text);
        let lost = secret.write("late", old.as_deref()).await;
        assert!(matches!(lost, Err(SecretError::Conflict)), "{lost:?}");
    }
}

#[tokio::test]
async fn a_version_without_tokens_left_is_a_conflict() {
    let secret = Strict::default();
    secret.write("old", None).await.unwrap();
    let old = secret.current();
    for number in 0..MAX_TOKENS_PER_VERSION {
        secret.move_current(old.clone());
        secret.write(&number.to_string(), old.as_deref()).await.unwrap();
    }
    secret.move_current(old.clone());
    let refused = secret.write("more", old.as_deref()).await;
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

/// A secret that keeps every version, as Secrets Manager does: a token that it knows is taken with the same text only, and
/// changes nothing then.
#[derive(Default)]
struct Strict {
    versions: Mutex<BTreeMap<String, String>>,
    current: Mutex<Option<String>>,
}

impl Strict {
    async fn write(&self, text: &str, based_on: Option<&str>) -> Result<(), SecretError> {
        follow(self, "arn", text, based_on).await
    }

    fn current(&self) -> Option<String> {
        self.current.lock().unwrap().clone()
    }

    fn move_current(&self, to: Option<String>) {
        *self.current.lock().unwrap() = to;
    }

    fn text(&self) -> String {
        self.versions.lock().unwrap()[&self.current().unwrap()].clone()
    }
}

impl Versions for Strict {
    async fn current_id(&self) -> Result<Option<String>, SecretError> {
        Ok(self.current())
    }

    async fn put(&self, token: String, text: &str) -> Result<(), SecretError> {
        let mut versions = self.versions.lock().unwrap();
        match versions.get(&token) {
            Some(known) if known == text => Ok(()),
            Some(_) => Err(SecretError::Conflict),
            None => {
                versions.insert(token.clone(), text.to_owned());
                self.move_current(Some(token));
                Ok(())
            }
        }
    }
}
