//! What a person reads when AWS refuses, breaks or hangs, or the stack is not there.

use crate::{
    fake::{Fake, Reply, error, stack},
    tool::{Ended, Tool},
};

#[test]
fn credentials_that_aws_does_not_know_are_named() {
    let fake = Fake::start(|_| {
        Reply::Answer(
            403,
            error("InvalidClientTokenId", "The security token is invalid."),
        )
    });
    let ended = Tool::at(&fake.url).run("plan");
    check(
        &ended,
        3,
        &[
            "AWS CloudFormation in us-east-1 refused: InvalidClientTokenId",
            "aws sts get-caller-identity",
        ],
    );
}

#[test]
fn without_credentials_the_ways_to_get_some_are_named() {
    let fake = Fake::start(|_| Reply::Hang);
    let ended = Tool::at(&fake.url).without_credentials().run("plan");
    check(
        &ended,
        3,
        &[
            "no AWS credentials are available",
            "aws configure export-credentials",
        ],
    );
}

#[test]
fn a_profile_that_is_named_comes_before_credentials_in_the_environment() {
    let fake = Fake::start(|_| Reply::Answer(200, stack("CREATE_IN_PROGRESS", &[])));
    let ended = Tool::at(&fake.url).run("plan --profile nobody");
    check(&ended, 3, &["no AWS credentials are available"]);
    assert_eq!(fake.count(""), 0);
}

#[test]
fn a_wrong_clock_is_reported() {
    let message = "Signature expired: 20261122T100000Z is now earlier than 20261122T101000Z";
    let fake = Fake::start(move |_| Reply::Answer(403, error("SignatureDoesNotMatch", message)));
    let ended = Tool::at(&fake.url).run("plan");
    check(&ended, 3, &["the clock of this machine", "NTP"]);
}

#[test]
fn a_stack_that_is_not_there_is_named_with_its_region() {
    let fake =
        Fake::start(|_| Reply::Answer(400, error("ValidationError", "Stack with id x does not exist")));
    for command in ["plan", "status", "failed list", "events tail", "config show"] {
        let ended = Tool::at(&fake.url).run(&format!("{command} --stack x"));
        check(&ended, 4, &["no stack x exists in us-east-1", "--region"]);
    }
}

#[test]
fn a_stack_that_is_half_deployed_is_waited_for() {
    let fake = Fake::start(|_| Reply::Answer(200, stack("CREATE_IN_PROGRESS", &[])));
    let ended = Tool::at(&fake.url).run("plan");
    check(
        &ended,
        4,
        &[
            "no output RenewalFunctionName",
            "CREATE_IN_PROGRESS",
            "try again when it has finished",
        ],
    );
}

#[test]
fn an_endpoint_that_hangs_is_given_up_in_time() {
    let fake = Fake::start(|_| Reply::Hang);
    let ended = Tool::at(&fake.url).run("status --timeout 1");
    check(
        &ended,
        3,
        &["AWS CloudFormation did not answer within 1 s", "--endpoint-url"],
    );
}

#[test]
fn a_run_is_begun_once_however_the_connection_breaks() {
    let fake = Fake::start(|request| {
        if request.contains("/invocations") {
            return Reply::Break;
        }
        Reply::Answer(
            200,
            stack("CREATE_COMPLETE", &[("RenewalFunctionName", "renewal")]),
        )
    });
    let ended = Tool::at(&fake.url).run("apply");
    check(
        &ended,
        3,
        &["the connection to AWS Lambda broke", "graph-notifications plan"],
    );
    assert_eq!(fake.count("/2015-03-31/functions/renewal/invocations"), 1);
}

#[test]
fn doctor_stops_at_a_fault_that_prevents_the_other_checks() {
    let fake =
        Fake::start(|_| Reply::Answer(400, error("ValidationError", "Stack with id x does not exist")));
    let ended = Tool::at(&fake.url).on_terminal("doctor");
    assert_eq!(ended.status, 1, "{ended:?}");
    assert_eq!(ended.out, include_str!("missing-stack.txt"), "{}", ended.out);
}

#[test]
fn a_failure_is_json_for_a_program() {
    let fake =
        Fake::start(|_| Reply::Answer(400, error("ValidationError", "Stack with id x does not exist")));
    let answer = Tool::at(&fake.url).json("plan");
    assert_eq!(
        answer["error"],
        "no stack graph-notifications exists in us-east-1"
    );
}

#[test]
fn a_wrong_command_line_is_json_for_a_program() {
    let tool = Tool::at("http://127.0.0.1:1");
    for line in ["nonsense", "failed show", "plan --timeout none"] {
        let answer = tool.json(line);
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| text.starts_with("error: ")),
            "{answer}"
        );
        assert_eq!(tool.run(line).status, 2, "{line}");
    }
}

#[test]
fn a_file_is_checked_without_any_service() {
    let tool = Tool::at("http://127.0.0.1:1").without_credentials();
    let ended = tool.run_with("config check -", "{\n  \"tenants\": []\n}");
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .out
            .starts_with("standard input:2:3: error: tenants is a list"),
        "{ended:?}"
    );
}

#[test]
fn completions_are_for_each_shell() {
    let tool = Tool::at("http://127.0.0.1:1");
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c graph-notifications"),
    ] {
        let ended = tool.run(&format!("completions {shell}"));
        assert!(
            ended.status == 0 && ended.out.contains(part),
            "{shell}: {ended:?}"
        );
    }
}

#[track_caller]
fn check(ended: &Ended, status: i32, parts: &[&str]) {
    assert_eq!(ended.status, status, "{ended:?}");
    for part in parts {
        assert!(ended.err.contains(part), "{part}: {ended:?}");
    }
}
