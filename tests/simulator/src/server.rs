//! The thread of the simulator, and the routing of requests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extension};
use axum::http::StatusCode;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::http::{Call, GraphError, Reply, client_request_id};
use super::options::Options;
use super::state::{Fault, LoggedRequest, Shared};
use super::tls::{Tls, TlsListener};
use super::{SHUTDOWN, Simulator, api, control, login};

/// Starts the thread, its runtime and the server.
pub(crate) fn start(options: Options) -> std::io::Result<Simulator> {
    let listener =
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).map_err(|error| {
            std::io::Error::new(
                error.kind(),
                format!("port {} of 127.0.0.1: {error}", options.port),
            )
        })?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    let client = client.map_err(std::io::Error::other)?;
    let tls = options.tls.then(Tls::new).transpose()?;
    let (authority, acceptor) = tls.map(|tls| (tls.authority, tls.acceptor)).unzip();
    let shared = Shared::new(options, client).map_err(std::io::Error::other)?;
    let (stop, stopped) = oneshot::channel();
    let handle = runtime.handle().clone();
    let for_server = Arc::clone(&shared);
    let thread = std::thread::Builder::new()
        .name("graph-simulator".to_owned())
        .spawn(move || serve(runtime, listener, acceptor, for_server, stopped))?;
    Ok(Simulator {
        shared,
        address,
        authority,
        runtime: handle,
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// Serves until the simulator is stopped.
fn serve(
    runtime: Runtime,
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
            return;
        };
        let router = axum::Router::new().fallback(take).with_state(shared);
        let serving = async {
            match acceptor {
                Some(acceptor) => axum::serve(TlsListener::new(listener, acceptor), router).await,
                None => axum::serve(listener, router).await,
            }
        };
        tokio::select! {
            _ = serving => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_timeout(SHUTDOWN);
}

/// Reads a request, answers it, and logs both.
async fn take(Extension(shared): Extension<Arc<Shared>>, request: Request<Body>) -> Reply {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return Reply::text(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is longer than the simulator takes",
        );
    };
    let mut call = Call::new(parts.method, &parts.uri, parts.headers, body);
    call.is_https = shared.state().options.tls;
    if call.path.starts_with("/_simulator") {
        return control::answer(&shared, &call).await;
    }
    let fault = shared
        .state()
        .take_fault(call.method.as_str(), &call.path_and_query());
    let mut reply = match fault {
        Some(fault) => fail(&shared, &call, fault).await,
        None => route(&shared, &call).await,
    };
    let client_request_id = client_request_id(&call).to_owned();
    for (name, id) in [
        ("request-id", call.request_id.clone()),
        ("client-request-id", client_request_id),
    ] {
        reply.headers.push((name.to_owned(), id));
    }
    note(&shared, &call, reply.status);
    reply
}

/// Routes a request to Graph or the token authority.
async fn route(shared: &Shared, call: &Call) -> Reply {
    if matches!(call.segments().first(), Some(&("v1.0" | "beta"))) {
        return api::answer(shared, call).await;
    }
    login::answer(shared, call).unwrap_or_else(|| {
        Reply::text(
            StatusCode::NOT_FOUND,
            "no such path; GET /_simulator shows what there is\n",
        )
    })
}

/// Answers with an injected fault.
async fn fail(shared: &Shared, call: &Call, fault: Fault) -> Reply {
    if fault.carried_out {
        route(shared, call).await;
    }
    tokio::time::sleep(fault.delay).await;
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = match fault.body {
        Some(Value::String(text)) => Reply::text(status, text),
        Some(body) => Reply::json(status, &body),
        None => {
            let code = match status {
                StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
                StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
                _ => "InjectedFault",
            };
            let date = shared.state().now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
            GraphError::new(status, code, "A fault that the simulator was told to inject.").reply(call, &date)
        }
    };
    reply.headers.extend(
        fault
            .retry_after
            .map(|seconds| ("retry-after".to_owned(), seconds.to_string())),
    );
    reply.headers.extend(fault.headers);
    reply
}

/// Logs a request.
fn note(shared: &Shared, call: &Call, status: StatusCode) {
    let credentials = call.path.ends_with("/token");
    let body = if credentials {
        String::new()
    } else {
        String::from_utf8_lossy(&call.body).into_owned()
    };
    let mut state = shared.state();
    let at = state.now();
    state.requests.push(LoggedRequest {
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        body,
        status: status.as_u16(),
        client_request_id: call.header("client-request-id").to_owned(),
        at,
    });
}

/// The longest request body.
const MAX_BODY: usize = 4 * 1024 * 1024;
