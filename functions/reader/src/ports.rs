//! What reader needs of others.

use graph_core::{read::Request, subscription::config::Tenant};
use graph_edge::{
    graph::{GraphClient, ReadAnswer},
    login::Ports,
};

/// Microsoft Graph, to be read from and for nothing else.
pub trait Reads {
    /// Makes one GET for the application in `tenant`.
    fn read(
        &self,
        tenant: &Tenant,
        request: &Request,
        immutable_ids: bool,
    ) -> impl Future<Output = ReadAnswer> + Send;
}

impl<P: Ports> Reads for GraphClient<P> {
    async fn read(&self, tenant: &Tenant, request: &Request, immutable_ids: bool) -> ReadAnswer {
        GraphClient::read(self, tenant, request, immutable_ids).await
    }
}
