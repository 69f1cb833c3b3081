//! One run: keys, then for each tenant list, plan, apply, report.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    sync::Arc,
    task::Poll,
};

use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use graph_core::subscription::{
    config::{Config, Problem, Severity, Tenant},
    plan::Policy,
    rotation::{Forced, KeysInUse, PublishedKeys, RotationRequest},
};
use jiff::{SignedDuration, Timestamp};

pub(crate) use self::gaps::{STORE_WITHIN, send};
use self::{
    part::{Found, Looked, Part},
    queue::{Job, WorkQueue},
};
use crate::{
    Deps, Error,
    apply::Outcome,
    keys::{self, LEAD},
    ports::{Clock, Document, Documents, Ports},
    report::Report,
};

pub(crate) mod count;
mod expiries;
mod gaps;
mod log;
mod objects;
mod part;
mod previous;
mod queue;

/// What a run covers.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub(crate) struct Scope {
    /// Whether nothing is changed.
    pub(crate) dry_run: bool,
    /// The keys that a person wants replaced.
    pub(crate) forced: Forced,
    /// Whether what Graph has refused a short while ago is not asked for again.
    pub(crate) is_patient: bool,
    /// When the function is ended, finished or not.
    pub(crate) deadline: Timestamp,
    /// When the run began.
    pub(crate) begun: Timestamp,
    /// Whether lists are taken, however fresh the last ones are.
    pub(crate) lists: bool,
    /// Whether a person has confirmed that very much is to be deleted.
    pub(crate) confirms_deletions: bool,
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
    pub(crate) fn everything(begun: Timestamp, deadline: Timestamp) -> Self {
        Self {
            dry_run: false,
            forced: Forced::default(),
            is_patient: false,
            deadline,
            only: None,
            told: BTreeMap::new(),
            lists: false,
            confirms_deletions: false,
            begun,
        }
    }

    /// Returns whether the run looks after the tenant's application.
    fn covers(&self, tenant: &Tenant) -> bool {
        let id = (tenant.tenant_id.clone(), tenant.client_id.clone());
        self.only.as_ref().is_none_or(|only| only.contains(&id))
    }

    /// Returns when no step is begun any more.
    pub(crate) fn stop_at(&self) -> Timestamp {
        self.before_deadline(STOPS_BEFORE, 3)
    }

    /// Returns when every call is over: the rest is for the report.
    pub(crate) fn end_at(&self) -> Timestamp {
        self.before_deadline(ENDS_BEFORE, 9)
    }

    fn before_deadline(&self, reserve: SignedDuration, share: i32) -> Timestamp {
        let left = self.deadline.duration_since(self.begun);
        let reserve = reserve.min(left / share);
        self.deadline.saturating_sub(reserve).unwrap_or(self.deadline)
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
    /// Tenants and names of what is left to the next run.
    pub(crate) left_over: BTreeSet<(String, String)>,
    /// How many gaps consumers could not be told of.
    untold: usize,
    /// How many subscriptions would be deleted or replaced, and are not.
    pub(crate) held: usize,
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
    /// Whether there is none, and nobody here can change that.
    pub(crate) is_skipped: bool,
}

