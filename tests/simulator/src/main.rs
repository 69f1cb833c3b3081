//! Runs the simulator until it is interrupted.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use graph_simulator::{App, Options, Simulator, TokenVersion};
use lexopt::prelude::*;

fn main() -> ExitCode {
    let command = match parse() {
        Ok(command) => command,
        Err(error) => {
            eprintln!("graph-simulator: {error}\nTry --help.");
            return ExitCode::from(2);
        }
    };
    let Command::Run(options, file) = command else {
        say(HELP);
        return ExitCode::SUCCESS;
    };
    let app = options.apps.first().cloned();
    let origin = options.resolve.keys().next().cloned();
    match Simulator::start(options) {
        Ok(simulator) => {
            if let Some(authority) = simulator.authority() {
                if let Err(error) = std::fs::write(&file, authority) {
                    eprintln!("graph-simulator: cannot write {}: {error}", file.display());
                    return ExitCode::FAILURE;
                }
                say(&trust(&file.display().to_string()));
            }
            if let Some(app) = app {
                say(&examples(&simulator.base_url(), &app, origin.as_deref()));
            }
            simulator.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("graph-simulator: cannot start: {error}; --port takes another port");
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output. A reader that closes the pipe is no failure.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// The command of the command line.
enum Command {
    /// Print the help text.
    Help,
    /// Run, and write the authority's certificate, if there is one, to this file.
    Run(Options, PathBuf),
}

/// Parses the command line.
fn parse() -> Result<Command, lexopt::Error> {
    let mut options = Options {
        port: DEFAULT_PORT,
        ..Options::default()
    };
    let mut app = App {
        tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
        client_secret: "simulated-secret".to_owned(),
        token_version: TokenVersion::V2,
    };
    let mut file = PathBuf::from(AUTHORITY);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('p') | Long("port") => options.port = arguments.value()?.parse()?,
            Long("tls") => {
                options.tls = true;
                file = arguments.optional_value().map_or(file, PathBuf::from);
            }
            Long("resolve") => {
                let value = arguments.value()?.string()?;
                let (from, to) = value.split_once('=').ok_or("--resolve takes FROM=TO")?;
                options.resolve.insert(from.to_owned(), to.to_owned());
            }
            Long("tenant") => app.tenant_id = arguments.value()?.string()?,
            Long("client-id") => app.client_id = arguments.value()?.string()?,
            Long("client-secret") => app.client_secret = arguments.value()?.string()?,
            Long("token-version") => {
                app.token_version = match arguments.value()?.string()?.as_str() {
                    "1" | "1.0" => TokenVersion::V1,
                    "2" | "2.0" => TokenVersion::V2,
                    _ => return Err("--token-version takes 1 or 2".into()),
                }
            }
            Long("page-size") => options.page_size = arguments.value()?.parse()?,
            Long("retry-scale") => options.retry_scale = arguments.value()?.parse()?,
            other => return Err(other.unexpected()),
        }
    }
    options.apps.push(app);
    Ok(Command::Run(options, file))
}

/// Returns what each language needs to trust the authority with the certificate in `file`.
fn trust(file: &str) -> String {
    TRUST.replace("FILE", file)
}

/// Returns the address of the simulator, and commands that can be pasted.
fn examples(base_url: &str, app: &App, origin: Option<&str>) -> String {
    let App {
        tenant_id,
        client_id,
        client_secret,
        ..
    } = app;
    let resolved = match origin {
        Some(_) => "Subscribe (your webhook has to run, and answers a validation request):",
        None => {
            "Subscribe (your webhook has to run, and answers a validation request).
First say where it is really reached:
  curl BASE/_simulator/resolve \\
    -H 'Content-Type: application/json' \\
    -d '{\"https://notify.test\": \"http://127.0.0.1:8080\"}'
Then:"
        }
    };
    let resolved = resolved.replace("BASE", base_url);
    let origin = origin.unwrap_or("https://notify.test");
    format!(
        "Graph simulator at {base_url}

Get a token:
  TOKEN=$(curl -s \\
    {base_url}/{tenant_id}/oauth2/v2.0/token \\
    -d grant_type=client_credentials -d client_secret={client_secret} \\
    -d client_id={client_id} \\
    -d scope=https://graph.microsoft.com/.default |
    sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

{resolved}
  curl {base_url}/v1.0/subscriptions \\
    -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{
    \"changeType\": \"updated\", \"resource\": \"/users\", \"clientState\": \"secret\",
    \"notificationUrl\": \"{origin}/notifications\",
    \"expirationDateTime\": \"'$(date -u -d '+1 day' +%FT%TZ)'\"}}'

Send a notification:
  curl {base_url}/_simulator/send \\
    -H 'Content-Type: application/json' \\
    -d '{{\"items\": [{{\"subscription\": \"/users\", \"changeType\": \"updated\"}}]}}'

See what else there is:
  curl {base_url}/_simulator
"
    )
}

/// The default file for the authority's certificate.
const AUTHORITY: &str = "graph-simulator.pem";

const TRUST: &str = "\
Clients have to trust the authority in FILE.
It was made for this run, and counts for localhost and 127.0.0.1 only.

  Node.js    NODE_EXTRA_CA_CERTS=FILE
  Python     SSL_CERT_FILE=FILE
             REQUESTS_CA_BUNDLE=FILE  (requests)
  Go         SSL_CERT_FILE=FILE
  .NET       SSL_CERT_FILE=FILE
             (Go and .NET on Linux; elsewhere add it to the system's store)
  Java       rm -f FILE.p12
             keytool -importcert -noprompt -alias graph-simulator \\
               -file FILE -keystore FILE.p12 \\
               -storepass simulator
             java -Djavax.net.ssl.trustStore=FILE.p12 \\
               -Djavax.net.ssl.trustStorePassword=simulator ...
  curl       CURL_CA_BUNDLE=FILE

All but NODE_EXTRA_CA_CERTS take the place of the roots that are trusted else.

";

/// The default port.
const DEFAULT_PORT: u16 = 4567;

const HELP: &str = "\
Simulates Microsoft Graph change notifications: subscriptions with the real
validation handshake, encrypted and signed notifications, lifecycle events,
retries, and everything of it gone wrong.

Usage: graph-simulator [OPTIONS]

  -p, --port PORT            port on 127.0.0.1 (default 4567; 0 takes any)
      --tls[=FILE]           serve https, and write the certificate to trust to
                             FILE (default graph-simulator.pem)
      --resolve FROM=TO      reach an https origin elsewhere (repeatable), as in
                             https://notify.test=http://127.0.0.1:8080
      --tenant GUID          tenant of the app registration
      --client-id GUID       its application id
      --client-secret TEXT   its client secret
      --token-version 1|2    form of the validation tokens (default 2)
      --page-size N          subscriptions on a page of a list (default 100)
      --retry-scale FACTOR   factor on the pauses between attempts to deliver
                             (default 1)
  -h, --help                 this text

Once it runs, GET /_simulator describes how to make it send.
";

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_output_fits_into_80_columns() {
        for line in HELP
            .lines()
            .chain(trust(AUTHORITY).lines())
            .chain(printed(None).lines())
            .chain(printed(ORIGIN).lines())
        {
            // The URL of the token endpoint cannot be wrapped.
            assert!(line.chars().count() <= 80 || line.contains("/token "), "{line}");
        }
    }

    #[test]
    fn every_command_that_is_printed_works_when_it_is_pasted() {
        let webhook = webhook();
        for origin in [None, ORIGIN] {
            let simulator = Simulator::start(Options {
                apps: vec![app()],
                ..Options::default()
            });
            let simulator = simulator.unwrap();
            simulator.set_resolve("https://notify.test", &webhook);
            let text = examples(&simulator.base_url(), &app(), origin);
            let commands: String = text
                .lines()
                .filter(|line| line.starts_with("  "))
                .flat_map(|line| [line, "\n"])
                .collect();
            // The test's webhook in place of the user's; a failed command ends the script.
            let commands = commands.replace("http://127.0.0.1:8080", &webhook);
            let commands = commands.replace(
                "  curl",
                "  curl --fail-with-body --silent --show-error --noproxy '*'",
            );
            let commands = commands.replace("$(curl", "$(curl --fail-with-body --noproxy '*'");
            let shell = Command::new("sh").args(["-ec", &commands]).output().unwrap();
            let said = String::from_utf8_lossy(&shell.stdout);
            assert!(
                shell.status.success(),
                "{said}{}",
                String::from_utf8_lossy(&shell.stderr)
            );
            assert!(said.contains("\"delivered\": true"), "{said}");
            assert!(said.lines().all(|line| line.chars().count() <= 1000), "{said}");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = Simulator::start(Options {
            port,
            ..Options::default()
        });
        assert!(
            error
                .err()
                .unwrap()
                .to_string()
                .starts_with(&format!("port {port} of 127.0.0.1: "))
        );
    }

    /// Starts a webhook that answers handshakes, and everything else with 202, and returns its address.
    fn webhook() -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap());
            }
        });
        url
    }

    /// Answers one request.
    fn answer(mut stream: std::net::TcpStream) {
        use std::io::{BufRead as _, BufReader, Read as _};
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut first, mut length) = (String::new(), 0);
        reader.read_line(&mut first).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        let token = first
            .split_once("validationToken=")
            .and_then(|(_, rest)| rest.split_once(' '));
        let query = token.map(|(token, _)| graph_simulator::form(&format!("t={token}")).remove(0).1);
        let (status, body) = query.map_or((202, String::new()), |token| (200, token));
        let head = format!(
            "HTTP/1.1 {status} Status\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
    }

    fn printed(origin: Option<&str>) -> String {
        examples("http://127.0.0.1:4567", &app(), origin)
    }

    fn app() -> App {
        App {
            tenant_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            client_id: "66666666-7777-8888-9999-000000000000".to_owned(),
            client_secret: "simulated-secret".to_owned(),
            token_version: TokenVersion::V2,
        }
    }

    const ORIGIN: Option<&str> = Some("https://notify.test");
}
