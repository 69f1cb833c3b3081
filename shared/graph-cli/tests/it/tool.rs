//! Starting the program.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
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
        let command = terminal(&format!("{PROGRAM} {line} 2>/dev/null"));
        let ended = self.start(command, "");
        Ended {
            out: ended.out.replace("\r\n", "\n"),
            ..ended
        }
    }

    /// Runs a command line on a terminal, and writes each answer when its question is there.
    pub fn converse(&self, line: &str, answers: &[(&str, &str)]) -> Ended {
        converse(self.spawn(terminal(&format!("{PROGRAM} {line}"))), answers)
    }

    /// Returns what the program left in the folder that was its home, its working directory and its place for temporary files.
    pub fn left() -> Vec<PathBuf> {
        let entries = fs::read_dir(home()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Runs a command line and returns its JSON.
    pub fn json(&self, line: &str) -> Value {
        let ended = self.run(&format!("{line} --json"));
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{line}: {error}: {ended:?}"))
    }

    fn start(&self, command: Command, input: &str) -> Ended {
        let mut child = self.spawn(command);
        // A program that does not read is no failure.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }

    fn spawn(&self, mut command: Command) -> Child {
        let home = home();
        fs::create_dir_all(&home).unwrap();
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        command
            .current_dir(&home)
            .env("HOME", &home)
            .env("TMPDIR", &home)
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
        command.spawn().unwrap()
    }
}

/// Writes each answer when its question is there, and returns what a program that [`terminal`] runs has printed.
pub fn converse(mut child: Child, answers: &[(&str, &str)]) -> Ended {
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut out = Vec::new();
    for (question, answer) in answers {
        let from = out.len();
        while !String::from_utf8_lossy(&out[from..]).contains(question) {
            let mut byte = [0];
            assert_eq!(
                output.read(&mut byte).unwrap(),
                1,
                "{question}: {}",
                String::from_utf8_lossy(&out)
            );
            out.extend(byte);
        }
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    output.read_to_end(&mut out).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    Ended {
        out: String::from_utf8(out).unwrap().replace("\r\n", "\n"),
        ..ended
    }
}

/// Returns what runs a command on a terminal of 80 columns.
pub fn terminal(command: &str) -> Command {
    let mut script = Command::new("script");
    let command = format!("stty cols 80; {command}");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    script
}

fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("home")
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

/// Returns a line that is wider than 80 columns. A command and an address stay whole, so that they can be pasted.
pub fn too_wide(text: &str) -> Option<String> {
    let text = plain(text);
    let is_whole =
        |line: &str| line.contains("://") || line.trim_start_matches([' ', '-', '>']).starts_with("aws ");
    let mut lines = text.lines();
    let wide = lines.find(|line| line.chars().count() > 80 && !is_whole(line));
    wide.map(str::to_owned)
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_graph-notifications");
