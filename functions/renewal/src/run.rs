//! One run: publish keys, then list, plan and apply for each tenant, and report.

use std::collections::BTreeSet;

use graph_core::{
    application::Application,
    subscription::{
        config::{Config, Problem},
        plan::Policy,
        rotation::{Forced, KeyChanges, KeysInUse, PublishedKeys, RotationRequest},
    },
};
use graph_edge::{metrics::Metrics, secrets::SecretError, telemetry::causes};
use jiff::SignedDuration;

use self::{config::ReadConfig, look::Look, request::by};
pub(crate) use self::{
    gaps::{STORE_WITHIN, send},
    request::{Removed, RunRequest},
    tenant_plan::TenantResult,
};
use crate::{
    Deps, Error,
    keys::{self, LEAD, LatestKeys},
    ports::{Clock, Ports},
    report::{Report, entries},
    result::{Status, StepResult},
};

pub(crate) mod config;
mod count;
mod expiries;
mod gaps;
mod log;
mod look;
mod objects;
mod queue;
mod reconcile;
mod request;
pub(crate) mod state;
mod succession;
mod tenant_plan;

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The report.
    pub(crate) report: Report,
    /// Whether a readable configuration exists.
    pub(crate) has_config: bool,
    /// The results of the tenants, in the order of their names.
    pub(crate) tenants: Vec<TenantResult>,
    /// How many deletions and replacements of subscriptions, and removals of applications, the brake holds back.
    pub(crate) held: usize,
    /// Whether subscriptions may exist that no version of the configuration can list.
    is_blind: bool,
}

/// Runs once over the tenants that `request` covers, and adds the counts to `metrics`.
pub(crate) async fn run<P: Ports>(
    deps: &Deps<P>,
    request: &RunRequest,
    metrics: &mut Metrics,
) -> Result<Run, Error> {
    let now = deps.clock.now();
    let mut run = Run::default();
    let dry_run = request.options.dry_run;
    run.report.dry_run = dry_run;
    if let Some(mut read) =
        config::read(&deps.documents, &deps.memory, &request.options, &mut run.report).await?
    {
        run.has_config = true;
        run.held += read.held;
        run.is_blind = read.is_blind;
        let rotation = RotationRequest {
            rotation: deps.rotation,
            forced: request.options.forced,
            lead: LEAD,
            dry_run,
        };
        let keys = run.keys(deps, &mut read, &rotation).await;
        run.report.note(unsuited(&read.config, &deps.policy));
        run.report.note(request.options.confirmed.unknown(&read.config));
        let stored = state::read(deps, &mut run.report).await;
        read.read_settled(&deps.documents, &stored.settled).await;
        let look = Look {
            deps,
            request,
            stored: &stored,
            keys: &keys,
            latest: LatestKeys::default(),
            begun: now,
        };
        for result in look.at_tenants(&mut read).await {
            run.add(result);
        }
        let config = &read.config;
        if config.whole {
            run.held += config.moved();
            run.report.note(succession::waiting(config));
        }
        let expiries = expiries::list(deps, config, &keys, deps.clock.now());
        let expiries = by(request.tidies_until(), &deps.clock, expiries).await;
        run.report.foresee(expiries.unwrap_or_default());
        run.report.note(expiries::unstored(deps, config));
        if !dry_run {
            run.report.note(gaps::unreported(run.results()));
            if request.is_over_everything() {
                let tidied = by(
                    request.tidies_until(),
                    &deps.clock,
                    run.tidy(deps, &read.config, &keys, rotation),
                );
                let (removed, failure) = tidied.await.unwrap_or_else(|| (Vec::new(), Some(late())));
                run.report.keys.extend(removed);
                run.report.note(failure.map(|error| unpublished(&error, KEPT)));
                // After all that can fail. A run over a part counts and stores nothing: it knows nothing of the others.
                let counts = count::count(&run, deps, &read.config, &stored, &request.options, metrics);
                let deadline = request.keeps_state_by(&deps.clock);
                state::store(deps, &run, stored, &read, &counts, now, deadline).await;
            }
        }
    }
    if !dry_run {
        count::steps(&run.report, metrics);
        if request.is_over_everything() {
            count::state(&run, metrics);
        }
    }
    log::log(&run.report);
    Ok(run)
}

impl Run {
    /// Adds the result of a tenant, also to the report.
    fn add(&mut self, mut result: TenantResult) {
        self.held += result.held;
        let report = &mut self.report;
        report.margins.append(&mut result.margins);
        if report.dry_run {
            let of_tenant = entries(&result.line.tenant, &result.steps, &result.needs);
            report.entries.extend(of_tenant);
        }
        report.note(std::mem::take(&mut result.problems));
        report.add(
            result.line.clone(),
            std::mem::take(&mut result.many),
            &result.steps,
        );
        self.tenants.push(result);
    }

    /// Returns the results of all steps.
    pub(crate) fn results(&self) -> impl Iterator<Item = &StepResult> {
        self.tenants.iter().flat_map(|tenant| &tenant.steps)
    }

    /// Returns the results of an application's tenants: each login of the application is one.
    pub(crate) fn of(&self, application: Application) -> impl Iterator<Item = &TenantResult> {
        let tenants = self.tenants.iter();
        tenants.filter(move |tenant| tenant.application == application)
    }

