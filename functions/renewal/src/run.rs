//! One run: keys, then for each tenant list, plan, apply, report.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use graph_core::{
    application::Application,
    subscription::{
        config::{Config, Problem, Severity},
        plan::Policy,
        rotation::{Forced, KeysInUse, RotationRequest},
    },
};
use jiff::{SignedDuration, Timestamp};

use self::tenant::TenantResult;
pub(crate) use self::{
    gaps::{STORE_WITHIN, send},
    request::{Notices, RunRequest},
};
use crate::{
    Deps, Error,
    apply::Outcome,
    keys::{self, LEAD},
    ports::{Clock, Ports},
    report::{Line, Report, entries},
};

pub(crate) mod config;
pub(crate) mod count;
mod expiries;
mod gaps;
mod log;
mod objects;
mod queue;
mod reconcile;
mod request;
mod state;
mod tenant;

/// What a run found and did.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The report.
    pub(crate) report: Report,
    /// The applications for which nothing could be done.
    pub(crate) unreachable: BTreeSet<Application>,
    /// Whether there is a configuration that could be read.
    pub(crate) has_config: bool,
    /// What became of each subscription that is to exist, by application and name.
    pub(crate) statuses: BTreeMap<Application, HashMap<String, SubscriptionStatus>>,
    /// The removals that Graph has told of and that concern the application: an id and a name each.
    pub(crate) removed: BTreeMap<Application, BTreeSet<(String, String)>>,
    /// The keys that the subscriptions of those applications name whose list is known.
    in_use: KeysInUse,
    /// Tenants and names of what is left for the next run.
    pub(crate) left_over: BTreeSet<(String, String)>,
    /// The names of tenants that were taken out of the configuration and have nothing left at Graph.
    emptied: Vec<String>,
    /// How many gaps consumers could not be told of.
    untold: usize,
    /// How many subscriptions would be deleted or replaced, and how many applications be let go, and are not.
    pub(crate) held: usize,
}

/// What became of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubscriptionStatus {
    /// Graph's id of it.
    pub(crate) subscription_id: Option<String>,
    /// When it ends; nothing where there is none.
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether something is left to do that was not done.
    pub(crate) has_failed: bool,
    /// How long it lives from one renewal to the next.
    pub(crate) lifetime: Option<SignedDuration>,
    /// What it watches.
    pub(crate) resource: Option<String>,
    /// Whether the run has made it.
    pub(crate) is_created: bool,
    /// Whether there is none, and nobody here can change that.
    pub(crate) is_skipped: bool,
}

/// Makes one run over what `request` covers.
pub(crate) async fn run<P: Ports>(deps: &Deps<P>, request: &RunRequest) -> Result<Run, Error> {
    let now = deps.clock.now();
    let mut run = Run::default();
    let dry_run = request.options.dry_run;
    run.report.dry_run = dry_run;
    if let Some(mut read) = config::read(&deps.documents, &mut run.report).await? {
        run.has_config = true;
        run.held += config::departed::add(
            &deps.documents,
            &mut read.config,
            &request.options,
            &mut run.report,
        )
        .await?;
        let config = &read.config;
        let rotation = RotationRequest {
            rotation: deps.rotation,
            forced: request.options.forced,
            lead: LEAD,
            dry_run,
        };
        let (keys, changes) = keys::publish(&deps.documents, &deps.clock, config, &rotation).await?;
        run.report.keys = changes.done;
        run.refuse(&changes.refused);
        run.report.note(unsuited(config, &deps.policy));
        let stored = state::read(deps).await;
        reconcile::reconcile(deps, request, &read, &stored, &keys, now, &mut run).await;
        let expiries = expiries::list(deps, config, &keys, deps.clock.now()).await;
        run.report.foresee(expiries);
        if !dry_run {
            gaps::note(&mut run);
            gaps::order_rest(deps, config).await;
            if request.only.is_none() && config.whole {
                state::write(deps, config, &read.version_id, now).await;
            }
            let is_everything = request.only.is_none() && config.whole && run.unreachable.is_empty();
            if is_everything {
                let removed = keys::retire(&deps.documents, &deps.clock, &keys, config, &run.in_use).await?;
                run.report.keys.extend(removed);
            }
            run.let_go(deps, read.config, rotation).await?;
        }
    }
    log::log(&run.report);
    Ok(run)
}

