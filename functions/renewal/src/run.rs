//! One run: publish keys, then list, plan and apply for each tenant, and report.

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

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The report.
    pub(crate) report: Report,
    /// The applications that the run could not handle.
    pub(crate) unreachable: BTreeSet<Application>,
    /// Whether a readable configuration exists.
    pub(crate) has_config: bool,
    /// The status of each wanted subscription, by application and name.
    pub(crate) statuses: BTreeMap<Application, HashMap<String, SubscriptionStatus>>,
    /// The remembered subscriptions of tenants that Graph did not list.
    pub(crate) remembered: Vec<SubscriptionStatus>,
    /// Whether `statuses` and `remembered` leave out subscriptions that may exist: a tenant has a mistake in its configuration,
    /// or Graph did not list it and nothing is remembered.
    pub(crate) is_partial: bool,
    /// The removals that Graph reported and the list confirmed, by application: id and name of each subscription.
    pub(crate) removed: BTreeMap<Application, BTreeSet<(String, String)>>,
    /// The keys that subscriptions name, of every application whose list is known.
    in_use: KeysInUse,
    /// The tenants and names of the steps that are left for the next run.
    pub(crate) left_over: BTreeSet<(String, String)>,
    /// The tenants that were removed from the configuration and have no subscription left.
    emptied: Vec<String>,
    /// How many gaps could not be reported to consumers.
    untold: usize,
    /// How many deletions and replacements of subscriptions, and removals of applications, the brake holds back.
    pub(crate) held: usize,
}

/// The status of a subscription after a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubscriptionStatus {
    /// Graph's id.
    pub(crate) subscription_id: Option<String>,
    /// When it expires; nothing if the subscription does not exist.
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether a step failed or is left for the next run.
    pub(crate) has_failed: bool,
    /// How long it lives after a renewal.
    pub(crate) lifetime: Option<SignedDuration>,
    /// The resource that it watches.
    pub(crate) resource: Option<String>,
    /// Whether this run created it.
    pub(crate) is_created: bool,
    /// Whether it does not exist for a reason that nobody here can change.
    pub(crate) is_skipped: bool,
}

/// Runs once over the tenants that `request` covers.
pub(crate) async fn run<P: Ports>(deps: &Deps<P>, request: &RunRequest) -> Result<Run, Error> {
    let now = deps.clock.now();
    let mut run = Run::default();
    let dry_run = request.options.dry_run;
    run.report.dry_run = dry_run;
    if let Some(mut read) = config::read(&deps.documents, &mut run.report).await? {
        // Before the keys: departed tenants stay trusted until nothing of theirs is left at Graph.
        run.has_config = true;
        run.held += config::departed::add(
            &deps.documents,
            &mut read.config,
            &request.options,
            &mut run.report,
        )
        .await?;
        let config = &read.config;
        run.is_partial = !config.refused.is_empty();
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
            // A partial run has seen a part only: its summary would erase what is known of the others.
            if request.only.is_none() && config.whole {
                state::write(deps, config, &read.version_id, now).await;
            } else if read.version_id == read.current_id {
                state::keep_version(deps, &stored, &read.version_id).await;
            }
            let is_everything = request.only.is_none() && config.whole && run.unreachable.is_empty();
            // A key that an unlisted tenant's subscription names would look unused.
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
    /// Removes the trust in applications that were removed from the configuration and have no subscription left.
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
        // The rotation that a person asked for was done earlier in this run.
        let rotation = RotationRequest {
            forced: Forced::default(),
            ..rotation
        };
        keys::publish(&deps.documents, &deps.clock, &config, &rotation).await?;
        Ok(())
    }

    /// Reports what does not fit into the secrets. The others are not affected.
    fn refuse(&mut self, refused: &[String]) {
        self.report.note(refused.iter().map(|message| Problem {
            path: String::new(),
            message: message.clone(),
            severity: Severity::Error,
        }));
    }
}

/// Returns a warning for each entry whose lifetime is too short to survive two failed runs.
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
            None => {
                self.unreachable.insert(*id);
                self.is_partial |= result.remembered.is_none();
                self.remembered.extend(result.remembered.into_iter().flatten());
            }
        }
        // Two tenants of the configuration may have the same application.
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
            // A deletion that waits does no harm.
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
        // An application that is locked out for good can never list again, so nothing more can be deleted for it.
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
