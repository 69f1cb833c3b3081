//! Runs the Graph simulator until it is interrupted.

use std::process::ExitCode;

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
    let Command::Run(options) = command else {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    };
    let app = options.apps.first().cloned();
    match Simulator::start(options) {
        Ok(simulator) => {
            print_examples(&simulator.base_url(), app.as_ref());
            simulator.wait();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("graph-simulator: cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
enum Command {
    /// Print the help text.
    Help,
    /// Run.
    Run(Options),
}

/// Reads the command line.
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
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('p') | Long("port") => options.port = arguments.value()?.parse()?,
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
    Ok(Command::Run(options))
}

/// Prints where the simulator is and what to do with it.
fn print_examples(base_url: &str, app: Option<&App>) {
    let Some(App {
        tenant_id,
        client_id,
        client_secret,
        ..
    }) = app
    else {
        return;
    };
    println!(
        "Graph simulator at {base_url}

Get a token:
  curl {base_url}/{tenant_id}/oauth2/v2.0/token -d grant_type=client_credentials \\
    -d client_id={client_id} -d client_secret={client_secret} -d scope=https://graph.microsoft.com/.default

Subscribe (the notification URL has to answer the validation request; where nothing public does, start with
--resolve https://notify.test=http://127.0.0.1:8080 to have it answered there):
  curl {base_url}/v1.0/subscriptions -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{
    \"changeType\": \"updated\", \"resource\": \"/users\", \"clientState\": \"secret\",
    \"notificationUrl\": \"https://notify.test/notifications\", \"expirationDateTime\": \"'$(date -u -d '+1 day' +%FT%TZ)'\"}}'

Send a notification:
  curl {base_url}/_simulator/send -H 'Content-Type: application/json' \\
    -d '{{\"items\": [{{\"subscription\": \"/users\", \"changeType\": \"updated\"}}]}}'

More: curl {base_url}/_simulator"
    );
}

/// Port when none is named.
const DEFAULT_PORT: u16 = 4567;

const HELP: &str = "\
Simulates Microsoft Graph change notifications: subscriptions with the real validation handshake,
encrypted and signed notifications, lifecycle events, retries, and everything of it gone wrong.

Usage: graph-simulator [OPTIONS]

  -p, --port PORT            port on 127.0.0.1 (default 4567; 0 takes a free one)
      --resolve FROM=TO      reach an https origin elsewhere, as in
                             https://notify.test=http://127.0.0.1:8080 (may be repeated)
      --tenant GUID          tenant of the app registration
      --client-id GUID       its application id
      --client-secret TEXT   its client secret
      --token-version 1|2    form of the validation tokens (default 2)
      --page-size N          subscriptions on a page of a list (default 100)
      --retry-scale FACTOR   factor on the pauses between attempts to deliver (default 1)
  -h, --help                 this text

Once it runs, GET /_simulator describes how to make it send.
";