impl Run {
    /// Takes the trust from applications that were taken out of the configuration and have nothing left at Graph.
    async fn let_go<P: Ports>(
        &self,
        deps: &Deps<P>,
        mut config: Config,
        rotation: RotationRequest,
    ) -> Result<(), Error> {
        if !config.whole || self.emptied.is_empty() {
            return Ok(());
        }
        for name in &self.emptied {
            config.forget(name);
        }
        // The keys that a person wanted replaced have been replaced.
        let rotation = RotationRequest {
            forced: Forced::default(),
            ..rotation
        };
        keys::publish(&deps.documents, &deps.clock, &config, &rotation).await?;
        Ok(())
    }

    /// Reports what does not fit into the secrets. It costs nobody else anything.
    fn refuse(&mut self, refused: &[String]) {
        self.report.note(refused.iter().map(|message| Problem {
            path: String::new(),
            message: message.clone(),
            severity: Severity::Error,
        }));
    }
}

/// Returns a warning for each entry that cannot outlive two failed runs of the schedule.
fn unsuited(config: &Config, policy: &Policy) -> impl Iterator<Item = Problem> {
    let entries = config
        .subscriptions
        .values()
        .filter(|entry| !policy.suits(SignedDuration::from_mins(i64::from(entry.minutes))));
    entries
        .map(|entry| Problem {
            path: format!("subscriptions.{}", entry.name),
            message: format!(
                "lives for {} minutes only, too short to survive two failed runs; have renewal run every 10 minutes",
                entry.minutes
            ),
            severity: Severity::Warning,
        })
}

impl Run {
    fn add(&mut self, id: &Application, result: TenantResult, outcomes: Vec<Outcome>) {
        let has_list = result.in_use.is_some();
        match result.in_use {
            Some(in_use) => self.in_use.extend(&in_use),
            None => drop(self.unreachable.insert(*id)),
        }
        // One application may stand in two tenants of the configuration.
        self.removed.entry(*id).or_default().extend(result.removed);
        let statuses = self.statuses.entry(*id).or_default();
        statuses.reserve(outcomes.len());
        let mut lines = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let line = outcome.line;
            if line.action != "delete" {
                let status = statuses.entry(line.name.clone()).or_default();
                status.subscription_id.clone_from(&line.subscription_id);
                status.expires_at = line.expires_at;
                status.has_failed |= line.error.is_some() || line.unfinished;
                status.is_created |=
                    matches!(line.action, "create" | "replace") && line.error.is_none() && !line.unfinished;
                status.is_skipped = line.skipped.is_some();
            }
            self.untold += usize::from(outcome.is_untold);
            // Nobody misses what is deleted later.
            if line.unfinished && line.action != "delete" {
                self.left_over.insert((line.tenant.clone(), line.name.clone()));
            }
            lines.push(line);
        }
        for desired in result.expansion.desired {
            if let Some(status) = statuses.get_mut(&desired.name) {
                status.lifetime = Some(desired.lifetime);
                status.resource = Some(desired.resource);
            }
        }
        let is_deleted = |line: &Line| line.action == "delete" && line.error.is_none() && !line.unfinished;
        if result.line.taken_out && (result.is_locked_out || has_list && lines.iter().all(is_deleted)) {
            self.emptied.push(result.line.tenant.clone());
        }
        self.held += result.held;
        self.report.margins.extend(result.margins);
        if self.report.dry_run {
            let of_tenant = entries(&result.line.tenant, &lines, &result.needs);
            self.report.entries.extend(of_tenant);
        }
        self.report.note(result.problems);
        self.report.add(result.line, result.many, lines);
    }
}
