//! The effects of optional parameters, and that the template lacks them otherwise.

use serde_json::{Value, json};

use super::{
    expanded::{BOUNDARY, KEY, hardened, plain, plain_with_conditions, without_reader},
    file, permissions,
    resolved::resolve,
    resources,
};

#[test]
fn two_stacks_share_no_name() {
    for template in [plain(), hardened()] {
        let names: Vec<String> = template["Resources"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(fixed)
            .collect();
        assert_eq!(names, Vec::<String>::new());
    }
}

/// Returns the names of a resource that are the same in every stack.
fn fixed((logical, resource): (&String, &Value)) -> Vec<String> {
    // The name of an alias is its own within its function.
    let is_alias = resource["Type"] == "AWS::Lambda::Alias";
    let properties = resource["Properties"]
        .as_object()
        .filter(|_| !is_alias)
        .into_iter()
        .flatten();
    let named = properties.filter(|(key, _)| key.ends_with("Name") && !FOREIGN_NAMES.contains(&key.as_str()));
    let is_fixed = |value: &Value| {
        let text = value.to_string();
        ["AWS::StackName", "\"Ref\"", "Fn::GetAtt"]
            .iter()
            .all(|own| !text.contains(own))
    };
    named
        .filter(|(_, value)| is_fixed(value))
        .map(|(key, value)| format!("{logical}.{key} is {value} in every stack"))
        .collect()
}

#[test]
fn a_key_of_ones_own_encrypts_queues_secrets_and_logs() {
    for (kind, property) in ENCRYPTED {
        for (name, resource) in resources(hardened(), kind) {
            assert_eq!(resource["Properties"][property], KEY, "{name}");
            assert_eq!(resource["Properties"].get("SqsManagedSseEnabled"), None, "{name}");
        }
        for (name, resource) in resources(plain(), kind) {
            assert_eq!(resource["Properties"].get(property), None, "{name}");
        }
    }
    for name in FUNCTIONS {
        let role = hardened()["Resources"][format!("{name}Role")].to_string();
        assert!(role.contains("kms:Decrypt") && role.contains(KEY), "{name}");
    }
    assert!(!plain()["Resources"].to_string().contains("kms:"));
}

#[test]
fn a_boundary_holds_for_every_role() {
    for (name, role) in resources(hardened(), "AWS::IAM::Role") {
        assert_eq!(role["Properties"]["PermissionsBoundary"], BOUNDARY, "{name}");
    }
    for (name, role) in resources(plain(), "AWS::IAM::Role") {
        assert_eq!(role["Properties"].get("PermissionsBoundary"), None, "{name}");
    }
}

#[test]
fn only_functions_in_a_vpc_or_traced_get_those_permissions() {
    for name in FUNCTIONS {
        let of = |template: &Value, name: &str| template["Resources"][name]["Properties"].clone();
        let [function, role] = [name, &format!("{name}Role")].map(|name| of(hardened(), name));
        let vpc = json!({"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]});
        assert_eq!(function["VpcConfig"], vpc);
        assert_eq!(function["TracingConfig"], json!({"Mode": "Active"}));
        let policies = role["ManagedPolicyArns"].to_string();
        for policy in ["AWSLambdaENIManagementAccess", "AWSXRayDaemonWriteAccess"] {
            assert!(policies.contains(policy), "{policies}");
        }
        let [function, role] = [name, &format!("{name}Role")].map(|name| of(plain(), name));
        assert_eq!(function.get("VpcConfig"), None);
        assert_eq!(function["TracingConfig"], json!({"Mode": "PassThrough"}));
        assert_eq!(role["ManagedPolicyArns"], json!([]));
    }
}

#[test]
fn no_role_may_do_more_than_it_needs() {
    for template in [plain(), hardened()] {
        assert_eq!(permissions::faults(template), Vec::<String>::new());
    }
}

#[test]
fn a_domain_of_ones_own_takes_the_place_of_the_apis() {
    let renewal = |template: &Value, name: &str| {
        template["Resources"]["RenewalFunction"]["Properties"]["Environment"]["Variables"][name].clone()
    };
    for (path, variable, output) in [
        ("notifications", "WEBHOOK_URL", "WebhookUrl"),
        ("lifecycle", "LIFECYCLE_URL", "LifecycleUrl"),
    ] {
        let url = json!(format!("https://graph.example.com/{path}"));
        assert_eq!(renewal(hardened(), variable), url);
        assert_eq!(hardened()["Outputs"][output]["Value"], url);
        assert!(renewal(plain(), variable).to_string().contains(".execute-api."));
    }
    let is_disabled = |template: &Value| {
        let body = &template["Resources"]["HttpApi"]["Properties"]["Body"];
        let text = body.to_string();
        text.contains("\"disableExecuteApiEndpoint\":\"true\"")
            || text.contains("\"disableExecuteApiEndpoint\":true")
    };
    assert!(is_disabled(hardened()) && !is_disabled(plain()));
}

#[test]
fn another_account_may_read_events_and_nothing_else() {
    let policies = resources(hardened(), "AWS::SQS::QueuePolicy");
    let allowed: Vec<&Value> = policies
        .values()
        .flat_map(|policy| {
            policy["Properties"]["PolicyDocument"]["Statement"]
                .as_array()
                .unwrap()
        })
        .filter(|statement| statement["Effect"] == "Allow")
        .collect();
    let [statement] = allowed[..] else {
        panic!("{allowed:?}")
    };
    assert!(statement["Principal"].to_string().contains("222222222222"));
    assert_eq!(
        statement["Resource"],
        json!({"Fn::GetAtt": ["DeliveryQueue", "Arn"]})
    );
    let actions = statement["Action"].to_string();
    assert!(
        !actions.contains("Send") && !actions.contains("Purge") && !actions.contains('*'),
        "{actions}"
    );
}

#[test]
fn every_queue_denies_requests_without_tls() {
    let queues = resources(plain(), "AWS::SQS::Queue");
    let policies = resources(plain(), "AWS::SQS::QueuePolicy");
    for queue in queues.keys() {
        let is_covered = |policy: &&Value| {
            let properties = &policy["Properties"];
            let statement = &properties["PolicyDocument"]["Statement"][0];
            properties["Queues"].to_string().contains(&format!("\"{queue}\""))
                && statement["Resource"]
                    .to_string()
                    .contains(&format!("\"{queue}\""))
                && statement["Effect"] == "Deny"
                && statement["Condition"] == json!({"Bool": {"aws:SecureTransport": "false"}})
        };
        // The last of several policies of a queue would take the place of the others.
        assert_eq!(
            policies
                .values()
                .copied()
                .filter(|policy| is_covered(policy))
                .count(),
            1,
            "{queue}"
        );
    }
}

#[test]
fn a_canary_rolls_back_on_errors_and_is_optional() {
    let group = &hardened()["Resources"]["WebhookFunctionDeploymentGroup"]["Properties"];
    let alarms = group["AlarmConfiguration"]["Alarms"].to_string();
    // API Gateway answers 500 for a function that fails. The alarms for people need longer than a deployment takes.
    assert!(alarms.contains("DeploymentErrorAlarm"), "{alarms}");
    assert!(!alarms.contains("WebhookFunctionErrorAlarm"), "{alarms}");
    assert_eq!(
        group["ServiceRoleArn"],
        json!({"Fn::GetAtt": ["DeploymentRole", "Arn"]})
    );
    assert!(
        group["DeploymentConfigName"]
            .to_string()
            .contains("Canary10Percent5Minutes")
    );
    for kind in ["AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"] {
        assert!(resources(plain(), kind).is_empty(), "{kind}");
    }
    for own in ["DeploymentRole", "DeploymentErrorAlarm", "DeploymentErrorFilter"] {
        assert_eq!(plain()["Resources"].get(own), None);
    }
}

/// Two minutes are for the access log to reach the alarm, of the five that the shortest deployment in steps takes.
#[test]
fn an_alarm_on_the_webhooks_answers_goes_off_during_a_deployment() {
    let alarm = &hardened()["Resources"]["DeploymentErrorAlarm"]["Properties"];
    let seconds = |name: &str| alarm[name].as_u64().unwrap();
    assert!(
        seconds("Period") * seconds("EvaluationPeriods") <= 3 * 60,
        "{alarm}"
    );
    let filter = &hardened()["Resources"]["DeploymentErrorFilter"]["Properties"];
    assert_eq!(
        filter["MetricTransformations"][0]["MetricName"],
        alarm["MetricName"]
    );
}

/// It goes off at every 5xx, whether there is a deployment or not. `WebhookErrorAlarm` is for people.
#[test]
fn the_alarm_of_a_deployment_wakes_nobody() {
    let alarm = &hardened()["Resources"]["DeploymentErrorAlarm"]["Properties"];
    assert_eq!((alarm.get("AlarmActions"), alarm.get("OKActions")), (None, None));
}

/// SAM makes a version of the code and the properties, and does not look into parameters.
#[test]
fn a_changed_parameter_of_the_webhook_makes_a_version() {
    let function = plain()["Resources"]["WebhookFunction"]["Properties"].to_string();
    let (_, version) = resources(plain(), "AWS::Lambda::Version").pop_first().unwrap();
    let [before, after] = [&plain(), &hardened()].map(|template| {
        let (_, version) = resources(template, "AWS::Lambda::Version").pop_first().unwrap();
        version["Properties"]["Description"].clone()
    });
    assert!(
        function.contains("PassThrough")
            && version["Properties"]["Description"]
                .to_string()
                .contains("PassThrough")
    );
    assert_ne!(before, after);
}

/// AWS Lambda, *`PublishVersion`*. Ids of subnets are longer than those of security groups, so one group is the worst.
#[test]
fn the_description_of_a_version_has_room_for_seven_ids() {
    let subnets = ["subnet-0123456789abcdef0"; 6].join(",");
    let given = [
        ("Architecture", "x86_64"),
        ("LogLevel", "TRACE"),
        ("Tracing", "PassThrough"),
        ("Reader", "disabled"),
        ("SubnetIds", subnets.as_str()),
        ("SecurityGroupIds", "sg-0123456789abcdef0"),
    ];
    let template = resolve(plain_with_conditions(), &given);
    let (_, version) = resources(&template, "AWS::Lambda::Version").pop_first().unwrap();
    let description = version["Properties"]["Description"].as_str().unwrap();
    assert!(description.len() <= 256, "{description}");
    assert!(description.contains(given[5].1), "{description}");
}

/// A template that refers to what its conditions leave out is refused by CloudFormation.
#[test]
fn a_stack_without_a_reader_has_nothing_of_it() {
    let all = plain()["Resources"].as_object().unwrap().keys();
    let kept = &without_reader()["Resources"];
    let gone: Vec<&String> = all.filter(|name| kept.get(name).is_none()).collect();
    let of_it = [
        "ReadAgeAlarm",
        "ReadForbiddenAlarm",
        "ReadQueue",
        "ReadQueuePolicy",
        "ReadRetriedAlarm",
        "ReaderErrorAlarm",
        "ReaderFunction",
        "ReaderFunctionRole",
        "ReaderLogGroup",
        "ReaderMapping",
        "ReaderThrottledAlarm",
    ];
    assert_eq!(gone, of_it);
    let rest = format!("{kept} {}", without_reader()["Outputs"]);
    for name in of_it {
        for reference in [
            format!("\"{name}\""),
            format!("${{{name}}}"),
            format!("${{{name}."),
        ] {
            assert!(!rest.contains(&reference), "{reference} is left");
        }
    }
    let settings =
        |function: &str| kept[function]["Properties"]["Environment"]["Variables"]["READ_QUEUE_URL"].clone();
    let functions = ["WebhookFunction", "DecryptionFunction", "RenewalFunction"];
    assert_eq!(functions.map(settings), ["", "", ""]);
}

#[test]
fn reader_may_neither_write_a_secret_nor_read_a_private_key() {
    let policy = plain()["Resources"]["ReaderFunctionRole"]["Properties"]["Policies"].to_string();
    for forbidden in ["PutSecretValue", "DecryptionSecret", "RefreshTokenSecret", "ssm:"] {
        assert!(!policy.contains(forbidden), "{forbidden}");
    }
    assert!(policy.contains("ConfigSecret") && policy.contains("ClientStateSecret"));
}

#[test]
fn concurrency_and_throttling_are_as_given() {
    let given = [
        ("WebhookReservedConcurrency", "83"),
        ("RenewalReservedConcurrency", "85"),
        ("ThrottlingRateLimit", "81"),
        ("ThrottlingBurstLimit", "82"),
    ];
    let shown = |given: &[(&str, &str)]| {
        let template = resolve(plain_with_conditions(), given);
        let of = |name: &str| template["Resources"][name]["Properties"].clone();
        let stage = of("HttpApiApiGatewayDefaultStage")["DefaultRouteSettings"].clone();
        [
            of("WebhookFunction")["ReservedConcurrentExecutions"].clone(),
            of("RenewalFunction")["ReservedConcurrentExecutions"].clone(),
            stage["ThrottlingRateLimit"].clone(),
            stage["ThrottlingBurstLimit"].clone(),
        ]
        .map(|value| value.to_string().replace('"', ""))
    };
    assert_eq!(shown(&given), ["83", "85", "81", "82"]);
    assert_eq!(shown(&[]), ["null", "null", "1000", "2000"]);
}

#[test]
fn reserved_concurrency_is_at_least_the_queues_maximum() {
    let most = |template: &Value| {
        template["Resources"]["DecryptionMapping"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]
            .clone()
    };
    assert_eq!((most(plain()), most(hardened())), (json!("3"), json!("20")));
    let function = &hardened()["Resources"]["DecryptionFunction"]["Properties"];
    assert_eq!(function["ReservedConcurrentExecutions"], json!("20"));
}

/// A new account has 10 (AWS Lambda, *quotas*), and the webhook needs what queues and the schedule leave.
#[test]
fn a_new_account_has_concurrency_for_the_webhook() {
    let mappings = resources(plain(), "AWS::Lambda::EventSourceMapping");
    let queues: usize = mappings
        .values()
        .map(|mapping| &mapping["Properties"]["ScalingConfig"]["MaximumConcurrency"])
        .map(|most| most.to_string().replace('"', "").parse::<usize>().unwrap())
        .sum();
    let schedules = resources(plain(), "AWS::Scheduler::Schedule").len();
    let (taken, account) = (queues + schedules, 10);
    let left = account - taken;
    assert!(left >= 2, "{queues} and {schedules}");
    let said = format!("These {taken} leave {left} for the webhook.");
    let operations = file("docs/operations.md").replace('\n', " ");
    assert!(operations.contains(&said), "{said}");
}

/// Names that are not the resource's own.
const FOREIGN_NAMES: [&str; 4] = [
    "MetricName",
    "StageName",
    "ApplicationName",
    "DeploymentConfigName",
];

const FUNCTIONS: [&str; 4] = [
    "WebhookFunction",
    "DecryptionFunction",
    "RenewalFunction",
    "ReaderFunction",
];

const ENCRYPTED: [(&str, &str); 3] = [
    ("AWS::SQS::Queue", "KmsMasterKeyId"),
    ("AWS::SecretsManager::Secret", "KmsKeyId"),
    ("AWS::Logs::LogGroup", "KmsKeyId"),
];