/// Makes one run over what `scope` covers.
pub(crate) async fn run<P: Ports>(deps: &Deps<P>, scope: &Scope) -> Result<Run, Error> {
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
        let (keys, changes) = keys::publish(&deps.documents, &deps.clock, config, &request).await?;
        run.report.keys = changes.done;
        run.refuse(&changes.refused);
        run.report.note(unsuited(config, &deps.policy));
        reconcile(deps, scope, &read, &keys, now, &mut run).await;
        let expiries = expiries::list(deps, config, &keys, deps.clock.now()).await;
        run.report.foresee(expiries);
        if !scope.dry_run {
            gaps::note(&mut run);
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
pub(crate) struct Read {
    pub(crate) config: Config,
    pub(crate) version_id: String,
}

/// Reads the configuration. What is wrong with it goes into the report.
pub(crate) async fn config(documents: &impl Documents, report: &mut Report) -> Result<Option<Read>, Error> {
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
        Ok((mut config, found)) => {
            report.note(found);
            previous::lend(documents, &mut config, report).await;
            Ok(Some(Read {
                config,
                version_id: version.version_id,
            }))
        }
        Err(problem) => {
            report.note([problem]);
            Ok(previous::instead(documents, report).await)
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

/// Looks after every tenant: lists and plans several at a time, and does what is to be done in all of them, the most urgent
/// first. What fails in one, or takes long, does not stop the others.
async fn reconcile<P: Ports>(
    deps: &Deps<P>,
    scope: &Scope,
    read: &Read,
    keys: &PublishedKeys,
    now: Timestamp,
    run: &mut Run,
) {
    let parts = read
        .config
        .tenants
        .iter()
        .filter(|(_, tenant)| scope.covers(tenant));
    let looks = parts.map(|(name, tenant)| {
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
        part.look()
    });
    let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
    let mut queue = WorkQueue::default();
    let mut tenants: Vec<(Arc<Looked<'_, P>>, Vec<Outcome>)> = Vec::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        while let Some((number, job)) = queue.next() {
            let Some((looked, _)) = tenants.get(number) else {
                continue;
            };
            let looked = Arc::clone(looked);
            under_way.push(async move { (number, job.creates(), looked.work(&job.step).await) });
        }
        // What is under way comes first: its seat is wanted.
        let next = poll_fn(|context| {
            if let Poll::Ready(Some(done)) = under_way.poll_next_unpin(context) {
                return Poll::Ready(Some(Next::Done(Box::new(done))));
            }
            match looks.poll_next_unpin(context) {
                Poll::Ready(Some(looked)) => Poll::Ready(Some(Next::Looked(Box::new(looked)))),
                Poll::Ready(None) if under_way.is_empty() => Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        });
        match next.await {
            Some(Next::Done(done)) => {
                let (number, is_creation, outcome) = *done;
                queue.done(number, is_creation);
                if let Some((_, outcomes)) = tenants.get_mut(number) {
                    outcomes.push(outcome);
                }
            }
            Some(Next::Looked(mut looked)) => {
                let (jobs, outcomes) = jobs(&mut looked, scope);
                queue.add(jobs);
                tenants.push((Arc::from(looked), outcomes));
            }
            None => break,
        }
    }
    drop((under_way, looks));
    tenants.sort_by(|(one, _), (other, _)| one.tenant().0.cmp(other.tenant().0));
    for (looked, mut outcomes) in tenants {
        let Some(looked) = Arc::into_inner(looked) else {
            continue;
        };
        outcomes.sort_by(|one, other| one.order().cmp(&other.order()));
        let (_, tenant) = looked.tenant();
        let id = (tenant.tenant_id.clone(), tenant.client_id.clone());
        run.add(&id, looked.found, outcomes);
    }
}

/// What happens next in a run.
enum Next<L> {
    /// A tenant was looked at.
    Looked(Box<L>),
    /// A step is done: its tenant's number, whether it created, and what became of it.
    Done(Box<(usize, bool, Outcome)>),
}

/// Returns what is to be done in a tenant, and the outcomes of what is not.
fn jobs<P: Ports>(looked: &mut Looked<'_, P>, scope: &Scope) -> (Vec<Job>, Vec<Outcome>) {
    let steps = std::mem::take(&mut looked.steps);
    let mut outcomes = Vec::new();
    let mut jobs = Vec::new();
    for step in steps {
        match looked.urgency(&step).filter(|_| !scope.dry_run) {
            Some(urgency) => jobs.push((looked.rank(&step), Job { urgency, step })),
            None => outcomes.push(looked.leave(&step)),
        }
    }
    // What was left over comes first, and what Graph has refused before comes last.
    jobs.sort_by_key(|(rank, _)| *rank);
    (jobs.into_iter().map(|(_, job)| job).collect(), outcomes)
}

impl Run {
    fn add(&mut self, id: &ApplicationId, found: Found, outcomes: Vec<Outcome>) {
        match found.in_use {
            Some(in_use) => self.in_use.extend(&in_use),
            None => drop(self.unreachable.insert(id.clone())),
        }
        // One application may stand in two tenants of the configuration.
        self.removed.entry(id.clone()).or_default().extend(found.removed);
        let ends = self.ends.entry(id.clone()).or_default();
        ends.reserve(outcomes.len());
        let mut lines = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let line = outcome.line;
            if line.action != "delete" {
                let end = ends.entry(line.name.clone()).or_default();
                end.subscription_id.clone_from(&line.subscription_id);
                end.expires_at = line.expires_at;
                end.has_failed |= line.error.is_some() || line.unfinished;
                end.is_skipped = line.skipped.is_some();
            }
            self.untold += usize::from(outcome.is_untold);
            if line.unfinished {
                self.left_over.insert((line.tenant.clone(), line.name.clone()));
            }
            lines.push(line);
        }
        for desired in found.expansion.desired {
            if let Some(end) = ends.get_mut(&desired.name) {
                end.lifetime = Some(desired.lifetime);
                end.resource = Some(desired.resource);
            }
        }
        self.held += found.held;
        self.report.note(found.problems);
        self.report.add(found.line, found.many, lines);
    }
}

/// How long before the deadline no step is begun any more, and every call is over.
const STOPS_BEFORE: SignedDuration = SignedDuration::from_secs(90);
const ENDS_BEFORE: SignedDuration = SignedDuration::from_secs(20);

/// How many tenants are looked at at once: one whose list takes long keeps a place and no more.
const LOOKS_AT_ONCE: usize = 64;
