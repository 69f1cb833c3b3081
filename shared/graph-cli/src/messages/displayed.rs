//! The whole of a message as displayed to a person.

use serde_json::{Map, Value, json};

use super::{Message, MessageSummary, Queue};

/// Returns a message with its body: without proofs, and with content only on request.
#[must_use]
pub fn displayed(queue: Queue, message: &Message, with_content: bool) -> Value {
    let body = serde_json::from_str(&message.body).unwrap_or(Value::Null);
    json!({
        "message": MessageSummary::of(queue, message),
        "body": redacted(body, with_content),
    })
}

/// Returns a document without proofs, and with content only on request.
fn redacted(json: Value, with_content: bool) -> Value {
    match json {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let is = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
                let value = if is(PROOFS) || (!with_content && is(CONTENT)) {
                    Value::String(format!("[{} characters]", value.to_string().chars().count()))
                } else {
                    redacted(value, with_content)
                };
                (name, value)
            };
            Value::Object(members.into_iter().map(member).collect::<Map<_, _>>())
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| redacted(item, with_content))
            .collect(),
        other => other,
    }
}

/// Members that are proofs.
const PROOFS: &[&str] = &["clientState", "validationTokens", "dataKey"];

/// Members with content of people.
const CONTENT: &[&str] = &["content", "encryptedContent", "resourceData"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::tests::failed;

    #[test]
    fn a_message_is_shown_without_its_proofs_and_content() {
        let message = failed(Some("TokenRejected"));
        for (with_content, seen, hidden) in [(false, "[", "c1pher"), (true, "c1pher", "s3cret")] {
            let text = displayed(Queue::Failed, &message, with_content).to_string();
            assert!(text.contains(seen) && !text.contains(hidden), "{text}");
            assert!(!text.contains("s3cret") && !text.contains("t0ken"), "{text}");
        }
    }
}
