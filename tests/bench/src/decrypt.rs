//! The decryption of one item.

use std::{fs, process::Command};

use graph_core::{
    certificate,
    notification::envelope::test_util::{SystemRng, seal},
    secrets::DecryptionKeyEntry,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    BoxError,
    artefacts::{Artefacts, peers},
    options::Options,
    samples::Samples,
    table::{Goal, Table, Unit},
};

/// Compares with OpenSSL's own speed, the lower bound, and with other implementations.
pub fn measure(options: &Options, artefacts: &Artefacts, table: &mut Table) -> Result<(), BoxError> {
    for bits in [2048, 4096] {
        let key = certificate::generate("bench", bits, Timestamp::now(), 30, &mut SystemRng)?;
        for (size, name) in [(1_300, "1.3 kB"), (28_000, "28 kB")] {
            options.say(&format!("Decrypting {name} under RSA-{bits}"));
            let input = Input::write(artefacts, &key, bits, size)?;
            let mut contenders = vec![
                (
                    "ours",
                    Contender::Loop(artefacts.function("decrypt"), vec!["ours".into()]),
                ),
                ("floor", Contender::Floor { bits, bytes: size }),
                (
                    "rsa crate",
                    Contender::Loop(artefacts.function("decrypt"), vec!["rsa".into()]),
                ),
                (
                    "Python",
                    Contender::Loop(
                        artefacts.python.clone(),
                        vec![peers().join("python/decrypt.py").into()],
                    ),
                ),
            ];
            if artefacts.has_node {
                let script = artefacts.folder.join("node/decrypt.mjs").into();
                contenders.push(("Node.js", Contender::Loop("node".into(), vec![script])));
            }
            let names: Vec<&'static str> = contenders.iter().map(|(name, _)| *name).collect();
            let mut samples = Samples::new(&names);
            for _ in 0..options.turns(5) {
                for (index, (_, contender)) in contenders.iter().enumerate() {
                    samples.add(index, contender.microseconds(options, &input)?);
                }
            }
            table.compare(
                &format!("Decrypt {name}, RSA-{bits}, CPU per item"),
                Unit::Time,
                &samples,
                &[
                    Goal::AtMost("floor", 1.10),
                    Goal::Ahead(&["rsa crate", "Python", "Node.js"]),
                ],
            );
        }
    }
    Ok(())
}

enum Contender {
    Loop(std::path::PathBuf, Vec<std::ffi::OsString>),
    Floor { bits: usize, bytes: usize },
}

impl Contender {
    fn microseconds(&self, options: &Options, input: &Input) -> Result<f64, BoxError> {
        match self {
            Self::Loop(program, arguments) => input.run(options, Command::new(program).args(arguments)),
            Self::Floor { bits, bytes } => floor(*bits, *bytes),
        }
    }
}

/// The input of all contenders.
struct Input {
    file: std::path::PathBuf,
    digest: String,
}

impl Input {
    fn write(
        artefacts: &Artefacts,
        key: &DecryptionKeyEntry,
        bits: usize,
        size: usize,
    ) -> Result<Self, BoxError> {
        let plaintexts: Vec<String> = (0..ITEMS).map(|index| resource(index, size)).collect();
        let items: Vec<String> = plaintexts
            .iter()
            .map(|text| seal(text.as_bytes(), key, &mut SystemRng).to_string())
            .collect();
        let file = artefacts.folder.join(format!("decrypt-{bits}-{size}.json"));
        fs::write(&file, json!({"key": key, "items": items}).to_string())?;
        let digest = Sha256::digest(plaintexts.concat());
        let digest = digest
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Ok(Self { file, digest })
    }

    /// Runs a loop, checks the decrypted contents, and returns the time per item.
    fn run(&self, options: &Options, command: &mut Command) -> Result<f64, BoxError> {
        let time = options.turn_time().as_millis().to_string();
        let output = command.arg(&self.file).arg(time).output()?;
        let name = command.get_program().display().to_string();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{name} fails: {errors}").into());
        }
        let result: Value = serde_json::from_slice(&output.stdout)?;
        if result["digest"] != self.digest {
            return Err(format!("{name} does not decrypt to what was encrypted").into());
        }
        let number = |name: &str| result[name].as_f64().ok_or("a loop gives no figures");
        Ok(number("cpuNanoseconds")? / number("items")? / 1e3)
    }
}

/// Returns a resource of about this size: a chat message with a long text.
fn resource(index: usize, size: usize) -> String {
    let fixture: Value =
        serde_json::from_str(include_str!("../../fixtures/chatMessage.json")).unwrap_or_default();
    let mut message = fixture["content"].clone();
    message["id"] = json!(index.to_string());
    let words = "A sentence with \"quotes\", an umlaut ü and a line break.\n";
    let missing = size.saturating_sub(message.to_string().len());
    let text = words.repeat(missing / words.len() + 1);
    message["body"]["content"] = json!(
        text.chars()
            .take(missing * words.len() / (words.len() + 3))
            .collect::<String>()
    );
    message.to_string()
}

/// Returns the time of a private-key operation, and of AES and HMAC over that many bytes, as OpenSSL measures it.
fn floor(bits: usize, bytes: usize) -> Result<f64, BoxError> {
    let bytes = (bytes / 16 * 16 + 16).to_string();
    let per_second = |arguments: &[&str], field: usize| -> Result<f64, BoxError> {
        let output = Command::new("openssl")
            .args(["speed", "-mr", "-seconds", "1"])
            .args(arguments)
            .output();
        let output =
            output.map_err(|_| "there is no openssl on the path; install it (Debian and Ubuntu: openssl)")?;
        let text = String::from_utf8(output.stdout)?;
        let line = text.lines().find(|line| line.starts_with("+F"));
        let figure = line
            .and_then(|line| line.split(':').nth(field))
            .ok_or("openssl speed says nothing")?;
        Ok(figure.parse()?)
    };
    let length: f64 = bytes.parse()?;
    let rsa = 1.0 / per_second(&[&format!("rsa{bits}")], 3)?;
    let aes = length / per_second(&["-evp", "aes-256-cbc", "-decrypt", "-bytes", &bytes], 3)?;
    let hmac = length / per_second(&["-hmac", "sha256", "-bytes", &bytes], 3)?;
    Ok((rsa + aes + hmac) * 1e6)
}

/// How many different items are decrypted in turn.
const ITEMS: usize = 16;
