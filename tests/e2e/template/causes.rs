//! The causes that a runbook names: each sets off an alarm that has this cause in its own runbook.

use super::{cases::alarms, evaluated::on, file, runbooks::runbook};

#[test]
fn each_cause_of_a_runbook_sets_its_alarm_off() {
    let (text, alarms) = (file("docs/operations.md"), alarms());
    for (name, cause, values) in CAUSES {
        let runbook = runbook(&text, name).replace('\n', " ");
        assert!(runbook.contains(cause), "{name} does not name: {cause}");
        assert!(!on(&alarms[name], values).is_empty(), "{name}: {cause}");
    }
}

/// An operator who waits for the other alarm would wait for ever.
#[test]
fn an_alarm_that_stays_quiet_about_a_cause_does_not_name_it() {
    let (text, alarms) = (file("docs/operations.md"), alarms());
    for (name, cause, values) in DEAF {
        assert_eq!(on(&alarms[name], values), [0; 0], "{name}");
        let runbook = runbook(&text, name);
        assert!(!runbook.contains(cause), "{name} names: {cause}");
    }
}

/// An alarm, a cause in the words of its runbook, and the values of the alarm's metric by the minute.
type Cause = (&'static str, &'static str, &'static [(u64, i64)]);

const CAUSES: [Cause; 10] = [
    (
        "NotificationAgeAlarm",
        "More items arrive than the instances of decryption can process",
        &[(0, 601), (1, 640), (2, 690)],
    ),
    // Nobody receives the oldest message, so that its age grows without end.
    (
        "NotificationAgeAlarm",
        "whether `DecryptionMapping` is enabled",
        &[(10, 601), (11, 661), (12, 721)],
    ),
    (
        "LifecycleAgeAlarm",
        "whether `LifecycleMapping` is enabled",
        &[(50, 3_001), (51, 3_061), (52, 3_121)],
    ),
    (
        "ReadAgeAlarm",
        "whether `ReaderMapping` is enabled",
        &[(100, 6_001), (105, 6_301), (110, 6_601)],
    ),
    // A single item: Lambda receives it when its visibility timeout is over, and cannot start the function.
    (
        "DecryptionThrottledAlarm",
        "The account has no concurrency left",
        &[(0, 1), (3, 1), (6, 1)],
    ),
    (
        "RenewalThrottledAlarm",
        "The account has no concurrency left",
        &[(0, 1), (15, 1)],
    ),
    (
        "ReaderThrottledAlarm",
        "The account has no concurrency left",
        &[(0, 1), (30, 1)],
    ),
    // 1,000 a second are accepted of a flood, and nothing is counted of the rest.
    (
        "RequestsAlarm",
        "somebody floods the webhook",
        &[(0, 300_000), (5, 300_000)],
    ),
    // 900 a second, which no throttle rejects.
    (
        "RequestsAlarm",
        "a handshake, which anybody can request",
        &[(0, 270_000), (5, 270_000)],
    ),
    (
        "RenewalErrorAlarm",
        "15 minutes were not enough",
        &[(0, 1), (10, 1)],
    ),
];

/// Alarms with a cause that they do not see.
const DEAF: [Cause; 4] = [
    // After three receives a message is left out of the age.
    (
        "NotificationAgeAlarm",
        "concurrency",
        &[(3, 180), (6, 360), (9, 540), (10, 0), (13, 0)],
    ),
    (
        "LifecycleAgeAlarm",
        "concurrency",
        &[(15, 900), (30, 1_800), (45, 2_700), (46, 0), (60, 0)],
    ),
    (
        "ReadAgeAlarm",
        "concurrency",
        &[(30, 1_800), (60, 3_600), (90, 5_400), (91, 0), (120, 0)],
    ),
    ("ThrottledAlarm", "handshake", &[(0, 0), (5, 0), (10, 0)]),
];
