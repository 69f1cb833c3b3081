//! The webhooks of the README, and clients in other languages that trust the simulator. A language that is not
//! installed is left out.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use super::*;

#[tokio::test]
async fn the_webhook_in_node_js_subscribes_decrypts_renews_and_subscribes_again() {
    let home = folder("node");
    if !has("node") || !install_client(&home) {
        return;
    }
    let local_port = free_port();
    let code = block(README, "js").replace("8080", &local_port.to_string());
    fs::write(home.join("webhook.mjs"), code).unwrap();
    let simulator = start(local_port, true);
    let authority = home.join("authority.pem");
    fs::write(&authority, simulator.authority().unwrap()).unwrap();
    run(&mut openssl(&home));

    let mut node = Command::new("node");
    node.arg("webhook.mjs")
        .current_dir(&home)
        .env("NODE_EXTRA_CA_CERTS", &authority)
        .env("GRAPH", simulator.base_url());
    let mut webhook = Running::start(node);
    subscribes_decrypts_renews_and_subscribes_again(&simulator, &mut webhook, local_port).await;
}

#[tokio::test]
async fn the_webhook_in_python_subscribes_decrypts_renews_and_subscribes_again() {
    let home = folder("python");
    let Some(python) = install_cryptography(&home) else {
        return;
    };
    let local_port = free_port();
    let code = block(README, "python").replace("8080", &local_port.to_string());
    fs::write(home.join("webhook.py"), code).unwrap();
    fs::write(home.join("decrypt.py"), block(DECRYPTING, "python")).unwrap();
    let simulator = start(local_port, false);
    run(&mut openssl(&home));

    let mut python = Command::new(python);
    python
        .arg("webhook.py")
        .current_dir(&home)
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .env("GRAPH", simulator.base_url());
    let mut webhook = Running::start(python);
    subscribes_decrypts_renews_and_subscribes_again(&simulator, &mut webhook, local_port).await;
}

/// Sends every kind of notification to a webhook of the README, and a forged one, and checks its output.
async fn subscribes_decrypts_renews_and_subscribes_again(
    simulator: &Simulator,
    webhook: &mut Running,
    local_port: u16,
) {
    assert!(webhook.line().starts_with("subscribed "));
    answers_what_graph_does_not_send(local_port).await;
    let subscription = simulator.subscriptions().remove(0);
    let content = r#"{"id":"1","body":{"content":"ü"}}"#;
    let post = Post::new()
        .rich(&subscription, "updated")
        .wrong(0, Wrong::WrongClientState)
        .rich(&subscription, "created")
        .content(content);
    assert!(simulator.send(post).await.unwrap().delivered());
    assert_eq!(webhook.line(), format!("created {content}"));

    let ended = subscription.expires_at;
    let events = [
        (LifecycleEvent::ReauthorizationRequired, "renewed "),
        (LifecycleEvent::Missed, "missed notifications of "),
        (LifecycleEvent::SubscriptionRemoved, "subscribed "),
    ];
    for (event, said) in events {
        let post = Post::new().lifecycle(&subscription, event);
        let report = simulator.send(post).await.unwrap();
        assert!(report.delivered(), "{event:?}: {report:?}");
        let line = webhook.line();
        assert!(line.starts_with(said), "{line}");
        let longer = simulator.subscriptions().iter().all(|one| one.expires_at > ended);
        assert!(longer, "{event:?}");
    }
}

/// Sends requests that anybody can send to a webhook, which has to survive them.
async fn answers_what_graph_does_not_send(local_port: u16) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |path: &str| format!("http://127.0.0.1:{local_port}{path}");
    for (path, body) in [
        ("/", "x"),
        ("/", ""),
        ("/", "{}"),
        ("/", r#"{"value":[1,null]}"#),
        ("//", "x"),
    ] {
        let answer = client.post(url(path)).body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path} {body}");
    }
    let answer = client.get(url("//")).send().await.unwrap();
    assert!(!answer.status().is_success());
}

