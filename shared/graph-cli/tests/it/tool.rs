//! Starting the program.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// The program, with the credentials and the region of a local AWS.
pub struct Tool {
    endpoint: String,
    has_credentials: bool,
}

/// What the program printed, and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Tool {
    pub fn at(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            has_credentials: true,
        }
    }

    pub fn without_credentials(self) -> Self {
        Self {
            has_credentials: false,
            ..self
        }
    }

    /// Runs a command line without a terminal.
    pub fn run(&self, line: &str) -> Ended {
        self.run_with(line, "")
    }

    /// Runs a command line with a text on standard input.
    pub fn run_with(&self, line: &str, input: &str) -> Ended {
        let mut command = Command::new(PROGRAM);
        command.args(line.split_whitespace());
        self.start(command, input)
    }

    /// Runs a command line on a terminal of 80 columns.
    pub fn on_terminal(&self, line: &str) -> Ended {
        let mut command = Command::new("script");
        command.args([
            "--quiet",
            "--return",
            "--command",
            &format!("stty cols 80; {PROGRAM} {line} 2>/dev/null"),
            "/dev/null",
        ]);
        let ended = self.start(command, "");
        Ended {
            out: ended.out.replace("\r\n", "\n"),
            ..ended
        }
    }

    /// Runs a command line and returns its JSON.
    pub fn json(&self, line: &str) -> Value {
        let ended = self.run(&format!("{line} --json"));
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{line}: {error}: {ended:?}"))
    }

    fn start(&self, mut command: Command, input: &str) -> Ended {
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        command
            .env("HOME", "/nonexistent")
            .env("TERM", "xterm")
            .env("SHELL", "/bin/sh");
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", "us-east-1");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        if self.has_credentials {
            command
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test");
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read is no failure.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Returns what is seen of a text with colours.
pub fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_graph-notifications");
