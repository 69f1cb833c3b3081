//! The services that the reader uses, and their implementations.

use graph_core::{read::Request, subscription::config::Tenant};
use graph_edge::{
    clock::Clock,
    graph::{GraphClient, ReadAnswer},
    login,
    secrets::Source,
    sqs::Queue,
};

/// The services that the reader uses: the real ones, or doubles.
pub trait Ports {
    /// A secret with a document.
    type Secret: Source;
    /// Microsoft Graph.
    type Graph: GraphReader + Sync;
    /// The clock.
    type Clock: Clock + Sync;
    /// A queue for messages and events.
    type Queue: Queue;
}

/// Microsoft Graph, for reads only.
pub trait GraphReader {
    /// Makes one GET for the application in `tenant`, and reads at most `max_bytes` of the answer.
    fn read(
        &self,
        tenant: &Tenant,
        request: &Request,
        immutable_ids: bool,
        max_bytes: usize,
    ) -> impl Future<Output = ReadAnswer> + Send;
}

impl<P: login::Ports> GraphReader for GraphClient<P> {
    async fn read(
        &self,
        tenant: &Tenant,
        request: &Request,
        immutable_ids: bool,
        max_bytes: usize,
    ) -> ReadAnswer {
        GraphClient::read(self, tenant, request, immutable_ids, max_bytes).await
    }
}
