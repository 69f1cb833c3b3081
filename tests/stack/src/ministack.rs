//! A local AWS on a free port.

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
    /// Starts MiniStack and waits until it answers. Its files and its log are in `folder`. Functions call it by a proxy where
    /// there is the port of one.
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
            // Another program may have taken the port in between. Then another port is as good.
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

    /// Returns the process group, in which the functions run as well.
    pub(crate) fn process_group(&self) -> u32 {
        self.process.group()
    }

    /// Starts the process.
    fn spawn(tools: &Tools, folder: &Path, log: &Path, proxy: Option<u16>) -> Result<Self, Error> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        // By a name without dots: microburst takes others apart, and for that it reads the models of all services, five
        // seconds of CPU time in which it answers nobody.
        let endpoint = proxy.map_or_else(|| url.clone(), |port| format!("http://localhost:{port}"));
        let temporary = folder.join("tmp");
        std::fs::create_dir_all(&temporary)
            .map_err(Error::io(format!("creating {}", temporary.display())))?;
        let python = folder.join("python");
        let at_start = python.join("sitecustomize.py");
        std::fs::create_dir_all(&python)
            .and_then(|()| std::fs::write(&at_start, AT_START))
            .map_err(Error::io(format!("writing {}", at_start.display())))?;
        let mut program = Command::new(tools.ministack());
        // The functions inherit these, so nothing else of this process's environment goes in: neither a proxy, which
        // would stand between them and this machine, nor anyone's credentials.
        program
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TMPDIR", &temporary)
            .env("PYTHONPATH", &python)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            // These would listen on ports that are always the same.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            // Functions get the endpoint from here, and the rights of their roles and no other, as on AWS.
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AUTH", "true");
        let output = File::create(log).map_err(Error::io(format!("creating {}", log.display())))?;
        let process = Supervised::start(&program, output).map_err(Error::io("starting MiniStack"))?;
        Ok(Self {
            process,
            aws: Aws::new(url)?,
        })
    }

    /// Waits until MiniStack answers; tells whether it does.
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

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::io("finding a free port"))?.port())
}

/// What Python runs before MiniStack.
///
/// MiniStack hands an event to a function in two pieces, the headers and the body, and the kernel would hold the second back
/// until the first is acknowledged, which takes 40 ms: more than all the rest of a call.
///
/// And it is called without TLS, which the template's queues refuse: it takes every request for one that has come through a
/// proxy that speaks TLS. It also writes down which operations are called: requests are what AWS is paid for.
const AT_START: &str = "\
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
";

/// How long MiniStack may take to answer; the first start, which compiles its Python, takes seconds.
const DEADLINE: Duration = Duration::from_mins(1);
