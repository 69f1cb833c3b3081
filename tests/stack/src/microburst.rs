//! A proxy between the functions and the local AWS, which makes calls fail as on AWS.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use tools::command;

use super::supervised::Supervised;
use super::{Aws, Error};

/// A running microburst.
#[derive(Debug)]
pub struct Microburst {
    process: Supervised,
    http: Client,
    url: String,
}

/// How many calls have passed the proxy, and how many of them it has disturbed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// All calls.
    pub all: u64,
    /// Those that failed or were delayed.
    pub struck: u64,
}

impl Microburst {
    /// Starts the proxy on a port, without rules, and waits until it answers. Its log is in `folder`.
    ///
    /// # Errors
    ///
    /// It ends or does not answer in time.
    pub(crate) async fn start(program: &Path, port: u16, aws: &Aws, folder: &Path) -> Result<Self, Error> {
        let log = folder.join("microburst.log");
        let output = File::create(&log).map_err(Error::io(format!("creating {}", log.display())))?;
        let python = folder.join("microburst");
        let at_start = python.join("sitecustomize.py");
        std::fs::create_dir_all(&python)
            .and_then(|()| std::fs::write(&at_start, START_SCRIPT))
            .map_err(Error::io(format!("writing {}", at_start.display())))?;
        let mut command = Command::new(program);
        command
            .args(["--host", "127.0.0.1", "--no-resign", "--port", &port.to_string()])
            .args(["--upstream", aws.url()])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("PYTHONPATH", &python);
        let http = Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(DEADLINE)
            .build();
        let mut microburst = Self {
            process: Supervised::start(&command, output).map_err(Error::io("starting microburst"))?,
            http: http.map_err(Error::unreachable("HTTP client"))?,
            url: format!("http://127.0.0.1:{port}/_microburst"),
        };
        if microburst.answers().await {
            return Ok(microburst);
        }
        Err(Error::Tools(tools::Error::Failed {
            what: "starting microburst".to_owned(),
            tail: command::tail(&log),
            log,
        }))
    }

    /// Replaces the rules by which calls fail: a list in the form of microburst.
    ///
    /// # Errors
    ///
    /// It does not answer, or refuses a rule.
    pub async fn set_rules(&self, rules: &Value) -> Result<(), Error> {
        let post = self.http.post(format!("{}/rules", self.url)).json(rules);
        self.ask(post).await.map(drop)
    }

    /// Counts the calls so far.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub async fn calls(&self) -> Result<Calls, Error> {
        let text = self.ask(self.http.get(format!("{}/stats", self.url))).await?;
        let stats: Value = serde_json::from_str(&text).unwrap_or_default();
        let count = |pointer| stats.pointer(pointer).and_then(Value::as_u64);
        match (count("/requests/total"), count("/requests/faulted")) {
            (Some(all), Some(struck)) => Ok(Calls { all, struck }),
            _ => Err(Error::Malformed("microburst's statistics".to_owned())),
        }
    }

    /// Waits until the proxy answers, and returns whether it does.
    async fn answers(&mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline && !self.process.has_ended() {
            if self
                .ask(self.http.get(format!("{}/health", self.url)))
                .await
                .is_ok()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Sends a request to the proxy itself, and returns the body of a successful answer.
    async fn ask(&self, request: RequestBuilder) -> Result<String, Error> {
        let answer = request.send().await.map_err(Error::unreachable(NAME))?;
        let status = answer.status();
        let body = answer.text().await.map_err(Error::unreachable(NAME))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(Error::Refused {
            service: NAME,
            status: status.as_u16(),
            body,
        })
    }
}

/// The Python code that runs before microburst.
///
/// Microburst passes calls on under the name of the local AWS, for which they were not signed. It also logs every call.
const START_SCRIPT: &str = "\
import logging

from microburst.forward import Upstream

logging.getLogger('aiohttp.access').disabled = True
outbound_headers = Upstream._outbound_headers


def headers_as_signed(upstream, request):
    return outbound_headers(upstream, request) | {'host': request.headers['Host']}


Upstream._outbound_headers = headers_as_signed
";

/// Its name in errors.
const NAME: &str = "microburst";

/// The longest wait for its answer. The first start compiles its Python, which takes seconds.
const DEADLINE: Duration = Duration::from_mins(1);
