//! What must not be in a log: secrets, and signs that a program failed.

use std::collections::BTreeMap;

use serde_json::Value;

/// Secrets that the run made or came across, with what each is.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<String, &'static str>);

impl Secrets {
    /// Adds a secret. A short text would be found where it is none.
    pub fn add(&mut self, secret: &str, what: &'static str) {
        if secret.len() >= MIN_TEXT_LENGTH {
            self.0.insert(secret.to_owned(), what);
        }
    }

    /// Adds the keys of ClientStateSecret.
    pub fn add_client_state_keys(&mut self, document: &Value) {
        for key in texts(document, "key") {
            self.add(key, "a client-state key");
        }
    }

    /// Adds the keys of DecryptionSecret, each by a line from the middle of it: the first lines of all keys are the same.
    pub fn add_private_keys(&mut self, document: &Value) {
        for key in texts(document, "privateKey") {
            let lines: Vec<&str> = key.lines().collect();
            if let Some(line) = lines.get(lines.len() / 2) {
                self.add(line, "a private key");
            }
        }
    }

    /// Adds the tokens of `RefreshTokenSecret`.
    pub fn add_refresh_tokens(&mut self, document: &Value) {
        for token in texts(document, "refreshToken") {
            self.add(token, "a refresh token");
        }
    }

    /// Adds the signature of a validation token. A log that has the token has its signature.
    pub fn add_validation_token(&mut self, token: &str) {
        let known = self.0.values().filter(|what| **what == VALIDATION_TOKEN).count();
        if let Some((_, signature)) = token.rsplit_once('.').filter(|_| known < MAX_VALIDATION_TOKENS) {
            self.add(signature, VALIDATION_TOKEN);
        }
    }

    /// Adds texts from the content of encrypted changes.
    pub fn add_content(&mut self) {
        for text in CONTENT {
            self.add(text, "the content of a change");
        }
    }

