//! A stack with a simulator of Microsoft Graph.

use std::sync::OnceLock;

use super::{Error, Options, Progress, Stack};
use graph_simulator as graph;

/// A stack, and the simulator of Microsoft Graph that it calls.
pub struct Pair {
    /// The stack.
    pub stack: Stack,
    /// The simulator.
    pub simulator: graph::Simulator,
}

impl Pair {
    /// Starts a simulator and a stack that know each other: the stack calls the simulator for Graph and for tokens, and
    /// the simulator sends notifications for [`NOTIFICATION_ORIGIN`] to the stack.
    ///
    /// # Errors
    ///
    /// The simulator or the stack cannot be started.
    pub async fn start(simulator: graph::Options, stack: Options, progress: Progress) -> Result<Self, Error> {
        let simulator =
            graph::Simulator::start(simulator).map_err(Error::io("starting the Graph simulator"))?;
        let endpoint = simulator.base_url();
        let options = Options {
            graph_endpoint: endpoint.clone(),
            login_endpoint: endpoint,
            notification_origin: NOTIFICATION_ORIGIN.to_owned(),
            ..stack
        };
        let stack = Stack::start(&options, progress).await?;
        simulator.set_resolve(NOTIFICATION_ORIGIN, &stack.http_url("")?);
        Ok(Self { stack, simulator })
    }
}

/// Returns the stack and the simulator that all tests of this process share. The first call starts them.
///
/// # Errors
///
/// They cannot be started. Later calls return the same error.
pub fn shared() -> Result<&'static Pair, &'static Error> {
    static SHARED: OnceLock<Result<Pair, Error>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            std::thread::spawn(start_shared)
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
        .as_ref()
}

/// Starts the shared pair on a runtime of its own, because a test may already run inside another one.
fn start_shared() -> Result<Pair, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Backoff at a thousandth of Microsoft's pace, and renewal only when a test asks for it.
    let simulator = graph::Options {
        retry_scale: 0.001,
        ..graph::Options::default()
    };
    let stack = Options {
        renewal_minutes: "60".to_owned(),
        ..Options::default()
    };
    runtime
        .map_err(Error::io("starting a runtime"))?
        .block_on(Pair::start(simulator, stack, Progress::start()))
}

/// The origin of the subscriptions' notification URLs. The name is reserved, so it cannot be anybody's server.
pub const NOTIFICATION_ORIGIN: &str = "https://graph-notifications.test";