    /// Returns the tenants and names of the steps and lists that are left for the next run. A deletion that waits does no harm.
    pub(crate) fn left_over(&self) -> BTreeSet<(String, String)> {
        let of_tenant = |tenant: &'_ TenantResult| {
            let steps = tenant.steps.iter();
            let left = steps.filter(|result| result.status == Status::Unfinished && result.is_wanted());
            // Without a list a creation waits for the list, and not for time.
            let left = left.filter(|result| tenant.is_listed() || result.step.action.id().is_some());
            let left = left.map(|result| &result.step.name).chain(&tenant.late);
            let name = &tenant.line.tenant;
            left.map(|left| (name.clone(), left.clone())).collect::<Vec<_>>()
        };
        self.tenants.iter().flat_map(of_tenant).collect()
    }

    /// Returns the keys that subscriptions name; nothing if a tenant could not be listed.
    fn in_use(&self) -> Option<KeysInUse> {
        let mut all = KeysInUse::default();
        for tenant in &self.tenants {
            all.extend(tenant.in_use.as_ref()?);
        }
        Some(all)
    }

    /// Removes keys that no subscription names any more, and the trust in applications that were removed from the configuration
    /// and have no subscription left. Returns the removed keys, and the first failure: neither stops the other.
    async fn tidy<P: Ports>(
        &self,
        deps: &Deps<P>,
        config: &Config,
        keys: &PublishedKeys,
        rotation: RotationRequest,
    ) -> (Vec<String>, Option<Error>) {
        if !config.whole {
            return (Vec::new(), None);
        }
        let mut failure = None;
        let emptied: Vec<&TenantResult> = self.tenants.iter().filter(|tenant| tenant.is_emptied()).collect();
        if !emptied.is_empty() {
            let mut config = config.clone();
            for tenant in emptied {
                config.forget(&tenant.line.tenant);
            }
            // The rotation that a person asked for was done earlier in this run.
            let rotation = RotationRequest {
                forced: Forced::default(),
                ..rotation
            };
            let published = keys::publish(&deps.documents, &deps.clock, &config, &rotation).await;
            failure = published.err();
        }
        // A key that an unlisted tenant's subscription names would look unused.
        let Some(in_use) = self.in_use() else {
            return (Vec::new(), failure);
        };
        match keys::retire(&deps.documents, &deps.clock, keys, config, &in_use).await {
            Ok(removed) => (removed, failure),
            Err(error) => (Vec::new(), failure.or(Some(error))),
        }
    }

    /// Publishes keys and returns them. Renewals need none, so a failure does not end the run: it goes on with the keys that
    /// are published, and without any it renews what exists.
    async fn keys<P: Ports>(
        &mut self,
        deps: &Deps<P>,
        read: &mut ReadConfig,
        rotation: &RotationRequest,
    ) -> PublishedKeys {
        let config = &mut read.config;
        let published = if read.is_remembered {
            // It may trust what the current version no longer trusts.
            let keys = keys::read(&deps.documents).await;
            keys.map(|keys| (keys, KeyChanges::default()))
        } else {
            keys::publish(&deps.documents, &deps.clock, config, rotation).await
        };
        let error = match published {
            Ok((keys, changes)) => {
                self.report.keys = changes.done;
                // What does not fit into the secrets. The others are not affected.
                let refused = changes.refused.into_iter();
                self.report
                    .note(refused.map(|message| Problem::error("", message)));
                return keys;
            }
            Err(error) => error,
        };
        if let Ok(keys) = keys::read(&deps.documents).await {
            self.report.note([unpublished(&error, GOES_ON)]);
            return keys;
        }
        self.report.note([unpublished(&error, ONLY_RENEWS)]);
        // As if no entry could be read: what exists is renewed for the time that its resource allows.
        config.subscriptions.clear();
        config.whole = false;
        PublishedKeys::default()
    }
}

/// Returns the error of work that Secrets Manager did not finish in time.
fn late() -> Error {
    SecretError::Unavailable("no answer in time".into()).into()
}

/// Returns the problem of keys that could not be published or removed, with what the run does all the same.
fn unpublished(error: &Error, consequence: &str) -> Problem {
    Problem::error(
        "",
        format!(
            "is valid, but keys could not be read or written: {}; {consequence}",
            causes(error)
        ),
    )
}

/// What a run does without new keys, without any, and without the removal of old ones.
const GOES_ON: &str = "renewal goes on with the published keys";
const ONLY_RENEWS: &str =
    "until you correct this, existing subscriptions are renewed, and none is created or replaced";
const KEPT: &str = "the next run tries again to remove what is no longer used";

/// Returns a warning for each entry whose lifetime is too short to survive two failed runs.
fn unsuited(config: &Config, policy: &Policy) -> impl Iterator<Item = Problem> {
    let entries = config
        .subscriptions
        .values()
        .filter(|entry| !policy.suits(SignedDuration::from_mins(i64::from(entry.minutes))));
    entries
        .map(|entry| {
            let message = format!(
                "lives for {} minutes only, too short to survive two failed runs; have renewal run every 10 minutes",
                entry.minutes
            );
            Problem::warning(format!("subscriptions.{}", entry.name), message)
        })
}
