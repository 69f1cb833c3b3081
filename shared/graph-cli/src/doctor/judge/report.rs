//! The report of a dry run of renewal.

use jiff::{SignedDuration, Timestamp};

use super::super::Finding;
use crate::{
    report::{EntryLine, Margin, Need, Problem, Report, status},
    terminal::counted,
    timespan::largest,
};

/// Judges what a dry run of renewal reports about the tenants: sign-ins, permissions, mistakes that only Microsoft detects.
#[must_use]
pub fn tenants(report: &Report) -> Finding {
    let check = "tenants";
    let failed = report
        .tenants
        .iter()
        .filter_map(|tenant| Some((tenant, tenant.unlisted()?)));
    let lines: Vec<String> = failed
        .map(|(tenant, error)| format!("{}: {error}", tenant.tenant))
        .collect();
    let (others, all): (usize, usize) = (
        report.tenants.iter().map(|tenant| tenant.others).sum(),
        report.tenants.iter().map(|tenant| tenant.listed).sum(),
    );
    if lines.is_empty() {
        let (tenants, all) = (
            counted(report.tenants.len(), "tenant"),
            counted(all, "subscription"),
        );
        let others = if others > 0 {
            format!(", {others} of them not this stack's")
        } else {
            String::new()
        };
        return Finding::ok(
            check,
            format!("logged in to {tenants}; Graph lists {all}{others}"),
        );
    }
    let advice = "Each line says what to do. A new credential:\ngraph-notifications config put config.json";
    Finding::wrong(check, lines.join("\n"), advice)
}

/// Judges the needed permissions by the access tokens.
#[must_use]
pub fn permissions(report: &Report) -> Finding {
    let check = "permissions";
    let missing: Vec<String> = needs(report, "missing")
        .map(|(entry, need)| {
            let (name, tenant, purpose) = (&entry.name, &entry.tenant, &need.purpose);
            format!("{name} in {tenant}: {purpose} needs {}", need.any_of.join(" or "))
        })
        .collect();
    if !missing.is_empty() {
        let advice =
            "Grant one of each line to the application in Microsoft Entra, with an administrator's consent.";
        return Finding::warning(check, missing.join("\n"), advice);
    }
    let (granted, unknown) = (needs(report, "granted").count(), needs(report, "unknown").count());
    let text = match unknown {
        0 => format!("all {granted} needed permissions are granted"),
        _ => format!("{granted} granted; {unknown} cannot be seen in access tokens"),
    };
    Finding::ok(check, text)
}

/// Returns the needed permissions with a state, and their entries.
fn needs<'a>(report: &'a Report, state: &'a str) -> impl Iterator<Item = (&'a EntryLine, &'a Need)> {
    let all = report.entries.iter().flat_map(|entry| {
        let needs = entry.permissions.iter();
        needs.map(move |need| (entry, need))
    });
    all.filter(move |(_, need)| need.state == state)
}

/// Returns whether a problem is a missing permission. These have a finding of their own.
fn is_permission(problem: &Problem, report: &Report) -> bool {
    problem.severity == "warning"
        && needs(report, "missing")
            .any(|(entry, need)| problem.path == format!("subscriptions.{}.{}", entry.name, need.purpose))
}

/// Judges the other problems of a dry run, such as credentials that expire soon.
#[must_use]
pub fn problems(report: &Report) -> Finding {
    let check = "preflight";
    let problems = || {
        let all = report.problems.iter();
        all.filter(|problem| !is_permission(problem, report))
    };
    let lines: Vec<String> = problems()
        .map(|problem| format!("{}: {} {}", problem.severity, problem.path, problem.message))
        .collect();
    let is_wrong = problems().any(|problem| problem.severity == "error");
    match (lines.is_empty(), is_wrong) {
        (true, _) => Finding::ok(check, "no mistake, and nothing expires soon"),
        (_, false) => Finding::warning(check, lines.join("\n"), ""),
        _ => Finding::wrong(check, lines.join("\n"), "graph-notifications plan"),
    }
}

/// Judges credentials by their expiry.
#[must_use]
pub fn expiries(report: &Report) -> Finding {
    let check = "credentials";
    let ends = report
        .expiries
        .iter()
        .filter_map(|expiry| Some((expiry.days_left?, expiry)));
    let line = |(days, expiry): &(i64, &crate::report::Expiry)| {
        let whose = expiry
            .tenant
            .clone()
            .or_else(|| expiry.id.clone())
            .unwrap_or_default();
        let left = match days {
            ..0 => "has expired".to_owned(),
            _ => format!("expires in {days} days"),
        };
        format!("{} {whose} {left}", words(&expiry.what))
    };
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by_key(|(days, _)| *days);
    let soon: Vec<_> = ends
        .iter()
        .filter(|(days, _)| *days < SOON_DAYS)
        .map(line)
        .collect();
    if !soon.is_empty() {
        return Finding::warning(
            check,
            soon.join("\n"),
            "Replace it: docs/operations.md, \"Changing things\".",
        );
    }
    match ends.first() {
        Some(first) => Finding::ok(check, line(first)),
        None => Finding::ok(check, "no known expiry date"),
    }
}

/// Returns the words of a name such as `clientSecret`.
fn words(name: &str) -> String {
    name.chars().fold(String::new(), |words, letter| {
        if letter.is_ascii_uppercase() {
            words + " " + &letter.to_lowercase().to_string()
        } else {
            words + &letter.to_string()
        }
    })
}

