//! Subscriptions with their remaining time, the most urgent first.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ForEachLine, Line, Report};
use crate::{
    failure::{Failure, Kind},
    table::{Cell, Table, fixed, flexible},
    terminal::{Color, Style, printable},
    timespan::left,
};

/// A subscription, or an entry with `forEach`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The first expiry. A row without one comes first.
    ends_at: Option<Timestamp>,
    /// Whether all subscriptions exist.
    is_there: bool,
    name: String,
    tenant: String,
    resource: String,
    /// Number of subscriptions of an entry with `forEach`.
    count: Option<usize>,
    /// The action of the next run.
    next: String,
}

/// Checks that the configuration has a tenant.
///
/// # Errors
///
/// Returns a failure that names the tenants.
pub fn is_tenant(report: &Report, name: &str) -> Result<(), Failure> {
    let found = report.tenants.iter().map(|line| line.tenant.as_str());
    let rows = report.subscriptions.iter().map(|line| line.tenant.as_str());
    let names: BTreeSet<&str> = found.chain(rows).collect();
    if names.contains(name) {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().collect();
    let text = format!("the configuration has no tenant {}", printable(name));
    let advice = format!("It has: {}", printable(&names.join(", ")));
    Err(Failure::new(Kind::Input, text, advice))
}

/// Returns the rows of a dry run's report, the most urgent first.
#[must_use]
pub fn rows(report: &Report, tenant: Option<&str>) -> Vec<Row> {
    let single = report.subscriptions.iter().map(Row::of);
    let many = report.for_each.iter().map(Row::of_for_each);
    let is_wanted = |row: &Row| tenant.is_none_or(|tenant| row.tenant == tenant);
    let mut rows: Vec<Row> = single.chain(many).filter(is_wanted).collect();
    rows.sort();
    rows
}

impl Row {
    /// Returns whether every subscription exists.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_there
    }

    /// Returns the first expiry.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at
    }

    fn of(line: &Line) -> Self {
        let is_there = line.action != "create";
        Self {
            is_there,
            ends_at: line.ends_at.or(line.expires_at).filter(|_| is_there),
            name: line.name.clone(),
            tenant: line.tenant.clone(),
            resource: line.resource.clone().unwrap_or_default(),
            count: None,
            next: line.action.clone(),
        }
    }

    fn of_for_each(many: &ForEachLine) -> Self {
        let live: usize = many
            .counts
            .iter()
            // What is deleted is of an object that the entry no longer has.
            .filter(|(action, _)| !matches!(action.as_str(), "create" | "delete"))
            .map(|(_, count)| count)
            .sum();
        let ends = many
            .lines
            .iter()
            .filter_map(|line| line.ends_at)
            .chain(many.next_expiry);
        let next = many.counts.iter().filter(|(action, _)| *action != "keep");
        let next: Vec<String> = next.map(|(action, count)| format!("{action} {count}")).collect();
        Self {
            is_there: live >= many.objects,
            ends_at: ends.min().filter(|_| live > 0),
            name: many.name.clone(),
            tenant: many.tenant.clone(),
            resource: format!("{live} of {}", many.objects),
            count: Some(live),
            next: if next.is_empty() {
                "keep".to_owned()
            } else {
                next.join(", ")
            },
        }
    }

    fn color(&self, now: Timestamp) -> Color {
        match self.ends_at {
            None => Color::Bad,
            Some(end) if end <= now => Color::Bad,
            Some(_) if !self.is_there => Color::Warning,
            Some(_) => Color::Good,
        }
    }

    fn left(&self, now: Timestamp) -> String {
        self.ends_at
            .map_or_else(|| "missing".to_owned(), |end| left(end, now))
    }

    fn json(&self, now: Timestamp) -> Value {
        json!({
            "name": self.name, "tenant": self.tenant, "resource": self.resource, "exists": self.is_there,
            "subscriptions": self.count, "endsAt": self.ends_at, "next": self.next,
            "secondsLeft": self.ends_at.map(|end| end.duration_since(now).as_secs()),
        })
    }
}

/// Returns the rows for a program.
#[must_use]
pub fn json(rows: &[Row], now: Timestamp) -> Value {
    rows.iter().map(|row| row.json(now)).collect()
}

/// Returns the rows as a table.
#[must_use]
pub fn text(rows: &[Row], now: Timestamp, style: Style) -> String {
    let mut table = Table::new([
        fixed("LEFT"),
        flexible("NAME"),
        flexible("TENANT"),
        flexible("RESOURCE"),
        fixed("NEXT RUN"),
    ]);
    for row in rows {
        table.push([
            Cell::new(row.color(now), row.left(now)),
            printable(&row.name).into(),
            printable(&row.tenant).into(),
            printable(&row.resource).into(),
            row.next.clone().into(),
        ]);
    }
    if table.is_empty() && style.is_terminal {
        return "No subscription exists. To see what the next run would do: graph-notifications plan\n"
            .to_owned();
    }
    table.render(style)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn the_most_urgent_subscription_comes_first() {
        let style = Style {
            is_terminal: true,
            has_color: false,
            width: 80,
        };
        assert_eq!(shown(None, style), include_str!("status.txt"));
    }

    #[test]
    fn the_status_can_be_limited_to_one_tenant() {
        let text = shown(Some("fabrikam"), Style::PLAIN);
        assert_eq!(text, "missing\tchats\tfabrikam\t/chats/getAllMessages\tcreate\n");
    }

    #[test]
    fn an_unknown_tenant_is_an_error_that_names_the_tenants() {
        let report = json!({"tenants": [{"tenant": "contoso"}, {"tenant": "fabrikam"}]});
        let report = Report::deserialize(report).unwrap();
        assert!(is_tenant(&report, "contoso").is_ok());
        let failure = is_tenant(&report, "contose").unwrap_err();
        assert_eq!(
            (failure.kind, failure.advice.as_str()),
            (Kind::Input, "It has: contoso, fabrikam")
        );
    }

    #[test]
    fn a_subscription_to_be_deleted_does_not_replace_a_missing_one() {
        let many = json!({"name": "mail", "tenant": "t", "objects": 3, "counts": {"keep": 2, "create": 1, "delete": 1}});
        let row = Row::of_for_each(&ForEachLine::deserialize(many).unwrap());
        assert_eq!((row.is_complete(), row.resource.as_str()), (false, "2 of 3"));
    }

    fn shown(tenant: Option<&str>, style: Style) -> String {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let report = json!({
            "subscriptions": [
                {"name": "users", "tenant": "contoso", "action": "keep", "resource": "/users", "expiresAt": "2026-12-20T10:00:00Z"},
                {"name": "presence", "tenant": "contoso", "action": "renew", "resource": "/communications/presences/11111111-2222-3333-4444-555555555555",
                 "endsAt": "2026-11-22T10:25:00Z", "expiresAt": "2026-11-22T11:00:00Z"},
                {"name": "chats", "tenant": "fabrikam", "action": "create", "resource": "/chats/getAllMessages", "expiresAt": "2026-11-25T10:00:00Z"},
            ],
            "forEach": [{"name": "mail", "tenant": "contoso", "objects": 352, "counts": {"keep": 350, "create": 2}, "nextExpiry": "2026-11-26T11:00:00Z"}],
        });
        let report = Report::deserialize(report).unwrap();
        text(&rows(&report, tenant), now, style)
    }
}
