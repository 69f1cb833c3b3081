//! One run: keys, then for each tenant list, plan, apply, report.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::{StreamExt, stream};
use graph_core::subscription::{
    config::{Config, Problem, Severity},
    plan::{Policy, gap::Gap},
    rotation::{Forced, KeysInUse, PublishedKeys, RotationRequest},
};
use graph_edge::sqs::Queue;
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;

pub(crate) use self::gaps::{STORE_WITHIN, send};
use self::part::{Found, Part};
use crate::{
    Deps, Error,
    keys::{self, LEAD},
    ports::{Clock, Document, Documents, Graph},
    report::Report,
};

pub(crate) mod count;
mod expiries;
mod gaps;
mod log;
mod objects;
mod part;

/// What a run covers.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// Whether nothing is changed.
    pub(crate) dry_run: bool,
    /// The keys that a person wants replaced.
    pub(crate) forced: Forced,
    /// Whether what Graph has refused a short while ago is not asked for again.
    pub(crate) is_patient: bool,
    /// When the function is ended, finished or not.
    pub(crate) deadline: Timestamp,
    /// The applications to look after; all of them when there are none.
    pub(crate) only: Option<BTreeSet<ApplicationId>>,
    /// What Graph tells of subscriptions, by application: an id means nothing with another one.
    pub(crate) told: BTreeMap<ApplicationId, Told>,
}

/// What Graph tells of an application's subscriptions, each an id and the name in the client state that proves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Those for which it asks for reauthorization.
    pub(crate) challenged: BTreeSet<(String, String)>,
    /// Those that it says it has removed.
    pub(crate) removed: BTreeSet<(String, String)>,
}

impl Scope {
    /// Returns the scope of a run over everything that has to be over by `deadline`.
    pub(crate) fn everything(deadline: Timestamp) -> Self {
        Self {
            dry_run: false,
            forced: Forced::default(),
            is_patient: false,
            deadline,
            only: None,
            told: BTreeMap::new(),
        }
    }
}

/// A tenant id and a client id.
pub(crate) type ApplicationId = (String, String);

/// What a run found and did.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The report.
    pub(crate) report: Report,
    /// The applications for which nothing could be done.
    pub(crate) unreachable: BTreeSet<ApplicationId>,
    /// Whether there is a configuration that could be read.
    pub(crate) has_config: bool,
    /// What became of each subscription that is to exist, by application and name.
    pub(crate) ends: BTreeMap<ApplicationId, HashMap<String, End>>,
    /// The removals that Graph has told of and that concern the application: an id and a name each.
    pub(crate) removed: BTreeMap<ApplicationId, BTreeSet<(String, String)>>,
    /// The keys that the subscriptions of those applications name whose list is known.
    in_use: KeysInUse,
    /// What consumers have to be told.
    gaps: Vec<Gap>,
}

/// What became of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
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
}

/// Makes one run over what `scope` covers.
pub(crate) async fn run<D: Documents, G: Graph, C: Clock, Q: Queue, R: CryptoRng>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
) -> Result<Run, Error> {
    let now = deps.clock.now();
    let mut run = Run::default();
    run.report.dry_run = scope.dry_run;
    if let Some(read) = config(&deps.documents, &mut run.report).await? {
        let config = &read.config;
        run.has_config = true;
        let request = RotationRequest {
            rotation: deps.rotation,
            forced: scope.forced,
            lead: LEAD,
            dry_run: scope.dry_run,
        };
        let (keys, changes) =
            keys::publish(&deps.documents, &deps.clock, &deps.rng, config, &request).await?;
        run.report.keys = changes.done;
        run.refuse(&changes.refused);
        run.report.note(unsuited(config, &deps.policy));
        reconcile(deps, scope, &read, &keys, now, &mut run).await;
        let expiries = expiries::list(&deps.graph, config, &keys, deps.clock.now()).await;
        run.report.foresee(expiries);
        if !scope.dry_run {
            gaps::tell(&deps.delivery_queue, &mut run).await;
            let is_everything = scope.only.is_none() && config.whole && run.unreachable.is_empty();
            if is_everything {
                let removed = keys::retire(&deps.documents, &deps.clock, &keys, config, &run.in_use).await?;
                run.report.keys.extend(removed);
            }
        }
    }
    log::log(&run.report);
    Ok(run)
}

impl Run {
    /// Reports what does not fit into the secrets. It costs nobody else anything.
    fn refuse(&mut self, refused: &[String]) {
        self.report.note(refused.iter().map(|message| Problem {
            path: String::new(),
            message: message.clone(),
            severity: Severity::Error,
        }));
    }
}

/// The configuration that a run goes by.
struct Read {
    config: Config,
    version_id: String,
}

/// Reads the configuration. What is wrong with it goes into the report.
async fn config(documents: &impl Documents, report: &mut Report) -> Result<Option<Read>, Error> {
    let Some(version) = documents.read(Document::Config).await.map_err(Error::Documents)? else {
        report.note([Problem {
            path: String::new(),
            message: "is not there yet; write it into ConfigSecret, as docs/configuration.md describes"
                .to_owned(),
            severity: Severity::Error,
        }]);
        return Ok(None);
    };
    match Config::parse(version.text.expose()) {
        Ok((config, found)) => {
            report.note(found);
            Ok(Some(Read {
                config,
                version_id: version.version_id,
            }))
        }
        Err(problem) => {
            report.note([problem]);
            Ok(None)
        }
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

/// Looks after every tenant, several at a time. What fails in one does not stop the others.
async fn reconcile<D: Documents, G: Graph, C: Clock, Q, R: CryptoRng>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
    read: &Read,
    keys: &PublishedKeys,
    now: Timestamp,
    run: &mut Run,
) {
    let mut tenants = Vec::new();
    for (name, tenant) in &read.config.tenants {
        let id = (tenant.tenant_id.clone(), tenant.client_id.clone());
        if scope.only.as_ref().is_none_or(|only| only.contains(&id)) {
            let part = Part {
                deps,
                scope,
                config: &read.config,
                config_version: &read.version_id,
                keys,
                now,
                name,
                tenant,
            };
            tenants.push(async move { (id, part.reconcile().await) });
        }
    }
    let mut found = stream::iter(tenants).buffered(PARALLEL_TENANTS);
    while let Some((id, found)) = found.next().await {
        run.add(&id, found);
    }
}

impl Run {
    fn add(&mut self, id: &ApplicationId, found: Found) {
        match found.in_use {
            Some(in_use) => self.in_use.extend(&in_use),
            None => drop(self.unreachable.insert(id.clone())),
        }
        // One application may stand in two tenants of the configuration.
        self.removed.entry(id.clone()).or_default().extend(found.removed);
        let ends = self.ends.entry(id.clone()).or_default();
        ends.reserve(found.outcomes.len());
        let mut lines = Vec::with_capacity(found.outcomes.len());
        for outcome in found.outcomes {
            let line = outcome.line;
            if line.action != "delete" {
                let end = ends.entry(line.name.clone()).or_default();
                end.subscription_id.clone_from(&line.subscription_id);
                end.expires_at = line.expires_at;
                end.has_failed |= line.error.is_some() || line.unfinished;
            }
            self.gaps.extend(outcome.gap);
            lines.push(line);
        }
        for desired in found.expansion.desired {
            if let Some(end) = ends.get_mut(&desired.name) {
                end.lifetime = Some(desired.lifetime);
                end.resource = Some(desired.resource);
            }
        }
        self.report.note(found.problems);
        self.report.add(found.line, found.many, lines);
    }
}

/// How many tenants are looked after at once.
const PARALLEL_TENANTS: usize = 4;
