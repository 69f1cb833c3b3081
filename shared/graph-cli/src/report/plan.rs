//! The plan or the result of a run as text for a person.

use std::{collections::BTreeMap, fmt::Write};

use jiff::Timestamp;

use super::{ForEachLine, Line, Report};
use crate::{
    table::{Cell, Table, fixed, flexible},
    terminal::{Color, Style, printable, wrapped},
    timespan::left,
};

/// Returns a row for each subscription that changes and, for a person, the [`remarks`].
#[must_use]
pub fn text(report: &Report, now: Timestamp, style: Style) -> String {
    let mut text = table(report, now).render(style);
    if style.is_terminal {
        if !text.is_empty() && has_changes(report) {
            text.push('\n');
        } else {
            text.clear();
        }
        text += &remarks(report, style);
    }
    text
}

/// Returns the reasons, what a person has to do, and the sums.
#[must_use]
pub fn remarks(report: &Report, style: Style) -> String {
    [reasons(report, style), failures(report, style), sums(report)].concat()
}

fn has_changes(report: &Report) -> bool {
    lines(report).any(is_change)
}

fn table(report: &Report, now: Timestamp) -> Table {
    let mut table = Table::new([
        fixed(""),
        flexible("NAME"),
        flexible("TENANT"),
        flexible("RESOURCE"),
        fixed("CHANGES"),
        fixed("LASTS"),
    ]);
    for line in lines(report).filter(|line| is_change(line)) {
        let (sign, color) = sign(line);
        table.push([
            Cell::new(color, sign),
            printable(&line.name).into(),
            printable(&line.tenant).into(),
            printable(line.resource.as_deref().unwrap_or_default()).into(),
            printable(line.change_type.as_deref().unwrap_or_default()).into(),
            line.expires_at
                .map(|end| left(end, now))
                .unwrap_or_default()
                .into(),
        ]);
    }
    table
}

/// Returns every line, those of `forEach` entries included.
fn lines(report: &Report) -> impl Iterator<Item = &Line> {
    report
        .subscriptions
        .iter()
        .chain(report.for_each.iter().flat_map(|many| &many.lines))
}

fn is_change(line: &Line) -> bool {
    line.action != "keep" || line.error.is_some()
}

fn sign(line: &Line) -> (&'static str, Color) {
    if line.error.is_some() {
        return ("!", Color::Bad);
    }
    match line.action.as_str() {
        "create" | "adopt" => ("+", Color::Good),
        "renew" => ("~", Color::Plain),
        "replace" => ("-/+", Color::Warning),
        "delete" => ("-", Color::Bad),
        _ => ("", Color::Plain),
    }
}

/// Returns the number of each action for each reason.
fn reasons(report: &Report, style: Style) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in lines(report).filter(|line| is_change(line) && line.error.is_none()) {
        *counts.entry((&line.action, &line.reason)).or_default() += 1;
    }
    let mut text = String::new();
    for ((action, reason), count) in counts {
        let line = format!("{count} to {action}: {}", printable(reason));
        text.extend([&wrapped(&line, style.width, "  "), "\n"]);
    }
    for many in report.for_each.iter().filter(|many| many.more > 0) {
        let _ = writeln!(
            text,
            "{} more of {} are not shown",
            many.more,
            printable(&many.name)
        );
    }
    for (list, count) in &report.more {
        let _ = writeln!(text, "{count} more lines of {} are not shown", printable(list));
    }
    text
}

/// Returns the failures and problems.
#[must_use]
pub fn failures(report: &Report, style: Style) -> String {
    let mut text = String::new();
    let mut say = |color: Color, word: &str, what: &str| {
        let line = format!("{}: {}", style.paint(color, word), printable(what));
        text.extend([&wrapped(&line, style.width, "  "), "\n"]);
    };
    for tenant in &report.tenants {
        if let Some(error) = tenant.unlisted() {
            say(Color::Bad, "error", &format!("tenant {}: {error}", tenant.tenant));
        }
    }
    for ForEachLine {
        name, tenant, error, ..
    } in &report.for_each
    {
        if let Some(error) = error {
            say(Color::Bad, "error", &format!("{name} in {tenant}: {error}"));
        }
    }
    for line in lines(report) {
        if let Some(error) = &line.error {
            say(
                Color::Bad,
                "error",
                &format!("{} {} in {}: {error}", line.action, line.name, line.tenant),
            );
        }
    }
    for line in lines(report) {
        if let Some(skipped) = &line.skipped {
            let what = format!("{} in {}: {skipped}", line.name, line.tenant);
            say(Color::Warning, "skipped", &what);
        }
    }
    for problem in &report.problems {
        let color = if problem.severity == "error" {
            Color::Bad
        } else {
            Color::Warning
        };
        let path = if problem.path.is_empty() {
            "the configuration"
        } else {
            &problem.path
        };
        say(color, &problem.severity, &format!("{path} {}", problem.message));
    }
    text
}

