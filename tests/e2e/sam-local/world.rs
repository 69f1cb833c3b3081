//! A stack, and a folder in which the commands of docs/local.md find what they find in the repository.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use graph_simulator::{App, TokenVersion};
use serde_json::{Value, json};
use stack::local::{Engine, Local, write_events};
use stack::{Message, Pair, Progress, Supervised, shared};
use tokio::runtime::Runtime;

/// What the commands run in.
pub struct World {
    /// Tells what is going on.
    pub progress: Progress,
    /// The stack and the simulator.
    pub pair: &'static Pair,
    folder: PathBuf,
    runtime: Runtime,
    api: Option<(Supervised, u16)>,
    containers: Vec<String>,
    _local: Local,
}

impl World {
    /// Starts the stack with a configuration that renewal has not seen yet.
    pub fn start(engine: Engine) -> Self {
        let pair = shared().unwrap_or_else(|error| panic!("the local stack cannot be started: {error}"));
        let runtime = Runtime::new().unwrap();
        let app = App {
            tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            client_secret: "not-a-secret-outside-the-simulator".to_owned(),
            token_version: TokenVersion::V2,
        };
        let configuration = json!({
            "tenants": {"t": {
                "tenantId": app.tenant_id, "clientId": app.client_id, "credential": {"clientSecret": app.client_secret}
            }},
            "subscriptions": {"messages": {"resource": RESOURCE, "changeType": "created", "includeResourceData": true}}
        });
        pair.simulator.add_app(app);
        runtime.block_on(pair.stack.write_config(&configuration)).unwrap();
        let folder = pair.stack.folder().join("sam-local");
        let local = folder.join("target").join("local");
        fs::create_dir_all(&local).unwrap();
        let repository = tools::root();
        for name in ["samconfig.toml", "tests"] {
            symlink(repository.join(name), folder.join(name)).unwrap();
        }
        let local = runtime.block_on(Local::open(pair, &engine, &local)).unwrap();
        Self {
            progress: Progress::start(),
            pair,
            folder,
            runtime,
            api: None,
            containers: Vec::new(),
            _local: local,
        }
    }

    /// Has events written, and keeps the deployed functions from their queues: what happens from now on is the containers'
    /// doing.
    pub fn write_events(&self) {
        let folder = self.folder.join("target").join("local");
        self.runtime
            .block_on(write_events(self.pair, RESOURCE, &folder))
            .unwrap();
        for mapping in ["DecryptionMapping", "LifecycleMapping"] {
            self.runtime
                .block_on(self.pair.stack.enable_mapping(mapping, false))
                .unwrap();
        }
    }

    /// Reads one of the commands' files.
    pub fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join(file)).unwrap()).unwrap()
    }

    /// Carries out a command that ends by itself, and returns what it printed.
    pub fn run(&mut self, command: &str) -> String {
        let output = self
            .shell(&format!("exec timeout --kill-after=10 120 {command}"))
            .output()
            .unwrap();
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        let (stdout, stderr) = [stdout, stderr]
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .into();
        assert!(status.success(), "{command}: {status}\n{stdout}\n{stderr}");
        self.note_containers(&stderr);
        stdout
    }

    /// Carries out a command that prints what a function answered.
    pub fn invoke(&mut self, command: &str) -> Value {
        let answer = self.run(command);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{command}: {error}: {answer}"))
    }

    /// Carries out the command that serves the HTTP API, at another port than anybody else's.
    pub fn serve(&mut self, command: &str) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let log = File::create(self.api_log()).unwrap();
        let mut api = Supervised::start(
            &self.shell(&format!(
                "cd {} && exec {command} --port {port}",
                self.folder.display()
            )),
            log,
        )
        .unwrap();
        let deadline = Instant::now() + TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let said = fs::read_to_string(self.api_log()).unwrap();
            assert!(
                !api.has_ended() && Instant::now() < deadline,
                "{command} does not answer:\n{said}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        self.api = Some((api, port));
    }

    /// Sends a request to the HTTP API, and returns the status and the body of the answer.
    pub fn curl(&mut self, command: &str) -> (String, String) {
        let (_, port) = self.api.as_ref().unwrap();
        let command = command.replace(":3000/", &format!(":{port}/"));
        let answer = self.run(&format!(
            r"{command} --silent --show-error --write-out '\n%{{http_code}}'"
        ));
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// Takes the one message of a queue.
    pub fn message(&self, queue_url: &str) -> Message {
        let [message] = self.messages(queue_url);
        message
    }

    /// Takes the messages of a queue once it has as many.
    pub fn messages<const N: usize>(&self, queue_url: &str) -> [Message; N] {
        let receive = self.pair.stack.receive(queue_url, TIMEOUT, |got| got.len() >= N);
        let messages = self.runtime.block_on(receive).unwrap();
        messages.try_into().unwrap()
    }

    /// Stops what serves the HTTP API, and sees that no container is left.
    pub fn end(mut self) {
        drop(self.api.take());
        let said = fs::read_to_string(self.api_log()).unwrap();
        self.note_containers(&said);
        assert!(!self.containers.is_empty(), "no container was named");
        let mut docker = Command::new("docker");
        docker.args(["ps", "--all", "--quiet", "--no-trunc"]);
        let left = String::from_utf8(docker.output().unwrap().stdout).unwrap();
        for container in &self.containers {
            assert!(!left.contains(container), "container {container} is left");
        }
    }

    /// Returns a shell in the folder, as somebody has it who works with a real account elsewhere.
    fn shell(&self, line: &str) -> Command {
        let mut shell = self.pair.stack.shell(line);
        shell
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .env("AWS_ACCESS_KEY_ID", "another")
            .env("AWS_SECRET_ACCESS_KEY", "another")
            .env("AWS_SESSION_TOKEN", "another")
            .env("AWS_DEFAULT_REGION", "eu-central-1");
        shell
    }

    /// Remembers the containers that the SAM CLI says it has started.
    fn note_containers(&mut self, said: &str) {
        let named = said
            .lines()
            .filter_map(|line| line.strip_prefix("SAM_CONTAINER_ID: "));
        self.containers.extend(named.map(|id| id.trim().to_owned()));
    }

    fn api_log(&self) -> PathBuf {
        self.folder.join("start-api.log")
    }
}

/// The resource that is subscribed to.
pub const RESOURCE: &str = "/teams/getAllMessages";

const TIMEOUT: Duration = Duration::from_mins(1);