#[test]
fn clients_in_other_languages_trust_the_authority_and_nothing_else_does() {
    let home = folder("clients");
    let simulator = start(free_port(), true);
    let authority = home.join("authority.pem");
    fs::write(&authority, simulator.authority().unwrap()).unwrap();
    let url = format!("{}/_simulator", simulator.base_url());
    let store = home.join("authority.p12");
    let mut clients = vec![
        (
            "curl",
            vec![("CURL_CA_BUNDLE", authority.clone())],
            vec!["--fail".to_owned(), "--silent".to_owned(), url.clone()],
        ),
        (
            "python3",
            vec![("SSL_CERT_FILE", authority.clone())],
            vec![
                "-c".to_owned(),
                format!("import urllib.request; urllib.request.urlopen('{url}')"),
            ],
        ),
        (
            "node",
            vec![("NODE_EXTRA_CA_CERTS", authority.clone())],
            vec![
                "-e".to_owned(),
                format!(
                    "fetch('{url}').then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"
                ),
            ],
        ),
    ];
    if has("keytool") && has("java") {
        let _ = fs::remove_file(&store);
        let mut keytool = Command::new("keytool");
        keytool.args([
            "-importcert",
            "-noprompt",
            "-alias",
            "graph-simulator",
            "-storepass",
            "simulator",
            "-file",
        ]);
        run(keytool.arg(&authority).arg("-keystore").arg(&store));
        fs::write(home.join("Get.java"), JAVA).unwrap();
        let options = format!(
            "-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword=simulator",
            store.display()
        );
        clients.push((
            "java",
            vec![("JDK_JAVA_OPTIONS", options.into())],
            vec![home.join("Get.java").display().to_string(), url.clone()],
        ));
    }
    for (program, environment, arguments) in clients.iter().filter(|(program, ..)| has(program)) {
        let get = |environment: &[(&str, PathBuf)]| {
            let mut client = Command::new(program);
            client
                .args(arguments)
                .env("NO_PROXY", "*")
                .env("no_proxy", "*")
                .envs(environment.iter().cloned());
            client.output().unwrap()
        };
        let trusting = get(environment);
        assert!(trusting.status.success(), "{program}: {trusting:?}");
        assert!(!get(&[]).status.success(), "{program} trusts whatever comes");
    }
}

/// Links have the scheme of the request, so that a client that follows them keeps using https.
#[tokio::test]
async fn pages_and_places_are_https_behind_tls() {
    let bench = Bench::with(|options| {
        options.tls = true;
        options.page_size = 1;
    })
    .await;
    let base = bench.simulator.base_url();
    assert!(base.starts_with("https://127.0.0.1:"));
    let url = format!("{base}/v1.0/subscriptions");
    for resource in ["/users", "/groups"] {
        let create = bench.client.post(&url).bearer_auth(&bench.token);
        let answer = create.json(&bench.basic(resource)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let headers = answer.headers();
        assert!(headers["location"].to_str().unwrap().starts_with(&base));
        assert!(headers.contains_key("request-id"));
    }
    let list = bench.client.get(&url).bearer_auth(&bench.token);
    let list: Value = list.send().await.unwrap().json().await.unwrap();
    let link = list["@odata.nextLink"].as_str().unwrap();
    assert!(link.starts_with(&base), "{link}");
}

fn start(port: u16, tls: bool) -> Simulator {
    let apps = vec![App {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: "simulated-secret".to_owned(),
        token_version: TokenVersion::V2,
    }];
    let simulator = Simulator::start(Options {
        tls,
        apps,
        ..Options::default()
    });
    let simulator = simulator.unwrap();
    simulator.set_resolve("https://notify.test", &format!("http://127.0.0.1:{port}"));
    simulator
}

/// Installs Microsoft's client once, and returns whether that succeeded.
fn install_client(home: &Path) -> bool {
    let package = Path::new("node");
    let lock = fs::read(package.join("package-lock.json")).unwrap();
    // Written last, so that an interrupted installation is repeated.
    let installed = home.join("installed");
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return true;
    }
    if !has("npm") {
        return false;
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(package.join(file), home.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    run(npm
        .args(["ci", "--silent", "--no-audit", "--no-fund"])
        .current_dir(home));
    fs::write(installed, lock).unwrap();
    true
}

/// Creates a virtual environment for the webhook in Python once, and returns its Python.
fn install_cryptography(home: &Path) -> Option<PathBuf> {
    if !has("python3") {
        return None;
    }
    let requirements = Path::new("python/requirements.txt");
    let (wanted, installed) = (fs::read(requirements).unwrap(), home.join("installed"));
    let python = home.join("environment/bin/python");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Some(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear", "environment"])
        .current_dir(home));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .arg("--requirement")
        .arg(requirements));
    fs::write(installed, wanted).unwrap();
    Some(python)
}

/// Returns the README's command that creates a key and a certificate.
fn openssl(home: &Path) -> Command {
    let readme = fs::read_to_string(README).unwrap();
    let line = readme
        .lines()
        .find_map(|line| line.strip_prefix("$ openssl "))
        .unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-ec", &format!("openssl {line}")])
        .current_dir(home);
    command
}

/// Returns the code block of a language in a page.
fn block(page: &str, language: &str) -> String {
    let text = fs::read_to_string(page).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

const README: &str = "README.md";

/// The page with the recipe that the webhook in Python uses.
const DECRYPTING: &str = "../../docs/decrypting.md";

/// Returns a folder beside this program.
fn folder(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap().with_file_name("simulator").join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn has(program: &str) -> bool {
    let found =
        std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(program).exists());
    if !found {
        eprintln!("{program} is not there");
    }
    found
}

#[track_caller]
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A program that runs until it is dropped, and its output.
struct Running {
    program: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(program.stdout.take().unwrap());
        Self { program, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

const JAVA: &str = r"
import java.net.URI;
import java.net.http.*;

class Get {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.discarding());
        System.exit(answer.statusCode() == 200 ? 0 : 1);
    }
}
";
