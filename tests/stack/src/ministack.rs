//! MiniStack: a local AWS on a free port.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tools::{Tools, command};

use super::supervised::Supervised;
use super::{Aws, Error};

/// A running MiniStack.
#[derive(Debug)]
pub(crate) struct Ministack {
    process: Supervised,
    aws: Aws,
}

impl Ministack {
    /// Starts MiniStack and waits until it answers. Its files and its log are in `folder`. With a port, functions call
    /// it through a proxy at that port.
    ///
    /// # Errors
    ///
    /// It ends or does not answer in time.
    pub(crate) async fn start(tools: &Tools, folder: &Path, proxy: Option<u16>) -> Result<Self, Error> {
        let log = folder.join("ministack.log");
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut ministack = Self::spawn(tools, folder, &log, proxy)?;
            if ministack.answers(deadline).await {
                return Ok(ministack);
            }
            // If another program has taken the port in between, another port is tried.
            if !ministack.process.has_ended() || Instant::now() >= deadline {
                return Err(Error::Tools(tools::Error::Failed {
                    what: "starting MiniStack".to_owned(),
                    tail: command::tail(&log),
                    log,
                }));
            }
        }
    }

    /// Returns the services.
    pub(crate) fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Returns its process group, which includes the functions.
    pub(crate) fn process_group(&self) -> u32 {
        self.process.group()
    }

    /// Starts the process.
    fn spawn(tools: &Tools, folder: &Path, log: &Path, proxy: Option<u16>) -> Result<Self, Error> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        // A name without dots: microburst takes other names apart, and for that it reads the models of all services,
        // which takes five seconds of CPU time without any answer.
        let endpoint = proxy.map_or_else(|| url.clone(), |port| format!("http://localhost:{port}"));
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)
            .map_err(Error::io(format!("creating {}", temporary.display())))?;
        let python = folder.join("python");
        let at_start = python.join("sitecustomize.py");
        std::fs::create_dir_all(&python)
            .and_then(|()| std::fs::write(&at_start, START_SCRIPT))
            .map_err(Error::io(format!("writing {}", at_start.display())))?;
        let mut program = Command::new(tools.ministack());
        // The functions inherit these variables, so nothing else of this process's environment is passed on: neither a
        // proxy, which would be between them and this machine, nor credentials.
        program
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TMPDIR", &temporary)
            .env("PYTHONPATH", &python)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            // These would listen on fixed ports.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // The functions take the endpoint from here. They have the permissions of their roles and no others, as on
            // AWS.
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AUTH", "true");
        let output = File::create(log).map_err(Error::io(format!("creating {}", log.display())))?;
        let process = Supervised::start(&program, output).map_err(Error::io("starting MiniStack"))?;
        Ok(Self {
            process,
            aws: Aws::new(url)?,
        })
    }

    /// Waits until MiniStack answers, and returns whether it does.
    async fn answers(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline && !self.process.has_ended() {
            if self.aws.is_healthy().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

/// Returns a free port.
pub(crate) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::io("finding a free port"))?.port())
}

/// The Python code that runs before MiniStack.
///
/// MiniStack sends an event to a function in two pieces, the headers and the body. The kernel would hold the second
/// back until the first is acknowledged, which takes 40 ms: longer than the rest of a call.
///
/// MiniStack is called without TLS, which the template's queues refuse. So it treats every request as one from a proxy
/// that speaks TLS. It also records which operations are called, because AWS charges for requests, and all that the functions'
/// programs write and how they end, because MiniStack logs nothing of a program that does not answer.
const START_SCRIPT: &str = "\
import os
import socketserver
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from hypercorn.protocol import http_stream

handle = http_stream.HTTPStream.handle
requests = open(os.path.join(os.environ['HOME'], 'requests.log'), 'ab', buffering=0)


async def handle_behind_tls(stream, event):
    if isinstance(event, http_stream.Request):
        for name, value in event.headers:
            if name.lower() == b'x-amz-target':
                requests.write(value + b'\\n')
        event.headers.append((b'x-forwarded-proto', b'https'))
    await handle(stream, event)


http_stream.HTTPStream.handle = handle_behind_tls

from ministack.core.lambda_runtime import ProvidedWorker

pump_output = ProvidedWorker._pump_output
programs = open(os.path.join(os.environ['HOME'], 'programs.log'), 'ab', buffering=0)


class Recorded:
    def __init__(self, stream, name):
        self.stream, self.name, self.close = stream, name, stream.close

    def readline(self):
        line = self.stream.readline()
        if line:
            programs.write(self.name + b'\\twrote\\t' + line.rstrip(b'\\r\\n') + b'\\n')
        return line


def pump_and_record(worker, stream, log_queue):
    name, program = worker.func_name.encode(), worker._proc
    pump_output(worker, Recorded(stream, name), log_queue)
    if program is not None:
        programs.write(name + b'\\tended\\t%d\\n' % program.wait())


ProvidedWorker._pump_output = pump_and_record
";

/// The longest wait for its answer. The first start compiles its Python, which takes seconds.
const DEADLINE: Duration = Duration::from_mins(1);
