//! A function as AWS Lambda runs it: a process that polls the Runtime API for events.
//!
//! The server is strict: a call that is not part of that API, or a response to an event that was not handed out, is an
//! error.

use std::{
    collections::HashMap,
    fs::File,
    pin::pin,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{BoxError, process};

/// A program and its settings.
#[derive(Clone, Debug)]
pub struct Program {
    /// The name in messages.
    pub name: &'static str,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Environment variables besides those that Lambda sets.
    pub environment: Vec<(String, String)>,
}

/// A running function.
pub struct Function {
    /// The name of its program.
    pub name: &'static str,
    child: Mutex<Child>,
    pid: u32,
    events: mpsc::UnboundedSender<Event>,
    server: JoinHandle<()>,
    started: Instant,
    /// The time from the start of the process to its first poll.
    pub start_time: Duration,
}

impl Function {
    /// Starts a function and waits until it polls for its first event.
    pub async fn start(program: &Program, aws_url: &str, log: File) -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (events, queue) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            queue: AsyncMutex::new(queue),
            pending: Mutex::default(),
            first_poll: Mutex::default(),
            polled: Notify::new(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .layer(DefaultBodyLimit::max(16 * 1_048_576))
            .with_state(Arc::clone(&api));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let [command, arguments @ ..] = program.command.as_slice() else {
            return Err("a program without a command".into());
        };
        let mut process = Command::new(command);
        process
            .args(arguments)
            .env_clear()
            .envs(lambda_environment(aws_url));
        process.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        process.envs(program.environment.iter().cloned());
        process.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = process
            .spawn()
            .map_err(|error| format!("{command} cannot be started: {error}"))?;
        let mut function = Self {
            name: program.name,
            pid: child.id(),
            child: Mutex::new(child),
            events,
            server,
            started,
            start_time: Duration::ZERO,
        };
        function.answer(api.polled.notified()).await?;
        let first_poll = *api.first_poll.lock().unwrap_or_else(PoisonError::into_inner);
        function.start_time = first_poll.unwrap_or(started).duration_since(started);
        Ok(function)
    }

    /// Sends an event to the function and returns its response.
    pub async fn invoke(&self, event: impl Into<Bytes>) -> Result<String, BoxError> {
        let (answer, answered) = oneshot::channel();
        let event = Event {
            body: event.into(),
            answer,
        };
        self.events
            .send(event)
            .map_err(|_| "the Runtime API has stopped")?;
        let answer = self.answer(answered).await??;
        Ok(answer.map_err(|error| format!("{} answers with an error: {error}", self.name))?)
    }

    /// Waits for the function, as long as its process lives and AWS Lambda would wait.
    async fn answer<T>(&self, what: impl Future<Output = T>) -> Result<T, BoxError> {
        let mut what = pin!(what);
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if let Ok(answer) = timeout(POLL_INTERVAL, &mut what).await {
                return Ok(answer);
            }
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(status) = child.try_wait()? {
                return Err(format!("{} has ended ({status}); see target/bench/logs", self.name).into());
            }
        }
        Err(format!("{} does not answer; see target/bench/logs", self.name).into())
    }

    /// Returns the time since the start of the process.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the CPU time of the process.
    pub fn cpu_time(&self) -> Result<Duration, BoxError> {
        process::cpu_time(self.pid)
    }

    /// Asks the process to end, and waits for its end.
    pub fn end(&mut self) -> Result<(), BoxError> {
        Command::new("kill").arg(self.pid.to_string()).status()?;
        self.child
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .wait()?;
        Ok(())
    }

    /// Returns how many bytes of the process are in memory.
    pub fn resident(&self) -> Result<u64, BoxError> {
        process::resident(self.pid)
    }

    /// Returns the most bytes of the process that were in memory.
    pub fn peak(&self) -> Result<u64, BoxError> {
        process::peak(self.pid)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        self.server.abort();
    }
}

/// The receiver of the response to an event.
type Answer = oneshot::Sender<Result<String, String>>;

struct Event {
    body: Bytes,
    answer: Answer,
}

struct Api {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Event>>,
    pending: Mutex<HashMap<String, Answer>>,
    first_poll: Mutex<Option<Instant>>,
    polled: Notify,
}

impl Api {
    fn pending(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_poll(&self) {
        let mut first_poll = self.first_poll.lock().unwrap_or_else(PoisonError::into_inner);
        if first_poll.is_none() {
            *first_poll = Some(Instant::now());
            self.polled.notify_one();
        }
    }

    fn respond(&self, id: &str, answer: Result<String, String>) -> StatusCode {
        let Some(pending) = self.pending().remove(id) else {
            return StatusCode::FORBIDDEN;
        };
        // The caller may have given up; AWS Lambda would accept the response all the same.
        let _ = pending.send(answer);
        StatusCode::ACCEPTED
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    api.note_poll();
    let Some(event) = api.queue.lock().await.recv().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let now = Timestamp::now();
    let id = format!(
        "8476a536-e9f4-11e8-9739-{:012}",
        now.as_microsecond() % 1_000_000_000_000
    );
    api.pending().insert(id.clone(), event.answer);
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", &id),
        (
            "lambda-runtime-deadline-ms",
            &(now.as_millisecond() + 900_000).to_string(),
        ),
        ("lambda-runtime-invoked-function-arn", ARN),
        ("lambda-runtime-trace-id", TRACE),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    (AppendHeaders(headers), event.body).into_response()
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, body: String) -> StatusCode {
    api.respond(&id, Ok(body))
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, body: String) -> StatusCode {
    api.respond(&id, Err(body))
}

/// Returns the variables that AWS Lambda sets for every function, and the address of the local AWS.
fn lambda_environment(aws_url: &str) -> Vec<(&'static str, String)> {
    let inherited = std::env::var("PATH").unwrap_or_default();
    let fixed = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", "test"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
    ];
    let mut environment: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).into();
    environment.push(("AWS_ENDPOINT_URL", aws_url.to_owned()));
    environment.push(("PATH", inherited));
    environment
}

/// The longest wait for a function.
const DEADLINE: Duration = Duration::from_mins(15);

/// How often the process is checked while it does not respond.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const ARN: &str = "arn:aws:lambda:eu-central-1:123456789012:function:bench";

const TRACE: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0";
