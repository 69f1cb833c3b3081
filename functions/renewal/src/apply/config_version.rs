//! What a run goes by, and whether it still holds.

use graph_edge::secrets::Source;

use crate::ports::{Document, Documents};

/// The version of the configuration that a run has planned with.
pub(crate) struct ConfigVersion<'a, D> {
    pub(crate) documents: &'a D,
    pub(crate) version_id: &'a str,
}

impl<D: Documents> ConfigVersion<'_, D> {
    /// Returns whether no newer version is there. One that cannot be read is taken for newer.
    ///
    /// It is asked before anything is deleted: another run may have read a newer version, and what it has made for that
    /// stood in this run's list as something that no entry asks for. The newer version was there before the list then, so
    /// it is seen now.
    pub(crate) async fn holds(&self) -> bool {
        let current = self.documents.secret(Document::Config).read().await;
        current.is_ok_and(|current| current.is_some_and(|current| current.version_id == self.version_id))
    }
}
