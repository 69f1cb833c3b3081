//! One run: keys, then for each tenant list, plan, apply, report.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use graph_core::{
    config::{Config, Entry, Problem, Severity, Tenant},
    plan::{Action, Context, Expansion, Policy, Step, expand, gap::Gap, plan, rotation},
    subscription::Subscription,
};
use graph_edge::sqs::{Message, Queue};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use tracing::info;

use crate::{
    Deps, Error,
    apply::{Applier, Outcome},
    keys::{self, Forced, Keys, Named, Order},
    ports::{Clock, Document, Documents, Graph},
    report::{ManyLine, Report, TenantLine, told},
};

mod log;
mod objects;

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
    /// Subscriptions for which Graph asked for reauthorization.
    pub(crate) challenged: BTreeSet<String>,
    /// Subscriptions that Graph says it has removed.
    pub(crate) removed: BTreeSet<String>,
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
            challenged: BTreeSet::new(),
            removed: BTreeSet::new(),
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
    /// What became of each subscription that is to exist.
    pub(crate) ends: BTreeMap<(ApplicationId, String), End>,
    /// The keys that subscriptions name, of the applications whose list is known.
    named: BTreeMap<ApplicationId, Named>,
    /// What consumers have to be told.
    gaps: Vec<Gap>,
}

/// What became of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// Graph's id of it.
    pub(crate) subscription_id: Option<String>,
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
    match config(&deps.documents, &mut run.report.problems).await? {
        Some(config) => {
            run.has_config = true;
            let order = Order {
                rotation: deps.rotation,
                forced: scope.forced,
            };
            let keys = keys::publish(&deps.documents, &deps.rng, &config, &order, now, scope.dry_run).await?;
            run.report.keys.clone_from(&keys.made);
            run.refuse(&keys.refused);
            run.report.problems.extend(unsuited(&config, &deps.policy));
            reconcile(deps, scope, &config, &keys, now, &mut run).await;
            if !scope.dry_run {
                tell(deps.delivery_queue.as_ref(), &mut run).await;
                let is_everything = scope.only.is_none() && config.whole && run.unreachable.is_empty();
                let removed = keys::retire(&deps.documents, &keys, &run.named, is_everything, now).await?;
                run.report.keys.extend(removed);
            }
        }
        None => run.report.failed += 1,
    }
    log::log(&run.report);
    Ok(run)
}

impl Run {
    /// Reports keys that could not be replaced.
    fn refuse(&mut self, refused: &[String]) {
        for message in refused {
            self.report.failed += 1;
            self.report.problems.push(Problem {
                path: String::new(),
                message: message.clone(),
                severity: Severity::Error,
            });
        }
    }
}

/// Reads the configuration. What is wrong with it goes into the report.
async fn config(documents: &impl Documents, problems: &mut Vec<Problem>) -> Result<Option<Config>, Error> {
    let Some(version) = documents.read(Document::Config).await.map_err(Error::Documents)? else {
        problems.push(Problem {
            path: String::new(),
            message: "is not there yet; write it into ConfigSecret, as in the README".to_owned(),
            severity: Severity::Error,
        });
        return Ok(None);
    };
    match Config::parse(version.text.expose()) {
        Ok((config, found)) => {
            problems.extend(found);
            Ok(Some(config))
        }
        Err(problem) => {
            problems.push(problem);
            Ok(None)
        }
    }
}

/// Returns a warning for each entry that cannot outlive two failed runs of the schedule.
fn unsuited(config: &Config, policy: &Policy) -> Vec<Problem> {
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
        .collect()
}

