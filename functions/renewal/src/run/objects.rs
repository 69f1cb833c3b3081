//! The objects of `forEach` entries: their lists, and what the report says about them.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use graph_core::subscription::{
    config::{Entry, ForEach, Problem},
    plan::{Expansion, LeftOut, Objects},
};
use graph_edge::graph::GraphErrorKind;
use jiff::Timestamp;

use super::request::until;
use crate::{
    advice,
    ports::{Clock, Ports},
    report::{ManyLine, describe},
    tenant_run::TenantRun,
};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns each entry with its objects, and the names of those whose list of objects ended for lack of time. Entries with
    /// the same `forEach` share one list.
    pub(super) async fn with_objects<'e>(
        &self,
        entries: Vec<&'e Entry>,
    ) -> (Vec<(&'e Entry, Objects)>, BTreeSet<String>) {
        let now = self.deps.clock.now();
        let end_at = now.saturating_add(self.objects_within).unwrap_or(now);
        let mut all: Vec<&ForEach> = Vec::new();
        for of in entries.iter().filter_map(|entry| entry.for_each.as_ref()) {
            if !all.contains(&of) {
                all.push(of);
            }
        }
        // At once, because a slow list must not take the time of the next one in every run.
        let lists = join_all(all.iter().map(|of| self.objects(of, end_at))).await;
        let mut late = BTreeSet::new();
        let with_objects = |entry: &'e Entry| {
            let of = entry.for_each.as_ref();
            let listed = of.and_then(|of| all.iter().zip(&lists).find(|(listed, _)| **listed == of));
            let Some((_, (objects, is_late))) = listed else {
                return (entry, Objects::Itself);
            };
            late.extend(is_late.then(|| entry.name.clone()));
            (entry, objects.clone())
        };
        (entries.into_iter().map(with_objects).collect(), late)
    }

    /// Returns the objects, and whether their list ended for lack of time.
    async fn objects(&self, of: &ForEach, end_at: Timestamp) -> (Objects, bool) {
        let list = self.deps.graph.objects(self.tenant, of);
        let listed = self.within(until(end_at, &self.deps.clock, list)).await;
        let is_late = matches!(&listed, Err(error) if matches!(error.kind, GraphErrorKind::OutOfTime));
        let objects = match listed {
            // A tenant has at least one user, the one who created it, so an empty list is wrong.
            Ok(ids) if ids.is_empty() && *of == ForEach::AllUsers => {
                Objects::Unknown("Graph lists no users, which is impossible; nothing is deleted".to_owned())
            }
            Ok(ids) => Objects::Known(ids),
            Err(error) => {
                let advice = advice::for_objects(&error.kind, of, self.tenant);
                let why = describe(&error);
                Objects::Unknown(format!("{} could not be listed: {why}{advice}", subject(of)))
            }
        };
        (objects, is_late)
    }
}

fn subject(of: &ForEach) -> &'static str {
    match of {
        ForEach::MembersOf(_) => "the members of the group",
        ForEach::AllUsers => "the users",
        ForEach::AllTeams => "the teams",
        ForEach::Ids(_) => "the ids",
    }
}

/// Returns the report's lines about `forEach` entries, and the problems of their objects. There was no time for the lists of
/// the `late` ones.
pub(super) fn report(
    entries: &[(&Entry, Objects)],
    expansion: &Expansion,
    tenant: &str,
    late: &BTreeSet<String>,
) -> (Vec<ManyLine>, Vec<Problem>) {
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for (entry, objects) in entries {
        let left_out = expansion.left_out.get(&entry.name);
        let many = entry.for_each.is_some();
        for (why, count) in left_out.into_iter().flatten() {
            problems.push(problem(&entry.name, why, *count, many));
        }
        if many {
            let mut line = ManyLine::new(&entry.name, tenant);
            line.objects = expansion.objects.get(&entry.name).copied().unwrap_or_default();
            line.left_out = left_out.map_or(0, |reasons| reasons.values().sum());
            match objects {
                Objects::Unknown(_) if late.contains(&entry.name) => line.tally.unfinished += 1,
                Objects::Unknown(why) => line.error = Some(why.clone()),
                Objects::Known(_) | Objects::Itself => {}
            }
            lines.push(line);
        }
    }
    (lines, problems)
}

fn problem(entry: &str, why: &LeftOut, count: usize, many: bool) -> Problem {
    let path = if many {
        format!("subscriptions.{entry}.forEach")
    } else {
        format!("subscriptions.{entry}")
    };
    let objects = if count == 1 { "object" } else { "objects" };
    let message = format!("leaves out {count} {objects} {why}");
    match why {
        // Another subscription already delivers the changes of these objects.
        LeftOut::Shared(_) => Problem::warning(path, message),
        LeftOut::UnfitId | LeftOut::Taken(_) | LeftOut::Over(_) => Problem::error(path, message),
    }
}