/// Judges whether all subscriptions exist, and their remaining time.
#[must_use]
pub fn subscriptions(report: &Report, now: Timestamp) -> Finding {
    let check = "subscriptions";
    let rows = status::rows(report, None);
    let missing = rows.iter().filter(|row| !row.is_complete()).count();
    let first = rows.iter().filter_map(status::Row::ends_at).min();
    let first = first
        .map(|end| format!("; the first expires in {}", crate::timespan::left(end, now)))
        .unwrap_or_default();
    let text = format!(
        "{} of {} entries are complete{first}",
        rows.len() - missing,
        rows.len()
    );
    let failed: usize = report
        .subscriptions
        .iter()
        .filter(|line| line.error.is_some())
        .count()
        + report.for_each.iter().map(|many| many.failed).sum::<usize>();
    match (rows.len(), missing, failed) {
        (0, ..) => Finding::warning(
            check,
            "the configuration has no subscriptions",
            "graph-notifications config put config.json",
        ),
        (_, 0, 0) => Finding::ok(check, text),
        (_, _, 0) => Finding::wrong(check, text, "graph-notifications apply"),
        _ => Finding::wrong(
            check,
            format!("{text}; {failed} failed"),
            "graph-notifications plan",
        ),
    }
}

/// Judges how long all renewals may fail.
#[must_use]
pub fn margins(report: &Report) -> Option<Finding> {
    let check = "margins";
    let line = |margin: &Margin| {
        let lifetime = largest(SignedDuration::from_mins(margin.lifetime_minutes));
        let (tenant, count, summary) = (&margin.tenant, margin.subscriptions, &margin.summary);
        let count = counted(count, "subscription");
        format!("{tenant}: {count} with a lifetime of {lifetime}: {summary}")
    };
    let lines: Vec<String> = report.margins.iter().map(line).collect();
    if lines.is_empty() {
        return None;
    }
    let any = |is: fn(&Margin) -> bool| report.margins.iter().any(is);
    let advice = if any(|margin| margin.survives_minutes.is_some_and(|minutes| minutes <= 0)) {
        "They lapse between two runs of renewal. Let renewal run more often: set the parameter RenewalMinutes of the stack."
    } else if any(|margin| margin.unlimited_minutes.is_some()) {
        "So many subscriptions share Graph's limits. Spread them over several applications."
    } else {
        return Some(Finding::ok(check, lines.join("\n")));
    };
    Some(Finding::warning(check, lines.join("\n"), advice))
}

const SOON_DAYS: i64 = 30;

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::{super::super::State, *};

    #[test]
    fn a_tenant_without_time_for_its_list_is_not_logged_in_to() {
        let report = json!({"tenants": [{"tenant": "contoso", "unfinished": true}, {"tenant": "fabrikam"}]});
        let found = tenants(&Report::deserialize(report).unwrap());
        assert_eq!(found.state, State::Wrong);
        assert!(
            found.text.starts_with("contoso: the run had no time"),
            "{}",
            found.text
        );
    }

    #[test]
    fn a_permission_that_a_token_does_not_name_is_shown_once() {
        let report = json!({
            "entries": [{"name": "mail", "tenant": "a", "permissions": [
                {"for": "resource", "anyOf": ["Mail.ReadBasic.All", "Mail.Read"], "state": "missing"},
                {"for": "forEach", "anyOf": ["User.ReadBasic.All"], "state": "granted", "granted": "User.Read.All"},
            ]}],
            "problems": [{"path": "subscriptions.mail.resource", "message": "needs a permission", "severity": "warning"}],
        });
        let report = Report::deserialize(report).unwrap();
        let found = permissions(&report);
        assert_eq!(found.state, State::Warning);
        assert_eq!(
            found.text,
            "mail in a: resource needs Mail.ReadBasic.All or Mail.Read"
        );
        assert_eq!(problems(&report).state, State::Ok);
    }

    #[test]
    fn a_token_without_permissions_is_not_a_fault() {
        let entry = json!({"name": "mail", "permissions": [{"for": "resource", "anyOf": ["Mail.Read"], "state": "unknown"}]});
        let found = permissions(&Report::deserialize(json!({"entries": [entry]})).unwrap());
        assert_eq!(found.state, State::Ok);
        assert_eq!(found.text, "0 granted; 1 cannot be seen in access tokens");
    }

    #[test]
    fn the_credential_that_ends_first_is_named_in_words() {
        let of = |days: i64| {
            let report = json!({"expiries": [
                {"what": "encryptionCertificate", "id": "c-1", "daysLeft": 700},
                {"what": "clientSecret", "tenant": "contoso", "daysLeft": days},
            ]});
            let found = expiries(&Report::deserialize(report).unwrap());
            (found.state, found.text)
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(
            of(90),
            (State::Ok, text("client secret contoso expires in 90 days"))
        );
        assert_eq!(
            of(3),
            (State::Warning, text("client secret contoso expires in 3 days"))
        );
        assert_eq!(
            of(-1),
            (State::Warning, text("client secret contoso has expired"))
        );
    }

    #[test]
    fn missing_or_shortened_margins_are_warnings() {
        let of = |margin: Value| {
            let report = Report::deserialize(json!({"margins": [margin]})).unwrap();
            margins(&report).map(|finding| (finding.state, finding.text))
        };
        let found = of(json!({"tenant": "a", "subscriptions": 3, "lifetimeMinutes": 4310, "summary": "s"}));
        assert_eq!(
            found,
            Some((
                State::Ok,
                "a: 3 subscriptions with a lifetime of 2 d: s".to_owned()
            ))
        );
        let found = of(json!({"summary": "s", "unlimitedMinutes": 20}));
        assert_eq!(found.map(|(state, _)| state), Some(State::Warning));
        let found = of(json!({"summary": "s", "survivesMinutes": 0}));
        assert_eq!(found.map(|(state, _)| state), Some(State::Warning));
        assert_eq!(margins(&Report::default()), None);
    }
}