/// Looks after every tenant, several at a time. What fails in one does not stop the others.
async fn reconcile<D: Documents, G: Graph, C: Clock, Q, R: CryptoRng>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
    config: &Config,
    keys: &Keys,
    now: Timestamp,
    run: &mut Run,
) {
    let mut tenants = Vec::new();
    for (name, tenant) in &config.tenants {
        let id = (tenant.tenant_id.clone(), tenant.client_id.clone());
        if scope.only.as_ref().is_none_or(|only| only.contains(&id)) {
            let part = Part {
                deps,
                scope,
                config,
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
        match found.named {
            Some(named) => drop(self.named.insert(id.clone(), named)),
            None => drop(self.unreachable.insert(id.clone())),
        }
        let mut lines = Vec::new();
        for outcome in found.outcomes {
            let line = outcome.line;
            if line.action != "delete" {
                let end = self.ends.entry((id.clone(), line.name.clone())).or_default();
                end.subscription_id.clone_from(&line.subscription_id);
                end.has_failed |= line.error.is_some() || line.unfinished;
            }
            self.gaps.extend(outcome.gap);
            lines.push(line);
        }
        for desired in found.expansion.desired {
            if let Some(end) = self.ends.get_mut(&(id.clone(), desired.name)) {
                end.lifetime = Some(desired.lifetime);
                end.resource = Some(desired.resource);
            }
        }
        self.report.failed += found
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count();
        self.report.problems.extend(found.problems);
        self.report.add(found.line, found.many, lines);
    }
}

/// What was found and done in a tenant.
#[derive(Default)]
struct Found {
    line: TenantLine,
    outcomes: Vec<Outcome>,
    many: Vec<ManyLine>,
    problems: Vec<Problem>,
    expansion: Expansion,
    /// Nothing when the tenant's subscriptions could not be listed.
    named: Option<Named>,
}

/// The part of a run that is about one tenant.
struct Part<'a, D, G, C, Q, R> {
    deps: &'a Deps<D, G, C, Q, R>,
    scope: &'a Scope,
    config: &'a Config,
    keys: &'a Keys,
    now: Timestamp,
    name: &'a str,
    tenant: &'a Tenant,
}

impl<D, G: Graph, C: Clock, Q, R> Part<'_, D, G, C, Q, R> {
    async fn reconcile(&self) -> Found {
        let mut found = Found::default();
        self.name.clone_into(&mut found.line.tenant);
        let listed = match self.deps.graph.list(self.tenant).await {
            Ok(listed) => listed,
            Err(error) => {
                found.line.error = Some(told(&error));
                return found;
            }
        };
        let Some(context) = self.context() else {
            found.line.error = Some("there is no client-state key for the tenant".to_owned());
            return found;
        };
        found.named = Some(Named::by(&listed));
        let entries: Vec<&Entry> = self
            .config
            .subscriptions
            .values()
            .filter(|entry| entry.tenant == self.name)
            .collect();
        let entries = objects::list(&self.deps.graph, self.tenant, &entries).await;
        found.expansion = expand(&entries, &listed, &self.deps.notifications);
        (found.many, found.problems) = objects::report(&entries, &found.expansion, self.name);
        self.bring_in_line(&listed, context, &mut found).await;
        found
    }

    /// Plans, and does what the plan says.
    async fn bring_in_line(&self, listed: &[Subscription], mut context: Context, found: &mut Found) {
        context.held.extend(found.expansion.held.clone());
        let desired = &found.expansion.desired;
        let steps = plan(desired, listed, &context, self.now, &self.deps.policy);
        found.line.listed = listed.len();
        let ours = steps.iter().filter(|step| step.action.id().is_some()).count();
        found.line.others = listed.len().saturating_sub(ours);
        if self.scope.dry_run {
            found.outcomes = steps
                .iter()
                .map(|step| Outcome::planned(step, self.name))
                .collect();
            return;
        }
        wait_for_key(&self.deps.clock, self.keys, self.tenant, &steps).await;
        let applier = Applier {
            graph: &self.deps.graph,
            clock: &self.deps.clock,
            name: self.name,
            tenant: self.tenant,
            keys: self.keys,
            context: &context,
            desired,
            stop_at: self.stop_at(),
            patience: &self.deps.memory.patience,
            is_patient: self.scope.is_patient,
        };
        found.outcomes = applier.apply(&steps).await;
    }

    /// Returns when no step is begun any more: what is left then is enough for one that takes long, and for the report.
    fn stop_at(&self) -> Timestamp {
        let left = self.scope.deadline.duration_since(self.now);
        let reserve = RESERVE.min(left / 3);
        self.scope
            .deadline
            .saturating_sub(reserve)
            .unwrap_or(self.scope.deadline)
    }

    /// Returns what the plan is made against.
    fn context(&self) -> Option<Context> {
        let Self {
            deps,
            scope,
            config,
            keys,
            now,
            name,
            tenant,
        } = self;
        let refused = config
            .refused
            .iter()
            .map(|name| (name.clone(), "its entry has an error".to_owned()));
        let not_planned = config.subscriptions.values().filter_map(|entry| {
            let other = config.tenants.get(&entry.tenant)?;
            let is_same_application =
                other.tenant_id == tenant.tenant_id && other.client_id == tenant.client_id;
            // One application may stand in two tenants of the configuration, and Graph lists it as one.
            (entry.tenant != *name && is_same_application).then(|| {
                (
                    entry.name.clone(),
                    format!("it belongs to tenant {}", entry.tenant),
                )
            })
        });
        let certificates = keys.certificate_lives();
        Some(Context {
            notifications: deps.notifications.clone(),
            lifecycle: deps.lifecycle.clone(),
            mint_key: keys.mint_key(tenant, *now)?.id.clone(),
            keys: keys.of(tenant).into_iter().map(|key| key.id.clone()).collect(),
            // There is none in a dry run before the first run, and then nothing exists that could have another.
            certificate: rotation::current(&certificates, *now)
                .map(|key| key.id.to_owned())
                .unwrap_or_default(),
            certificates: certificates.iter().map(|key| key.id.to_owned()).collect(),
            retiring_keys: rotation::retiring(&keys.lives_of(tenant), *now),
            retiring_certificates: rotation::retiring(&certificates, *now),
            complete: config.whole,
            held: refused.chain(not_planned).collect(),
            challenged: scope.challenged.clone(),
            removed: scope.removed.clone(),
        })
    }
}

