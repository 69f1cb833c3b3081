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

/// docs/operations.md reckons with as many bytes: the line, and what CloudWatch Logs adds to each.
#[test]
fn a_line_is_as_long_as_the_cost_of_a_post_says() {
    let address = "2001:0db8:85a3:0000:0000:8a2e:0370:7334";
    let values = [
        "28/Nov/2026:10:00:00 +0000",
        "AbCdEfGhIjKlMnO=",
        address,
        "POST /notifications",
        "202",
        "-",
        "200",
        "202",
        "11111111-2222-3333-4444-555555555555",
        "1000",
        "0",
    ];
    let mut line = format().replace("${AWS::StackName}", "graph-notifications");
    for value in values {
        let start = line.find("$context.").unwrap();
        let end = start + line[start..].find('"').unwrap();
        line.replace_range(start..end, value);
    }
    assert!(!line.contains("$context"), "{line}");
    let bytes = line.len() + 26;
    assert!((340..=420).contains(&bytes), "{bytes} bytes: {line}");
    assert!(super::file("docs/operations.md").contains("420 bytes"));
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
