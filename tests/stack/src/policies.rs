//! Differences between the permissions of MiniStack and AWS.

use serde_json::Value;

use super::{Aws, Error};

/// Allows a role to send in batches wherever its policies allow it to send.
///
/// On AWS, `sqs:SendMessage` is the permission for `SendMessageBatch` (Amazon SQS, *API permissions*), and the batch
/// has no action of its own. MiniStack asks for one.
pub(crate) async fn allow_batches(aws: &Aws, role: &str) -> Result<(), Error> {
    for policy in aws.role_policies(role).await? {
        let mut document = aws.role_policy(role, &policy).await?;
        let statements = document.get_mut("Statement").and_then(Value::as_array_mut);
        for statement in statements.into_iter().flatten() {
            if let Some(action) = statement.get_mut("Action") {
                add_batch(action);
            }
        }
        aws.put_role_policy(role, &policy, &document).await?;
    }
    Ok(())
}

/// Adds the action for batches to an action or a list that has the action for single messages.
fn add_batch(action: &mut Value) {
    let mut actions = match action.take() {
        Value::Array(actions) => actions,
        one => vec![one],
    };
    if actions.iter().any(|action| action == "sqs:SendMessage") {
        actions.push("sqs:SendMessageBatch".into());
    }
    *action = Value::Array(actions);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_batch_is_allowed_where_the_single_message_is() {
        for (mut action, expected) in [
            (
                json!("sqs:SendMessage"),
                json!(["sqs:SendMessage", "sqs:SendMessageBatch"]),
            ),
            (
                json!(["a", "sqs:SendMessage"]),
                json!(["a", "sqs:SendMessage", "sqs:SendMessageBatch"]),
            ),
            (json!("sqs:ReceiveMessage"), json!(["sqs:ReceiveMessage"])),
        ] {
            add_batch(&mut action);
            assert_eq!(action, expected);
        }
    }
}
