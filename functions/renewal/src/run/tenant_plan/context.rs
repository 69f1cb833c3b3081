//! The context of a plan: everything besides list and entries.

use std::collections::BTreeSet;

use graph_core::subscription::{model::Subscription, plan::Context, rotation, url::NotificationUrl};

use crate::{keys::key_ids, ports::Ports, tenant_run::TenantRun};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns the context of the plan; nothing if no client-state key exists yet.
    pub(super) fn context(&self) -> Option<Context> {
        let Self {
            deps,
            request,
            config,
            keys,
            begun: now,
            name,
            tenant,
            ..
        } = self;
        let refused = config
            .refused
            .iter()
            .map(|name| (name.clone(), "its entry has a mistake".to_owned()));
        let unused = config.unused.iter().filter(|(_, tenant)| tenant == name);
        let unused = unused.map(|(entry, _)| {
            (
                entry.clone(),
                "its entry cannot be used in this tenant".to_owned(),
            )
        });
        let not_planned = config.subscriptions.values().filter_map(|entry| {
            // Two tenants of the configuration may have the same application, and Graph shows both the same list.
            let is_same_application = |other: &&String| {
                let other = config.tenants.get(*other);
                other.is_some_and(|other| other.application == tenant.application)
            };
            let is_own = entry.tenants.contains(*name);
            let other = entry.tenants.iter().find(is_same_application);
            let other = other.filter(|_| !is_own)?;
            Some((entry.name.clone(), format!("it belongs to tenant {other}")))
        });
        let certificates = keys.certificate_lives(tenant);
        let client_state = keys.client_state_lives();
        let mint_key = match keys.mint_key(*now) {
            Some(key) => key.id.clone(),
            // Nothing is created then.
            None if config.subscriptions.is_empty() => String::new(),
            None => return None,
        };
        Some(Context {
            stack: deps.stack.clone(),
            notifications: deps.notifications.clone(),
            lifecycle: deps.lifecycle.clone(),
            mint_key,
            keys: key_ids(&keys.client_state),
            // None exists in a dry run before the first run. Then no subscription can have another certificate either.
            certificate: keys
                .certificate(tenant, *now)
                .map(|key| key.id.clone())
                .unwrap_or_default(),
            certificates: certificates.iter().map(|key| key.id.to_owned()).collect(),
            retiring_keys: rotation::retiring(&client_state, *now),
            retiring_certificates: rotation::retiring(&certificates, *now),
            complete: config.is_whole_for(name),
            braked: false,
            takes_over: request.options.takes_over,
            held: refused.chain(unused).chain(not_planned).collect(),
            removed: BTreeSet::new(),
            absent: BTreeSet::new(),
            unproven: BTreeSet::new(),
        })
    }

    /// Adds the client-state keys that the `existing` subscriptions name and that were published after the run began: only a key
    /// that is unknown after the list counts as gone.
    pub(super) async fn learn_keys(&self, existing: &[Subscription], context: &mut Context) {
        let urls = existing.iter().filter_map(|one| one.notification_url.as_deref());
        let ours: Vec<NotificationUrl> = urls.filter_map(|url| context.stack.read(url)).collect();
        let mut unknown = ours.into_iter().filter(|url| !context.keys.contains(&url.key_id));
        if let Some(first) = unknown.next() {
            let rest = unknown.map(|url| url.key_id);
            let unknown = std::iter::once(first.key_id).chain(rest).collect();
            context.keys.extend(self.published_now(unknown).await);
        }
    }

    /// Returns which client-state keys are published of those that were `unknown` when the run began; all of them if that cannot
    /// be found out before the run ends.
    pub(crate) async fn published_now(&self, unknown: BTreeSet<String>) -> BTreeSet<String> {
        let published = self.latest.published(&self.deps.documents, unknown.clone());
        let published = self.within(async { Ok(published.await) }).await;
        published.unwrap_or(unknown)
    }
}
