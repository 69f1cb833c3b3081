//! The functions, with what they work with.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use decryption::{SigningKeysByCloud, Trust};
use graph_core::{
    notification::{client_state::ClientStateKeys, tokens::Authorities},
    subscription::{
        config::Config,
        plan::Policy,
        rotation::Rotation,
        url::{BaseUrl, StackId},
    },
};
use graph_edge::{
    clock::Clock,
    documents::{CachedDocument, client_state_keys},
    graph::GraphClient,
    http::Http,
    login::TokenProvider,
    metrics::Metrics,
    testing::{FakeIdentity, FakeLogin, FakeQueue, FakeSecret, Scripted, VirtualClock},
};
use jiff::SignedDuration;
use renewal::CatchUp;
use serde_json::Value;

use crate::{
    Queues,
    doubles::{Doubles, FlakySecret, StackDocuments},
    graph::Graph,
};

/// The functions of a stack.
pub(crate) struct Functions {
    pub(crate) webhook: webhook::Deps<FlakySecret, Arc<FakeQueue>>,
    pub(crate) decryption: decryption::Deps<Doubles>,
    pub(crate) reader: reader::Deps<Doubles>,
    pub(crate) renewal: renewal::Deps<Doubles>,
}

impl Functions {
    /// Returns the functions as AWS Lambda starts them.
    pub(crate) fn new(
        clock: &VirtualClock,
        graph: &Arc<Graph>,
        login: &FakeLogin,
        documents: &StackDocuments,
        queues: &Queues,
    ) -> Self {
        Self {
            webhook: webhook(documents, queues),
            decryption: decryption(login, documents, queues),
            reader: reader(clock, graph, documents, queues),
            renewal: renewal(clock, graph, documents, queues),
        }
    }
}

fn webhook(documents: &StackDocuments, queues: &Queues) -> webhook::Deps<FlakySecret, Arc<FakeQueue>> {
    webhook::Deps {
        keys: client_states(documents),
        queues: webhook::Queues {
            notification: Arc::clone(&queues.notification),
            lifecycle: Arc::clone(&queues.lifecycle),
            delivery: Arc::clone(&queues.delivery),
            read: Some(Arc::clone(&queues.read)),
        },
    }
}

fn decryption(login: &FakeLogin, documents: &StackDocuments, queues: &Queues) -> decryption::Deps<Doubles> {
    decryption::Deps {
        client_states: client_states(documents),
        trust: CachedDocument::new(documents.decryption.clone(), Trust::parse),
        signing_keys: SigningKeysByCloud::new(login, &Authorities::default(), None),
        delivery_queue: Arc::clone(&queues.delivery),
        failed_queue: Arc::clone(&queues.failed),
        lifecycle_queue: Arc::clone(&queues.lifecycle),
        read_queue: Some(Arc::clone(&queues.read)),
        tries: 10,
    }
}

fn reader(
    clock: &VirtualClock,
    graph: &Arc<Graph>,
    documents: &StackDocuments,
    queues: &Queues,
) -> reader::Deps<Doubles> {
    reader::Deps {
        config: CachedDocument::new(documents.config.clone(), |text| {
            Ok(Config::parse(text).map_err(|problem| problem.to_string())?.0)
        }),
        client_states: client_states(documents),
        graph: client(clock, graph),
        clock: clock.clone(),
        delivery_queue: Arc::clone(&queues.delivery),
        failed_queue: Arc::clone(&queues.failed),
        read_queue: Arc::clone(&queues.read),
        memory: reader::Memory::default(),
        tries: 10,
    }
}

fn renewal(
    clock: &VirtualClock,
    graph: &Arc<Graph>,
    documents: &StackDocuments,
    queues: &Queues,
) -> renewal::Deps<Doubles> {
    renewal::Deps {
        documents: documents.clone(),
        graph: client(clock, graph),
        clock: clock.clone(),
        failed_queue: Arc::clone(&queues.failed),
        delivery_queue: Arc::clone(&queues.delivery),
        catch_up: Some(CatchUp {
            queue: Arc::clone(&queues.read),
            back: SignedDuration::from_hours(6),
            settle: SignedDuration::ZERO,
        }),
        stack: StackId::parse("stack").unwrap(),
        notifications: BaseUrl::parse("https://our.example/notifications").unwrap(),
        lifecycle: BaseUrl::parse("https://our.example/lifecycle").unwrap(),
        policy: Policy::default(),
        rotation: Rotation::default(),
        tries: 16,
        memory: renewal::Memory::default(),
    }
}

fn client_states(documents: &StackDocuments) -> CachedDocument<FlakySecret, ClientStateKeys> {
    CachedDocument::new(documents.client_states.clone(), client_state_keys)
}

fn client(clock: &VirtualClock, graph: &Arc<Graph>) -> GraphClient<Doubles> {
    let http = Http::over(Arc::new(Scripted::new(Arc::clone(graph), clock.clone())));
    let login = TokenProvider::new(
        http.clone(),
        Some(BASE),
        FakeSecret::default(),
        FakeIdentity,
        clock.clone(),
    );
    GraphClient::new(http, login.unwrap(), Some(BASE)).unwrap()
}

/// Invokes renewal, with a quarter of an hour for it.
pub(crate) async fn invoke(
    renewal: &renewal::Deps<Doubles>,
    clock: &VirtualClock,
    event: Value,
    metrics: &mut Metrics,
) -> Value {
    let deadline = clock.now() + SignedDuration::from_mins(15);
    renewal::handle(event, deadline, renewal, metrics).await.unwrap()
}

/// Returns the ids of the messages that a function did not finish.
pub(crate) fn unfinished(response: SqsBatchResponse) -> Vec<String> {
    let failures = response.batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

const BASE: &str = "https://graph.test";
