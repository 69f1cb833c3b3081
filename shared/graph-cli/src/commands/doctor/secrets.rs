//! The secrets of the stack.

use graph_edge::{
    secrets::{SecretStore, Source},
    telemetry::causes,
};
use serde_json::Value;

use crate::{
    commands::Context,
    doctor::{Finding, judge::secrets as judge},
    failure::Failure,
};

/// Checks the three readable secrets.
pub(super) async fn findings(context: &Context, configuration: &Value) -> Result<Vec<Finding>, Failure> {
    let store = SecretStore::new(&context.aws.config);
    let variable = |name: &str| {
        let value = configuration.pointer(&format!("/Environment/Variables/{name}"));
        value.and_then(Value::as_str).map(str::to_owned)
    };
    let config = store
        .secret(context.stack.output("ConfigSecretArn")?)
        .read()
        .await;
    let config = match config {
        Ok(config) => judge::configuration(config.as_ref().map(|config| config.text.expose().as_str())),
        Err(error) => Finding::wrong(
            "configuration",
            format!("ConfigSecret cannot be read: {}", causes(&error)),
            ALLOW_SECRETS,
        ),
    };
    let (Some(client_state), Some(decryption)) = (
        variable("CLIENT_STATE_SECRET_ARN"),
        variable("DECRYPTION_SECRET_ARN"),
    ) else {
        let text = "Lambda does not say which secrets renewal writes; your credentials need lambda:GetFunctionConfiguration";
        return Ok(vec![config, Finding::unknown("keys", text)]);
    };
    let (client_state, decryption) = (store.secret(client_state), store.secret(decryption));
    let keys = match (client_state.read().await, decryption.read().await) {
        (Ok(client_state), Ok(decryption)) => {
            let text = |version: &Option<graph_edge::secrets::Versioned>| {
                version.as_ref().map(|version| version.text.clone())
            };
            let (client_state, decryption) = (text(&client_state), text(&decryption));
            let exposed = |text: &'_ Option<graph_core::secrets::Secret<String>>| {
                text.as_ref().map(|text| text.expose().clone())
            };
            judge::keys(exposed(&client_state).as_deref(), exposed(&decryption).as_deref())
        }
        (Err(error), _) | (_, Err(error)) => Finding::unknown(
            "keys",
            format!(
                "the keys cannot be read with your credentials: {}",
                causes(&error)
            ),
        ),
    };
    Ok(vec![config, keys])
}

const ALLOW_SECRETS: &str = "Your credentials need secretsmanager:GetSecretValue for ConfigSecret.";
