use aws_sdk_sqs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

use super::*;

#[test]
fn a_service_is_where_the_region_is_or_where_the_environment_says() {
    for (region, uses_fips, endpoint, expected) in [
        (
            "eu-central-1",
            false,
            None,
            "https://ssm.eu-central-1.amazonaws.com/",
        ),
        (
            "cn-north-1",
            false,
            None,
            "https://ssm.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "us-iso-east-1",
            false,
            None,
            "https://ssm.us-iso-east-1.c2s.ic.gov/",
        ),
        (
            "us-isob-east-1",
            false,
            None,
            "https://ssm.us-isob-east-1.sc2s.sgov.gov/",
        ),
        (
            "us-isof-south-1",
            false,
            None,
            "https://ssm.us-isof-south-1.csp.hci.ic.gov/",
        ),
        (
            "eu-isoe-west-1",
            false,
            None,
            "https://ssm.eu-isoe-west-1.cloud.adc-e.uk/",
        ),
        (
            "eusc-de-east-1",
            false,
            None,
            "https://ssm.eusc-de-east-1.amazonaws.eu/",
        ),
        (
            "ca-central-1",
            true,
            None,
            "https://ssm-fips.ca-central-1.amazonaws.com/",
        ),
        (
            "us-gov-west-1",
            true,
            None,
            "https://ssm.us-gov-west-1.amazonaws.com/",
        ),
        (
            "us-east-1",
            true,
            Some("http://127.0.0.1:4566"),
            "http://127.0.0.1:4566/",
        ),
    ] {
        assert_eq!(url("ssm", region, uses_fips, endpoint), expected);
    }
}

#[test]
fn a_refusal_says_its_code_and_nothing_else_of_the_answer() {
    for (answer, expected) in [
        (
            r#"{"__type":"AccessDeniedException","message":"secret"}"#,
            "AccessDeniedException",
        ),
        (
            r#"{"__type":"com.amazonaws.ssm#ParameterNotFound"}"#,
            "ParameterNotFound",
        ),
        (r#"{"__type":"two words"}"#, "no code"),
        ("<html>", "no code"),
    ] {
        assert_eq!(code(answer.as_bytes()), expected);
    }
}

#[tokio::test]
async fn amazon_sqs_is_where_its_sdk_says() {
    for region in [
        "ap-southeast-7",
        "cn-north-1",
        "eu-central-1",
        "eu-isoe-west-1",
        "eusc-de-east-1",
        "us-east-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
    ] {
        for uses_fips in [false, true] {
            let asked = Params::builder().region(region).use_fips(uses_fips).build();
            let found = DefaultResolver::new()
                .resolve_endpoint(&asked.unwrap())
                .await
                .unwrap();
            assert_eq!(url("sqs", region, uses_fips, None), format!("{}/", found.url()));
        }
    }
}