    /// Returns the kinds of which there is none: what is not looked for is not found.
    pub fn absent(&self) -> Vec<&'static str> {
        let is_absent = |kind: &&&str| !self.0.values().any(|what| what == *kind);
        KINDS.iter().filter(is_absent).copied().collect()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns what each secret is that stands in a log, and whether the log has the header of a private key.
    pub fn found_in(&self, log: &str) -> Vec<&'static str> {
        let header = log.contains(KEY_HEADER).then_some("the header of a private key");
        let found = self.0.iter().filter(|(secret, _)| log.contains(secret.as_str()));
        let mut found: Vec<&'static str> = found.map(|(_, what)| *what).chain(header).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Returns the lines of a log that report a panic.
pub fn panics(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter(|line| PANICS.iter().any(|sign| line.contains(sign)));
    lines.map(|line| line.chars().take(200).collect()).collect()
}

/// Returns the ends of programs that nobody ended. The local AWS ends those that are idle with a signal; the run kills others with
/// another one, so often.
pub fn deaths(ends: &[i32], mut killed: u32) -> Vec<i32> {
    let is_death = |end: &i32| match *end {
        TERMINATED => false,
        KILLED if killed > 0 => {
            killed -= 1;
            false
        }
        _ => true,
    };
    ends.iter().copied().filter(is_death).collect()
}

/// Returns the texts of all members of this name, however deep.
fn texts<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    match document {
        Value::Array(values) => values.iter().flat_map(|value| texts(value, name)).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| match value.as_str() {
                Some(text) if key == name => vec![text],
                _ => texts(value, name),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Every kind of secret that a run comes across.
const KINDS: [&str; 8] = [
    "a client secret",
    "a refresh token",
    "an access token",
    "a client state",
    "a client-state key",
    "a private key",
    VALIDATION_TOKEN,
    "the content of a change",
];

const VALIDATION_TOKEN: &str = "a validation token";

/// Texts from the content of a message and of a channel, as the simulator makes them.
const CONTENT: [&str; 2] = ["The build is green", "Hand-over between the shifts"];

/// So many validation tokens are looked for: a long run has thousands.
const MAX_VALIDATION_TOKENS: usize = 100;

/// The least length of a text that is looked for.
const MIN_TEXT_LENGTH: usize = 16;

/// The beginning of every kind of private key.
const KEY_HEADER: &str = "PRIVATE KEY-----";

/// What the standard library writes when a thread panics or the program gives up, and what the functions write in its place.
const PANICS: [&str; 5] = [
    "panicked at",
    "Panicked at",
    "has overflowed its stack",
    "memory allocation of",
    "fatal runtime error",
];

/// The end by SIGTERM.
const TERMINATED: i32 = -15;

/// The end by SIGKILL.
const KILLED: i32 = -9;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_secret_is_found() {
        let mut secrets = Secrets::default();
        secrets.add("the-client-secret-of-a-run", "a client secret");
        let document = json!({"keys": [{"id": "k", "key": "client-state-key-in-base64"}]});
        secrets.add_client_state_keys(&document);
        let pem = "-----BEGIN X-----\nfirst-line-of-the-key\nmiddle-line-of-the-key\n-----END X-----\n";
        secrets.add_private_keys(&json!({"keys": [{"privateKey": pem}]}));
        secrets.add_refresh_tokens(&json!({"tokens": [{"refreshToken": "the-token-that-came-back"}]}));
        for (log, what) in [
            ("x the-client-secret-of-a-run x", "a client secret"),
            ("\"client-state-key-in-base64\"", "a client-state key"),
            ("middle-line-of-the-key", "a private key"),
            ("the-token-that-came-back", "a refresh token"),
            ("-----BEGIN RSA PRIVATE KEY-----", "the header of a private key"),
        ] {
            assert_eq!(secrets.found_in(log), [what], "{log}");
        }
        assert_eq!(secrets.found_in("client-state-key \"id\": \"k\""), [""; 0]);
    }

    #[test]
    fn every_kind_of_secret_has_to_be_there() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.absent(), KINDS);
        for kind in KINDS.into_iter().filter(|kind| !kind.contains("validation")) {
            secrets.add(&format!("{kind} as a long text"), kind);
        }
        assert_eq!(secrets.absent(), [VALIDATION_TOKEN]);
        secrets.add_validation_token("header.claims.the-signature-of-the-token");
        assert_eq!(secrets.absent(), [""; 0]);
        assert_eq!(secrets.found_in("the-signature-of-the-token"), [VALIDATION_TOKEN]);
    }

    #[test]
    fn content_is_that_of_the_simulator() {
        let made = [
            include_str!("../../fixtures/chatMessage.json"),
            include_str!("../../fixtures/channel.json"),
        ];
        for (text, made) in CONTENT.into_iter().zip(made) {
            assert!(made.contains(text), "{text}");
        }
        let mut secrets = Secrets::default();
        secrets.add_content();
        assert_eq!(secrets.len(), CONTENT.len());
    }

    #[test]
    fn a_text_that_is_too_short_is_not_searched() {
        let mut secrets = Secrets::default();
        secrets.add("short", "a client secret");
        assert_eq!((secrets.len(), secrets.found_in("short")), (0, vec![]));
    }

    #[test]
    fn a_program_ends_only_when_it_is_idle_or_killed() {
        let found = deaths(&[-15, -9, -9, 0, 1, 101, -6, -11], 1);
        assert_eq!(found, [-9, 0, 1, 101, -6, -11]);
    }

    #[test]
    fn a_panic_is_found_by_its_line() {
        let log = "fine\nthread 'main' panicked at src/lib.rs:1:2:\nboom\n";
        assert_eq!(panics(log), ["thread 'main' panicked at src/lib.rs:1:2:"]);
        assert_eq!(
            panics("{\"message\":\"Panicked at a.rs:1; this is a defect\"}").len(),
            1
        );
        assert_eq!(panics("nobody panicked"), [""; 0]);
    }
}