/// Waits until the key may be used that new subscriptions are minted with, but not for long: a webhook that does not
/// know it yet would turn their notifications away.
async fn wait_for_key(clock: &impl Clock, keys: &Keys, tenant: &Tenant, steps: &[Step]) {
    let creates = steps
        .iter()
        .any(|step| matches!(step.action, Action::Create(_) | Action::Replace { .. }));
    let now = clock.now();
    let Some(key) = keys
        .mint_key(tenant, now)
        .filter(|key| creates && key.mint_from > now)
    else {
        return;
    };
    let wait = Duration::try_from(key.mint_from.duration_since(now)).unwrap_or_default();
    if wait <= LONGEST_WAIT {
        info!(
            "Waiting {} s until the new client-state key {} may be used",
            wait.as_secs(),
            key.id
        );
        clock.sleep(wait).await;
    }
}

/// Tells consumers what may have been lost.
async fn tell(queue: Option<&impl Queue>, run: &mut Run) {
    let gaps = std::mem::take(&mut run.gaps);
    let untold = send(queue, &gaps).await.into_iter().filter(|told| !told).count();
    if untold > 0 {
        run.report.failed += 1;
        run.report.problems.push(Problem {
            path: String::new(),
            message: format!(
                "is carried out, but {untold} events about lost notifications could not be put into DeliveryQueue; \
                 have consumers catch up for the lines of this report that say `lost`"
            ),
            severity: Severity::Error,
        });
    }
}

/// Puts events about gaps where consumers read, and returns for each whether it is there. Without a queue they are told
/// by the log alone.
pub(crate) async fn send(queue: Option<&impl Queue>, gaps: &[Gap]) -> Vec<bool> {
    let Some(queue) = queue.filter(|_| !gaps.is_empty()) else {
        return vec![true; gaps.len()];
    };
    let messages: Vec<Message> = gaps
        .iter()
        .map(|gap| Message {
            body: gap.document().to_string(),
            reason: None,
        })
        .collect();
    let stored = queue.send_all(&messages).await;
    stored.into_iter().map(|stored| stored.is_ok()).collect()
}

/// How many tenants are looked after at once.
const PARALLEL_TENANTS: usize = 4;

/// The longest wait for a key within a run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The time kept for the steps under way when no other is begun any more: one may wait a minute for Graph.
const RESERVE: SignedDuration = SignedDuration::from_mins(2);