fn sums(report: &Report) -> String {
    let named: &[(&str, &str)] = if report.dry_run {
        &[
            ("create", "to create"),
            ("adopt", "to adopt"),
            ("renew", "to renew"),
            ("replace", "to replace"),
            ("delete", "to delete"),
            ("keep", "to keep"),
        ]
    } else {
        &[
            ("create", "created"),
            ("adopt", "adopted"),
            ("renew", "renewed"),
            ("replace", "replaced"),
            ("delete", "deleted"),
            ("keep", "kept"),
        ]
    };
    let count = |(action, word): &(&str, &str)| {
        let count = report.counts.get(*action).copied().unwrap_or_default();
        (count > 0).then(|| format!("{count} {word}"))
    };
    let mut parts: Vec<String> = named.iter().filter_map(count).collect();
    for (count, word) in [
        (report.unfinished, "left for the next run"),
        (report.skipped, "skipped"),
        (report.failed, "failed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    if parts.is_empty() {
        return "No subscription exists, and there is nothing to do.\n".to_owned();
    }
    parts.join(", ") + "\n"
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    const TERMINAL: Style = Style {
        is_terminal: true,
        has_color: false,
        width: 80,
    };

    #[test]
    fn a_plan_shows_each_change_the_reasons_and_the_sums() {
        assert_eq!(shown(TERMINAL), include_str!("plan.txt"));
    }

    #[test]
    fn a_program_gets_one_line_for_each_change() {
        let text = shown(Style::PLAIN);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(
            text.starts_with("+\tteam-messages\tcontoso\t/teams/getAllMessages\tcreated,updated\t3 d\n"),
            "{text}"
        );
    }

    #[test]
    fn skipped_objects_are_named_with_their_reason() {
        let report = json!({"skipped": 1, "subscriptions": [
            {"name": "mail/1", "tenant": "contoso", "action": "create", "skipped": "the mailbox does not exist"}
        ]});
        let text = remarks(&Report::deserialize(report).unwrap(), Style::PLAIN);
        assert!(
            text.contains("skipped: mail/1 in contoso: the mailbox does not exist\n")
                && text.contains("1 skipped"),
            "{text}"
        );
    }

    #[test]
    fn a_tenant_without_time_for_its_list_is_named_and_not_known() {
        let report = json!({"unfinished": 1, "tenants": [{"tenant": "contoso", "unfinished": true}, {"tenant": "fabrikam"}]});
        let report = Report::deserialize(report).unwrap();
        let text = remarks(&report, Style::PLAIN);
        assert!(
            text.contains("tenant contoso: the run had no time to list"),
            "{text}"
        );
        assert_eq!(Vec::from_iter(report.live().unlisted), ["contoso"]);
    }

    #[test]
    fn a_report_that_leaves_lines_out_says_so() {
        let report = json!({"more": {"subscriptions": 5_250, "margins": 7}});
        assert_eq!(
            reasons(&Report::deserialize(report).unwrap(), Style::PLAIN),
            "7 more lines of margins are not shown\n5250 more lines of subscriptions are not shown\n"
        );
    }

    fn shown(style: Style) -> String {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let report = json!({
            "dryRun": true, "failed": 1,
            "counts": {"create": 1, "renew": 1, "delete": 1, "keep": 2},
            "subscriptions": [
                {"name": "team-messages", "tenant": "contoso", "action": "create", "reason": "this entry has no subscription yet",
                 "resource": "/teams/getAllMessages", "changeType": "created,updated", "expiresAt": "2026-11-25T10:00:00Z"},
                {"name": "users", "tenant": "contoso", "action": "renew", "reason": "2 h left, renewed below 8 h",
                 "resource": "/users", "changeType": "updated", "expiresAt": "2026-12-20T10:00:00Z"},
                {"name": "old", "tenant": "fabrikam", "action": "delete", "reason": "no entry asks for it"},
                {"name": "chats", "tenant": "fabrikam", "action": "create", "reason": "this entry has no subscription yet",
                 "resource": "/chats/getAllMessages", "changeType": "created", "error": "Graph forbids it; grant the application permission Chat.Read.All"},
                {"name": "kept", "tenant": "contoso", "action": "keep", "reason": "20 d left"}
            ],
            "problems": [{"path": "subscriptions.alerts", "message": "uses an API that is retired", "severity": "warning"}],
        });
        text(&Report::deserialize(report).unwrap(), now, style)
    }
}
