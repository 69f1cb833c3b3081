use super::*;
use crate::{
    application::test_util::guid,
    subscription::{catalogue::Version, config::EntryOptions, model::Subscription},
};

mod changes;
mod properties;
mod rotation;

const NOW: &str = "2026-11-22T10:00:00Z";

#[test]
fn an_entry_without_subscription_is_created() {
    let steps = plan_of(&[mail()], &[]);
    let Action::Create(creation) = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!(steps[0].reason, Reason::Missing);
    assert_eq!(creation.expires_at, at("2026-11-25T10:00:00Z"));
    assert_eq!(
        creation.notification_url,
        format!(
            "https://our.example/notifications?i=stack&s=mail&k=k2&c=c2&d={}",
            mail().digest()
        )
    );
    assert_eq!(
        creation.lifecycle_url,
        format!(
            "https://our.example/lifecycle?i=stack&s=mail&k=k2&c=c2&d={}",
            mail().digest()
        )
    );
    assert_eq!(
        (creation.key_id.as_str(), creation.certificate_id.as_deref()),
        ("k2", Some("c2"))
    );
}

#[test]
fn an_entry_without_resource_data_has_no_certificate() {
    let steps = plan_of(
        &[Desired {
            include_resource_data: false,
            ..mail()
        }],
        &[],
    );
    let Action::Create(creation) = &steps[0].action else {
        panic!("{steps:?}")
    };
    assert_eq!(
        creation.notification_url,
        format!(
            "https://our.example/notifications?i=stack&s=mail&k=k2&d={}",
            creation.desired.digest()
        )
    );
    assert_eq!(creation.certificate_id, None);
}

#[test]
fn a_subscription_that_is_not_due_is_kept() {
    check(listed(), "keep", "2 d 22 h left");
}

#[test]
fn a_different_spelling_by_graph_changes_nothing() {
    let spelled = Subscription {
        resource: Some("users/1/Messages".to_owned()),
        change_type: Some("Updated, created".to_owned()),
        notification_url: Some("https://OUR.example:443/notifications?i=stack&s=mail&k=k1&c=c2".to_owned()),
        ..listed()
    };
    check(spelled, "keep", "2 d 22 h left");
}

#[test]
fn a_member_that_graph_hides_is_not_a_difference() {
    let blank = Subscription {
        resource: None,
        change_type: None,
        lifecycle_notification_url: None,
        include_resource_data: None,
        encryption_certificate_id: Some(String::new()),
        ..listed()
    };
    check(blank, "keep", "2 d 22 h left");
}

#[test]
fn a_due_subscription_is_renewed() {
    let due = Subscription {
        expiration_date_time: Some(at("2026-11-22T14:00:00Z")),
        ..listed()
    };
    let steps = check(due, "renew", "4 h left, renewed below 2 d 16 h");
    let Action::Renew { renewal, .. } = &steps[0].action else {
        panic!("{steps:?}")
    };
    let expected = Renewal {
        expires_at: at("2026-11-25T10:00:00Z"),
        notification_url: None,
        certificate_id: None,
    };
    assert_eq!(*renewal, expected);
}

#[test]
fn a_subscription_without_an_expiry_is_renewed() {
    check(
        Subscription {
            expiration_date_time: None,
            ..listed()
        },
        "renew",
        "Graph does not say when it expires",
    );
}

#[test]
fn presence_lives_under_a_schedule_of_ten_minutes() {
    let presence = Desired {
        lifetime: SignedDuration::from_mins(50),
        ..mail()
    };
    for (left, expected) in [
        (50, "keep"),
        (41, "keep"),
        (34, "renew"),
        (1, "renew"),
        (0, "replace"),
    ] {
        let expires_at = at(NOW) + SignedDuration::from_mins(left);
        let listed = Subscription {
            expiration_date_time: Some(expires_at),
            ..listed()
        };
        let steps = plan_of(std::slice::from_ref(&presence), &[listed]);
        assert_eq!(steps[0].action.name(), expected, "{left} min left");
    }
}

