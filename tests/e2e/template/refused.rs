//! Values of parameters that a deployment refuses, because AWS advises against them or the code could not follow.

use serde_json::{Value, json};

use super::{expanded::python, template};

#[test]
fn settings_that_aws_advises_against_are_rejected() {
    // A queue may use two instances, two scheduled runs of 15 minutes can overlap, and a person needs one for a plan.
    check(
        "RenewalReservedConcurrency",
        &["0", "5", "10"],
        &["1", "2", "4", "-1", ""],
    );
    check(
        "WebhookReservedConcurrency",
        &["0", "10", "500"],
        &["1", "9", "-1", ""],
    );
    check(
        "DecryptionReservedConcurrency",
        &["0", "2", "20", "999", "1000"],
        &["1", "1001", "10000", "-1", ""],
    );
}

/// Renewal reckons with the time between two runs, and alarms look at the runs of an hour.
#[test]
fn every_schedule_has_a_period_for_its_alarms() {
    let template = template();
    let allowed = template["Parameters"]["RenewalMinutes"]["AllowedValues"]
        .as_array()
        .unwrap();
    let periods = template["Mappings"]["RenewalPeriods"].as_object().unwrap();
    let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
    assert_eq!(periods.len(), names.len());
    for name in names {
        let minutes: u64 = name.parse().unwrap();
        let plural = if minutes == 1 { "" } else { "s" };
        let expected = json!({
            "Rate": format!("{minutes} minute{plural}"),
            "AlarmSeconds": (60 * minutes).max(600),
            "AbsentMinutes": (3 * minutes).max(30),
        });
        assert!((1..=60).contains(&minutes));
        assert_eq!(periods[&name], expected);
    }
}

/// The alias of a key deploys, and the roles could not use the key.
#[test]
fn an_arn_of_another_kind_is_rejected() {
    let of = |rest: &str| format!("arn:aws:{rest}");
    for (parameter, taken, refused) in [
        (
            "KmsKeyArn",
            of("kms:eu-central-1:111111111111:key/1234abcd-12ab"),
            of("kms:eu-central-1:111111111111:alias/own"),
        ),
        (
            "AlarmTopicArn",
            of("sns:eu-central-1:111111111111:alarms"),
            of("sqs:eu-central-1:111111111111:alarms"),
        ),
        (
            "EventBusArn",
            of("events:eu-central-1:111111111111:event-bus/own"),
            of("events:eu-central-1:111111111111:rule/own"),
        ),
        (
            "PermissionsBoundaryArn",
            of("iam::111111111111:policy/a/boundary"),
            of("iam::111111111111:role/boundary"),
        ),
    ] {
        check(parameter, &["", &taken], &[&refused, "own", "*"]);
        check(parameter, &[&taken.replace("arn:aws:", "arn:aws-us-gov:")], &[]);
    }
}

/// SAM cuts a value without quotes at its first space.
#[test]
fn issuers_that_were_cut_are_refused() {
    let whole = r#"{"usgov": {"publisher": "GUID",
        "issuerV1": "https://../{tenantid}/", "issuerV2": ".."}}"#;
    let cut = ["{", r#"{"usgov":"#, r#"{"usgov":{"publisher":"#, "x"];
    check("ValidationAuthorities", &["", "{}", whole], &cut);
}

/// Without the other one, each of them would have no effect, and the functions would be in no VPC.
#[test]
fn subnets_and_security_groups_need_each_other() {
    let is_given = |name: &str| json!({"Fn::Not": [{"Fn::EachMemberEquals": [{"Ref": name}, ""]}]});
    let (subnets, groups) = (is_given("SubnetIds"), is_given("SecurityGroupIds"));
    let template = template();
    let rules = template["Rules"].as_object().unwrap();
    for (given, needed) in [(&subnets, &groups), (&groups, &subnets)] {
        let says =
            |rule: &&Value| rule["RuleCondition"] == *given && rule["Assertions"][0]["Assert"] == *needed;
        assert_eq!(rules.values().filter(says).count(), 1, "{given}");
    }
}

#[test]
fn malformed_names_and_accounts_are_rejected() {
    check(
        "WebhookDomain",
        &["", "graph.example.com"],
        &[
            "https://graph.example.com",
            "graph.example.com/x",
            "Graph.example.com",
            "-a.com",
        ],
    );
    check(
        "ConsumerAccountId",
        &["", "123456789012"],
        &["1", "12345678901a", "*"],
    );
}

/// Every number of days that CloudWatch Logs takes (*`PutRetentionPolicy`*), for botocore's model does not list them.
#[test]
fn logs_are_kept_for_as_long_as_cloudwatch_offers() {
    let parameter = &template()["Parameters"]["LogRetentionDays"];
    let days = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288,
        3653,
    ];
    assert_eq!(parameter["AllowedValues"], json!(days));
}

/// Checks which values the pattern of a parameter takes.
#[track_caller]
fn check(parameter: &str, taken: &[&str], refused: &[&str]) {
    let pattern = &template()["Parameters"][parameter]["AllowedPattern"];
    let matching = |values: &[&str]| -> Value {
        serde_json::from_str(&python(MATCH, &json!([pattern, values]))).unwrap()
    };
    assert_eq!(matching(taken), json!(taken), "{parameter}");
    assert_eq!(matching(refused), json!([]), "{parameter}");
}

const MATCH: &str = "
import json, re, sys
pattern, values = json.load(sys.stdin)
print(json.dumps([value for value in values if re.fullmatch(pattern, value)]))";
