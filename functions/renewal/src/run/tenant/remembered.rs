//! What is known of a tenant's subscriptions while Graph does not list them.

use jiff::SignedDuration;

use super::TenantRun;
use crate::{memory::lock, ports::Ports, run::SubscriptionStatus};

impl<P: Ports> TenantRun<'_, P> {
    /// Returns the status of each remembered subscription that an entry still asks for; nothing if none is remembered, unless
    /// the tenant has no entry at all.
    pub(super) fn remembered(&self) -> Option<Vec<SubscriptionStatus>> {
        let entries = self.config.subscriptions.values();
        let is_wanted = entries.filter(|entry| entry.tenants.contains(self.name)).count() > 0;
        let all = lock(&self.known()).all();
        let statuses: Vec<_> = all
            .iter()
            .filter_map(|one| {
                let url = self.deps.stack.read(one.notification_url.as_deref()?)?;
                let entry = self.config.subscriptions.get(url.name.split('/').next()?)?;
                Some(SubscriptionStatus {
                    expires_at: one.expiration_date_time,
                    lifetime: Some(SignedDuration::from_mins(i64::from(entry.minutes))),
                    ..SubscriptionStatus::default()
                })
            })
            .collect();
        (!is_wanted || !statuses.is_empty()).then_some(statuses)
    }
}
