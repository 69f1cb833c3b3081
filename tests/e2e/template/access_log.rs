//! The access log: JSON, whatever happens, and nothing that is secret.

use serde_json::Value;

use super::expanded::plain;

#[test]
fn every_line_is_json() {
    // What API Gateway writes for what it does not know is a dash.
    for value in ["-", "", "503", "$default"] {
        let line = with(value);
        assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    }
}

/// The text of an error can hold quotes, and a query holds what a handshake has to echo.
#[test]
fn a_line_has_no_text_from_outside() {
    let format = format();
    for variable in [
        "error.message",
        "integration.error",
        "integrationErrorMessage",
        "path",
        "query",
        "header",
    ] {
        assert!(!format.contains(variable), "{variable}");
    }
}

/// A function that failed has no status of its own, and Lambda has none for a function that answered 503.
#[test]
fn a_line_has_separate_statuses_of_api_gateway_lambda_and_function() {
    for variable in [
        "$context.status",
        "$context.integration.integrationStatus",
        "$context.integration.status",
    ] {
        assert!(format().contains(&format!("\"{variable}\"")), "{variable}");
    }
}

fn format() -> String {
    let stage = &plain()["Resources"]["HttpApiApiGatewayDefaultStage"]["Properties"];
    let format = &stage["AccessLogSettings"]["Format"];
    format["Fn::Sub"].as_str().or(format.as_str()).unwrap().to_owned()
}

/// Returns a line in which every variable has this value.
fn with(value: &str) -> String {
    let format = format().replace("${AWS::StackName}", "stack");
    let mut parts = format.split("$context.");
    let mut line = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|char: char| char.is_alphanumeric() || char == '.');
        line.extend([value, rest]);
    }
    line
}
