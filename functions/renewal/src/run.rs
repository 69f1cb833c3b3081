//! One run: keys, then for each tenant list, plan, apply, report.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use graph_core::{
    config::{Config, Entry, Problem, Severity, Tenant},
    plan::{Action, Context, Desired, Policy, Step, plan},
};
use jiff::{SignedDuration, Timestamp};
use rand_core::CryptoRng;
use tracing::{error, info};

use crate::{
    Deps, Error,
    apply::Applier,
    keys::{self, Keys},
    ports::{Clock, Document, Documents, Graph},
    report::{Line, Report, TenantLine, told},
};

/// What a run covers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// Whether nothing is changed.
    pub(crate) dry_run: bool,
    /// The applications to look after; all of them when there are none.
    pub(crate) only: Option<BTreeSet<ApplicationId>>,
    /// Subscriptions for which Graph asked for reauthorization.
    pub(crate) challenged: BTreeSet<String>,
    /// Subscriptions that Graph says it has removed.
    pub(crate) removed: BTreeSet<String>,
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
}

/// Makes one run over what `scope` covers.
pub(crate) async fn run<D: Documents, G: Graph, C: Clock, Q, R: CryptoRng>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
) -> Result<Run, Error> {
    let now = deps.clock.now();
    let mut run = Run::default();
    run.report.dry_run = scope.dry_run;
    match config(&deps.documents, &mut run.report.problems).await? {
        Some(config) => {
            run.has_config = true;
            let keys = keys::publish(&deps.documents, &deps.rng, &config, now, scope.dry_run).await?;
            run.report.keys.clone_from(&keys.made);
            run.report.problems.extend(unsuited(&config, &deps.policy));
            reconcile(deps, scope, &config, &keys, now, &mut run).await;
        }
        None => run.report.failed += 1,
    }
    log(&run.report);
    Ok(run)
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
        .filter(|entry| !policy.suits(lifetime(entry)));
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
            tenants.push(async move {
                (
                    id,
                    reconcile_tenant(deps, scope, config, keys, now, name, tenant).await,
                )
            });
        }
    }
    let mut outcomes = stream::iter(tenants).buffered(PARALLEL_TENANTS);
    while let Some((id, (line, lines))) = outcomes.next().await {
        if line.error.is_some() {
            run.unreachable.insert(id);
        }
        run.report.add(line, lines);
    }
}

async fn reconcile_tenant<D: Documents, G: Graph, C: Clock, Q, R: CryptoRng>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
    config: &Config,
    keys: &Keys,
    now: Timestamp,
    name: &str,
    tenant: &Tenant,
) -> (TenantLine, Vec<Line>) {
    let mut found = TenantLine {
        tenant: name.to_owned(),
        ..TenantLine::default()
    };
    let listed = match deps.graph.list(tenant).await {
        Ok(listed) => listed,
        Err(error) => {
            found.error = Some(told(&error));
            return (found, Vec::new());
        }
    };
    let Some(context) = context(deps, scope, config, keys, now, name) else {
        found.error = Some("there is no client-state key for the tenant".to_owned());
        return (found, Vec::new());
    };
    let entries = || config.subscriptions.values().filter(|entry| entry.tenant == name);
    let desired: Vec<Desired> = entries()
        .filter(|entry| entry.for_each.is_none())
        .map(desired)
        .collect();
    let steps = plan(&desired, &listed, &context, now, &deps.policy);
    found.listed = listed.len();
    found.others = listed.len() - steps.iter().filter(|step| step.action.id().is_some()).count();
    let mut lines: Vec<Line> = entries()
        .filter(|entry| entry.for_each.is_some())
        .map(|entry| unsupported(entry, name))
        .collect();
    if scope.dry_run {
        lines.extend(steps.iter().map(|step| Line::of(step, name)));
    } else {
        wait_for_key(&deps.clock, keys, tenant, &steps).await;
        let applier = Applier {
            graph: &deps.graph,
            clock: &deps.clock,
            name,
            tenant,
            keys,
            context: &context,
            desired: &desired,
        };
        lines.extend(applier.apply(&steps).await);
    }
    (found, lines)
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

/// Returns what the plan for the tenant called `name` is made against.
fn context<D, G, C, Q, R>(
    deps: &Deps<D, G, C, Q, R>,
    scope: &Scope,
    config: &Config,
    keys: &Keys,
    now: Timestamp,
    name: &str,
) -> Option<Context> {
    let tenant = config.tenants.get(name)?;
    let refused = config
        .refused
        .iter()
        .map(|name| (name.clone(), "its entry has an error".to_owned()));
    let not_planned = config.subscriptions.values().filter_map(|entry| {
        let other = config.tenants.get(&entry.tenant)?;
        let is_same_application = other.tenant_id == tenant.tenant_id && other.client_id == tenant.client_id;
        if entry.tenant != name && is_same_application {
            // One application may stand in two tenants of the configuration, and Graph lists it as one.
            return Some((
                entry.name.clone(),
                format!("it belongs to tenant {}", entry.tenant),
            ));
        }
        (entry.tenant == name && entry.for_each.is_some())
            .then(|| (entry.name.clone(), "forEach is not supported yet".to_owned()))
    });
    let certificates = &keys.decryption.keys;
    Some(Context {
        notifications: deps.notifications.clone(),
        lifecycle: deps.lifecycle.clone(),
        mint_key: keys.mint_key(tenant, now)?.id.clone(),
        keys: keys.of(tenant).into_iter().map(|key| key.id.clone()).collect(),
        // There is none in a dry run before the first run, and then nothing exists that could have another.
        certificate: certificates.last().map(|key| key.id.clone()).unwrap_or_default(),
        certificates: certificates.iter().map(|key| key.id.clone()).collect(),
        complete: config.whole,
        held: refused.chain(not_planned).collect(),
        challenged: scope.challenged.clone(),
        removed: scope.removed.clone(),
    })
}

fn desired(entry: &Entry) -> Desired {
    Desired {
        name: entry.name.clone(),
        resource: entry.resource.clone(),
        change_type: entry.change_type.clone(),
        include_resource_data: entry.include_resource_data,
        lifetime: lifetime(entry),
        version: entry.version,
    }
}

fn lifetime(entry: &Entry) -> SignedDuration {
    SignedDuration::from_mins(i64::from(entry.minutes))
}

fn unsupported(entry: &Entry, tenant: &str) -> Line {
    Line {
        name: entry.name.clone(),
        tenant: tenant.to_owned(),
        action: "unsupported",
        reason: "forEach is not supported yet; what exists is left as it is".to_owned(),
        ..Line::default()
    }
}

/// Logs what a person must act on, and the sums.
fn log(report: &Report) {
    for problem in report
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
    {
        error!(path = problem.path, "Configuration: {problem}");
    }
    for line in &report.tenants {
        if let Some(error) = &line.error {
            error!(
                tenant = line.tenant,
                "Nothing could be done in tenant {}: {error}", line.tenant
            );
        }
    }
    for line in &report.subscriptions {
        if let Some(error) = &line.error {
            let Line {
                name, action, tenant, ..
            } = line;
            error!(
                subscription.name = name,
                tenant, action, "Could not {action} {name} in {tenant}: {error}"
            );
        }
    }
    let counts = serde_json::to_string(&report.counts).unwrap_or_default();
    info!(
        failed = report.failed,
        dry_run = report.dry_run,
        counts,
        "Run is over: {counts}, {} failed",
        report.failed
    );
}

/// How many tenants are looked after at once.
const PARALLEL_TENANTS: usize = 4;

/// The longest wait for a key within a run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
