//! What the alarms on renewal do with the metrics of its runs: they go off when a person is needed, and only then.

use serde_json::Value;

use super::{
    evaluated::{RULES, on, on_until},
    expanded::{plain, plain_with_conditions},
    resolved::resolve,
};

#[test]
fn a_failure_that_the_next_run_cures_wakes_nobody() {
    for minutes in [5, 10, 60] {
        let alarm = &alarm("RenewalFailureAlarm", minutes);
        assert!(!sees(alarm, minutes, &[0, 1, 0, 0, 3, 0]), "{minutes} minutes");
        assert!(sees(alarm, minutes, &[0, 0, 2, 1, 1, 1, 1]), "{minutes} minutes");
        assert!(
            !sees(alarm, minutes, &[1, 1, 1, 1, 1, 1, 0, 0]),
            "{minutes} minutes"
        );
    }
}

#[test]
fn a_new_failure_raises_an_alarm_while_an_old_one_lasts() {
    let (old, new) = (alarm("RenewalFailureAlarm", 10), alarm("NewFailureAlarm", 10));
    assert_eq!(on(&old, &[(0, 1), (10, 1), (20, 2), (30, 2)]), [20, 30, 40]);
    // The metric is written only when something is new.
    assert_eq!(on(&new, &[(30, 1), (60, 2), (70, 0)]), [31, 32, 33, 61, 62, 63]);
}

#[test]
fn each_state_has_its_alarm_for_as_long_as_it_lasts() {
    for (name, quiet, loud) in [
        ("DeletionsHeldAlarm", 0, 1),
        ("LeftOverAlarm", 0, 1),
        ("SubscriptionAlarm", 0, 1),
        ("SubscriptionDropAlarm", 20, 21),
        ("ExpiryAlarm", 14, 13),
    ] {
        let alarm = alarm(name, 10);
        // No run for twenty minutes: the last state holds.
        let values = [(0, quiet), (10, loud), (30, loud), (40, quiet), (50, quiet)];
        assert_eq!(on(&alarm, &values), [15, 20, 25, 30, 35, 40], "{name}");
    }
}

#[test]
fn a_subscription_is_missing_after_an_hour_of_runs_without_it() {
    let alarm = alarm("SubscriptionMissingAlarm", 10);
    assert!(!sees(&alarm, 10, &[0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert!(sees(&alarm, 10, &[1; 13]));
}

/// Without a run there is no value. CloudWatch looks at a few more periods for one, so that long periods make the alarm late.
#[test]
fn renewal_is_missed_after_three_runs_and_a_few_minutes() {
    for minutes in [1_u64, 10, 15, 60] {
        let alarm = &alarm("RenewalAbsentAlarm", minutes);
        let expected = (3 * minutes).max(30);
        for rules in RULES {
            let is_on = on_until(alarm, &[(0, 1)], expected + 20, rules);
            let first = *is_on.first().unwrap();
            assert!(
                (expected..=expected + 10).contains(&first),
                "{first} min of {expected}"
            );
            let each: Vec<(u64, i64)> = (0..5).map(|run| (run * minutes, 1)).collect();
            assert_eq!(on_until(alarm, &each, 4 * minutes, rules), [0; 0]);
        }
    }
}

/// Returns whether an alarm is on after runs every so many minutes, each with this value.
fn sees(alarm: &Value, minutes: u64, values: &[i64]) -> bool {
    let times = (0..).map(|run| run * minutes);
    let values: Vec<(u64, i64)> = times.zip(values.iter().copied()).collect();
    let ends = values.last().unwrap().0;
    on(alarm, &values).last().is_some_and(|end| *end > ends)
}

/// Returns an alarm of a stack whose runs are so many minutes apart.
fn alarm(name: &str, minutes: u64) -> Value {
    assert!(plain()["Resources"].get(name).is_some(), "{name}");
    let given = [("RenewalMinutes", &*minutes.to_string())];
    resolve(plain_with_conditions(), &given)["Resources"][name].clone()
}