#[test]
fn ours_without_an_entry_is_deleted() {
    let orphan = Subscription {
        id: "id-x".to_owned(),
        notification_url: Some(url("x", "k1", "c2")),
        resource: Some("/groups".to_owned()),
        ..listed()
    };
    let steps = plan_of(&[mail()], &[orphan, listed()]);
    assert_eq!(
        shown(&steps),
        [
            ("keep", "2 d 22 h left".to_owned()),
            ("delete", "no entry asks for it".to_owned())
        ]
    );
}

#[test]
fn ours_that_names_nothing_is_deleted() {
    let nameless = Subscription {
        notification_url: Some("https://our.example/notifications?i=stack".to_owned()),
        resource: Some("/groups".to_owned()),
        ..listed()
    };
    let steps = plan_of(&[], &[nameless]);
    assert_eq!(shown(&steps), [("delete", "no entry asks for it".to_owned())]);
}

#[test]
fn of_duplicates_the_fitting_one_that_lives_longest_stays() {
    let unfit = Subscription {
        id: "a".to_owned(),
        change_type: Some("deleted".to_owned()),
        expiration_date_time: Some(at("2026-11-25T09:59:00Z")),
        ..listed()
    };
    let sooner = Subscription {
        id: "b".to_owned(),
        expiration_date_time: Some(at("2026-11-25T07:00:00Z")),
        ..listed()
    };
    let steps = plan_of(&[mail()], &[unfit, sooner, listed()]);
    let of: Vec<_> = steps
        .iter()
        .map(|step| (step.action.name(), step.action.id().unwrap()))
        .collect();
    assert_eq!(of, [("delete", "b"), ("keep", "id-mail"), ("delete", "a")]);
    assert_eq!(steps[0].reason.to_string(), "its entry already has id-mail");
}

#[test]
fn an_entry_that_is_held_keeps_its_subscriptions() {
    let context = Context {
        held: BTreeMap::from([("mail".to_owned(), "its entry has a mistake".to_owned())]),
        ..context()
    };
    let many = Subscription {
        id: "2".to_owned(),
        notification_url: Some(url("mail/4f", "k1", "c1")),
        ..listed()
    };
    let steps = plan(&[], &[listed(), many], &context, at(NOW), &Policy::default());
    let kept = ("keep", "left unchanged: its entry has a mistake".to_owned());
    assert_eq!(shown(&steps), [kept.clone(), kept]);
}

#[test]
fn nothing_is_deleted_while_entries_cannot_be_read() {
    let context = Context {
        complete: false,
        ..context()
    };
    let orphan = Subscription {
        id: "1".to_owned(),
        notification_url: Some(url("unread", "k1", "c2")),
        ..listed()
    };
    let steps = plan(
        &[mail()],
        &[orphan, listed()],
        &context,
        at(NOW),
        &Policy::default(),
    );
    let names: Vec<_> = steps.iter().map(|step| step.action.name()).collect();
    assert_eq!(names, ["keep", "keep"]);
}

#[test]
fn a_held_subscription_is_not_taken_for_a_renamed_one() {
    let context = Context {
        held: BTreeMap::from([("mail".to_owned(), "held".to_owned())]),
        ..context()
    };
    let other = Desired {
        name: "inbox".to_owned(),
        ..mail()
    };
    let steps = plan(&[other], &[listed()], &context, at(NOW), &Policy::default());
    assert_eq!(
        steps.iter().map(|step| step.action.name()).collect::<Vec<_>>(),
        ["create", "keep"]
    );
}

