use super::creation::check;
use super::*;

#[tokio::test]
async fn emergency_events_come_with_resource_data_only() {
    let bench = Bench::new().await;
    let resource = "communications/calls/getEmergencyEventsByPolicy(policyName='p')";

    check(
        &bench,
        bench.basic(resource),
        |_| {},
        "InvalidRequest",
        "includeResourceData is required",
    )
    .await;
    bench.subscribe(bench.rich(resource)).await;
}

#[tokio::test]
async fn resource_data_needs_a_good_certificate_and_its_name() {
    let bench = Bench::new().await;
    let rich = || bench.rich("/teams");
    let none = |body: &mut Value| body["encryptionCertificate"] = Value::Null;
    check(
        &bench,
        rich(),
        none,
        "InvalidRequest",
        "required properties when resource data is included",
    )
    .await;
    let unnamed = |body: &mut Value| body["encryptionCertificateId"] = Value::Null;
    check(
        &bench,
        rich(),
        unnamed,
        "InvalidRequest",
        "required properties when resource data",
    )
    .await;
    let armoured = |body: &mut Value| body["encryptionCertificate"] = json!("-----BEGIN CERTIFICATE-----");
    let text = "Certificate validation error: Cannot find the requested object.";
    check(&bench, rich(), armoured, "InvalidRequest", text).await;
}

#[tokio::test]
async fn resource_data_follows_the_rules_of_the_resource() {
    let bench = Bench::new().await;
    let same = |_: &mut Value| {};
    check(
        &bench,
        bench.rich("/users"),
        same,
        "InvalidRequest",
        "Resource data is not supported",
    )
    .await;
    check(
        &bench,
        bench.rich("/teams?$select=id"),
        same,
        "InvalidRequest",
        "$select is not supported",
    )
    .await;
    let no_selection = "select clause should be present in query string to support rich notifications";
    check(
        &bench,
        bench.rich("/users/1/messages"),
        same,
        "ExtensionError",
        no_selection,
    )
    .await;
    for options in [
        "$select=id,Body",
        "$select=id&$top=3",
        "$select=id&$expand=attachments",
    ] {
        let body = bench.rich(&format!("/users/1/messages?{options}"));
        check(&bench, body, same, "ExtensionError", "$top, $skip, $orderby").await;
    }
    bench
        .subscribe(bench.rich("/users/1/messages?$select=id,subject&$filter=isRead eq false"))
        .await;
}
