//! The version of the configuration that a run has planned with, and whether it is still current.

use graph_edge::secrets::Source;

use crate::ports::{Document, Documents};

/// The version of the configuration that was current when the run read it.
pub(crate) struct ConfigVersion<'a, D> {
    pub(crate) documents: &'a D,
    pub(crate) version_id: &'a str,
}

impl<D: Documents> ConfigVersion<'_, D> {
    /// Returns whether the version is still current. An unreadable configuration counts as changed.
    ///
    /// Asked before each deletion: another run may have created subscriptions for a newer configuration, and this run's
    /// list shows them as subscriptions that no entry asks for. A run reads the configuration before it creates
    /// anything, so the newer version is visible by now.
    pub(crate) async fn holds(&self) -> bool {
        let current = self.documents.secret(Document::Config).read().await;
        current.is_ok_and(|current| current.is_some_and(|current| current.version_id == self.version_id))
    }
}
