//! The objects of `forEach` entries: their lists, and what the report says about them.

use graph_core::subscription::{
    config::{Entry, ForEach, Problem, Severity, Tenant},
    plan::{Expansion, LeftOut, Objects},
};
use graph_edge::graph::GraphError;

use crate::{
    advice,
    ports::Ports,
    report::{ManyLine, describe},
    tenant_run::TenantRun,
};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns each entry with its objects. Entries with the same `forEach` share one list.
    pub(super) async fn with_objects<'e>(&self, entries: Vec<&'e Entry>) -> Vec<(&'e Entry, Objects)> {
        let mut lists: Vec<(&ForEach, Objects)> = Vec::new();
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(of) = &entry.for_each else {
                all.push((entry, Objects::Itself));
                continue;
            };
            let listed = lists.iter().find(|(listed, _)| *listed == of);
            let objects = if let Some((_, objects)) = listed {
                objects.clone()
            } else {
                let objects = self.objects(of).await;
                lists.push((of, objects.clone()));
                objects
            };
            all.push((entry, objects));
        }
        all
    }

    async fn objects(&self, of: &ForEach) -> Objects {
        match self.within(self.deps.graph.objects(self.tenant, of)).await {
            // A tenant has at least one user, the one who created it, so an empty list is wrong.
            Ok(ids) if ids.is_empty() && *of == ForEach::AllUsers => {
                Objects::Unknown("Graph lists no users, which is impossible; nothing is deleted".to_owned())
            }
            Ok(ids) => Objects::Known(ids),
            Err(error) => Objects::Unknown(why(&error, self.tenant, of)),
        }
    }
}

/// Returns why objects could not be listed, and what to do.
fn why(error: &GraphError, tenant: &Tenant, of: &ForEach) -> String {
    let advice = advice::for_objects(&error.kind, of, tenant);
    format!("{} could not be listed: {}{advice}", subject(of), describe(error))
}

fn subject(of: &ForEach) -> &'static str {
    match of {
        ForEach::MembersOf(_) => "the members of the group",
        ForEach::AllUsers => "the users",
        ForEach::AllTeams => "the teams",
        ForEach::Ids(_) => "the ids",
    }
}

/// Returns the report's lines about `forEach` entries, and the problems of their objects.
pub(super) fn report(
    entries: &[(&Entry, Objects)],
    expansion: &Expansion,
    tenant: &str,
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
            line.error = match objects {
                Objects::Unknown(why) => Some(why.clone()),
                Objects::Known(_) | Objects::Itself => None,
            };
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
    Problem {
        path,
        message: format!("leaves out {count} {objects} {why}"),
        severity: match why {
            // Another subscription already delivers the changes of these objects.
            LeftOut::Shared(_) => Severity::Warning,
            LeftOut::UnfitId | LeftOut::Taken(_) | LeftOut::Over(_) => Severity::Error,
        },
    }
}