#[test]
fn missing_subscriptions_come_first_then_the_soonest_expiry() {
    let entry = |name: &str| Desired {
        name: name.to_owned(),
        resource: format!("/users/{name}"),
        ..mail()
    };
    let ends = |name: &str, expires_at: &str| Subscription {
        id: name.to_owned(),
        resource: Some(format!("/users/{name}")),
        notification_url: Some(url(name, "k1", "c2")),
        lifecycle_notification_url: None,
        expiration_date_time: Some(at(expires_at)),
        ..listed()
    };
    let steps = plan_of(
        &[entry("a"), entry("b"), entry("c"), entry("d")],
        &[
            ends("b", "2026-11-22T12:00:00Z"),
            ends("c", "2026-11-22T11:00:00Z"),
            ends("d", "2026-11-25T11:00:00Z"),
        ],
    );
    assert_eq!(
        steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(),
        ["a", "c", "b", "d"]
    );
}

/// Checks the one step for the entry `mail` when Graph lists `subscription`.
#[track_caller]
fn check(subscription: Subscription, action: &str, reason: &str) -> Vec<Step> {
    check_in(&context(), subscription, action, reason)
}

#[track_caller]
fn check_in(context: &Context, subscription: Subscription, action: &str, reason: &str) -> Vec<Step> {
    let steps = plan(&[mail()], &[subscription], context, at(NOW), &Policy::default());
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!(steps[0].action.name(), action, "{steps:?}");
    assert!(
        steps[0].reason.to_string().starts_with(reason),
        "{}",
        steps[0].reason
    );
    steps
}

/// Returns the plan for Graph's list.
fn plan(
    desired: &[Desired],
    listed: &[Subscription],
    context: &Context,
    now: Timestamp,
    policy: &Policy,
) -> Vec<Step> {
    super::plan(
        desired,
        &Listing::of(listed, &context.stack, guid("app")),
        context,
        now,
        policy,
    )
}

fn plan_of(desired: &[Desired], listed: &[Subscription]) -> Vec<Step> {
    plan(desired, listed, &context(), at(NOW), &Policy::default())
}

fn shown(steps: &[Step]) -> Vec<(&'static str, String)> {
    steps
        .iter()
        .map(|step| (step.action.name(), step.reason.to_string()))
        .collect()
}

pub(super) fn mail() -> Desired {
    Desired {
        name: "mail".to_owned(),
        resource: "/users/1/messages".to_owned(),
        change_type: "created,updated".to_owned(),
        include_resource_data: true,
        query_options: None,
        lifetime: SignedDuration::from_hours(72),
        version: Version::V1,
        options: EntryOptions::default(),
    }
}

fn listed() -> Subscription {
    Subscription {
        id: "id-mail".to_owned(),
        resource: Some("/users/1/messages".to_owned()),
        change_type: Some("created,updated".to_owned()),
        notification_url: Some(url("mail", "k1", "c2")),
        lifecycle_notification_url: Some("https://our.example/lifecycle?i=stack&s=mail&k=k1&c=c2".to_owned()),
        expiration_date_time: Some(at("2026-11-25T08:30:00Z")),
        include_resource_data: Some(true),
        ..Subscription::default()
    }
}

pub(super) fn context() -> Context {
    let set = |values: &[&str]| {
        values
            .iter()
            .map(|value| (*value).to_owned())
            .collect::<BTreeSet<_>>()
    };
    Context {
        stack: StackId::parse("stack").unwrap(),
        notifications: BaseUrl::parse("https://our.example/notifications").unwrap(),
        lifecycle: BaseUrl::parse("https://our.example/lifecycle").unwrap(),
        mint_key: "k2".to_owned(),
        keys: set(&["k1", "k2"]),
        certificate: "c2".to_owned(),
        certificates: set(&["c1", "c2"]),
        retiring_keys: BTreeMap::new(),
        retiring_certificates: BTreeMap::new(),
        complete: true,
        braked: false,
        takes_over: false,
        held: BTreeMap::new(),
        removed: BTreeSet::new(),
        absent: BTreeSet::new(),
        unproven: BTreeSet::new(),
    }
}

fn url(name: &str, key: &str, certificate: &str) -> String {
    format!("https://our.example/notifications?i=stack&s={name}&k={key}&c={certificate}")
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}
