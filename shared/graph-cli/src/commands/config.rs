//! `config`: the document in `ConfigSecret`.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use graph_core::secrets::Secret;
use graph_edge::secrets::{SecretError, SecretStore, Source, StoredSecret, Versioned, VersionedSecret};
use graph_edge::telemetry::causes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Context;
use crate::{
    Answer,
    arguments::{Config, Global},
    ask,
    config::{
        check::Checked,
        diff::{Change, changes},
        document::{Document, Location},
        effect::{Effect, Live, effects},
        shown::text,
    },
    failure::{Failure, Kind},
    invoke,
    terminal::{Style, counted, note},
};

/// Runs the command.
pub(super) async fn run(command: Config, global: &Global, style: Style) -> Result<Answer, Failure> {
    if let Config::Check { file } = &command {
        return Ok(Checked::of_file(&read(file)?).answer(&name(file), style));
    }
    // Read first: what is wrong with the file is known before AWS is asked anything.
    let file = match &command {
        Config::Show | Config::Check { .. } => None,
        Config::Diff { file } | Config::Put { file, .. } => Some((name(file), read(file)?)),
    };
    let context = Context::find(global, style).await?;
    let secret = ConfigSecret::of(&context)?;
    let present = secret.read().await?;
    match (command, file) {
        (
            Config::Put {
                yes,
                confirm_deletions,
                ..
            },
            Some((name, text)),
        ) => {
            let allowed = Allowed {
                yes,
                confirm_deletions,
            };
            put(&context, &secret, present, &name, &text, allowed).await
        }
        (_, Some((name, text))) => {
            let planned = Planned::of(&context, present.as_ref(), &name, &text, Ask::Nothing).await?;
            let answer = planned.answer(planned.text(style));
            let mistakes = planned.mistakes;
            Ok(Answer {
                text: mistakes.clone() + &answer.text,
                needs_person: !mistakes.is_empty(),
                ..answer
            })
        }
        (_, None) => show(present),
    }
}

/// The confirmations on the command line.
struct Allowed {
    yes: bool,
    confirm_deletions: bool,
}

/// Prints the configuration without its credentials.
fn show(present: Option<Versioned>) -> Result<Answer, Failure> {
    let present = present.ok_or_else(|| {
        let advice = "Write config.json as docs/configuration.md describes, then: graph-notifications config put config.json";
        Failure::new(Kind::Stack, "ConfigSecret has no content yet", advice)
    })?;
    let text = present.text.expose();
    let document = Document::parse(text).map_err(|location| not_json("ConfigSecret", location))?;
    let redacted = document.redacted();
    Ok(Answer {
        json: serde_json::from_str(&redacted).unwrap_or_default(),
        text: redacted.trim_end().to_owned() + "\n",
        needs_person: false,
    })
}

/// Writes the configuration after the person confirms the changes.
async fn put(
    context: &Context,
    secret: &ConfigSecret,
    present: Option<Versioned>,
    name: &str,
    text: &str,
    allowed: Allowed,
) -> Result<Answer, Failure> {
    let planned = Planned::of(context, present.as_ref(), name, text, Ask::Person).await?;
    if planned.changes.is_empty() {
        return Ok(planned.answer(planned.text(context.style)));
    }
    let held_back: Vec<&str> = planned
        .effects
        .iter()
        .filter(|(_, effect)| effect.needs_confirmation())
        .map(|(name, _)| name.as_str())
        .collect();
    if !held_back.is_empty() && !allowed.confirm_deletions {
        let text = format!(
            "nothing was changed: too many subscriptions of {} would be deleted, or an unknown number",
            held_back.join(", ")
        );
        let advice = "See them with `graph-notifications config diff`. If you want them, add --confirm-deletions, then run:\n\
                      graph-notifications apply --confirm-deletions";
        return Err(Failure::new(Kind::NotConfirmed, text, advice));
    }
    note(&planned.text(Style::of_stderr(context.global.color)));
    ask::confirm(
        &format!("Write this to ConfigSecret of {}?", context.stack.name),
        allowed.yes,
    )?;
    let based_on = present.as_ref().map(|present| present.version_id.as_str());
    secret.write(&planned.filled, based_on).await?;
    let next = "Written. The next run of renewal applies it. To apply it now: graph-notifications apply\n";
    Ok(planned.answer(context.global.with_global_options(next)))
}

/// Asks for a credential that neither the file nor the stack has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Person,
    Nothing,
}

/// A new configuration and its changes.
struct Planned {
    filled: Zeroizing<String>,
    changes: Vec<Change>,
    effects: std::collections::BTreeMap<String, Effect>,
    warnings: usize,
    /// The mistakes in the file; empty if there are none.
    mistakes: String,
}

impl Planned {
    async fn of(
        context: &Context,
        present: Option<&Versioned>,
        name: &str,
        text: &str,
        ask: Ask,
    ) -> Result<Self, Failure> {
        let nothing = "{}";
        let old = present.map_or(nothing, |present| present.text.expose());
        // A present document that is not JSON is replaced as a whole.
        let is_readable = Document::parse(old).is_ok();
        let old = if is_readable { old } else { nothing };
        let before = Document::parse(old).map_err(|location| not_json("ConfigSecret", location))?;
        let filled = fill(name, text, &before, ask)?;
        let checked = Checked::of(&filled);
        if checked.errors() > 0 && ask == Ask::Person {
            let text = format!(
                "nothing was changed: {name} has mistakes\n{}",
                checked.text(name, Style::PLAIN).trim_end()
            );
            return Err(Failure::new(Kind::Input, text, ""));
        }
        let after = Document::parse(&filled).map_err(|location| not_json(name, location))?;
        let changes = changes(&before, &after);
        let live = if changes.is_empty() {
            Live::default()
        } else {
            live(context).await
        };
        let mut effects = effects(&changes, &Checked::of(old).config, &checked.config, &live);
        // Without the old entries, those that are gone cannot be seen.
        if !is_readable && live.is_unknown {
            for tenant in checked.config.tenants.keys() {
                effects.entry(tenant.clone()).or_default().is_unknown = true;
            }
        }
        let warnings = checked.found.len();
        let mistakes = if checked.errors() > 0 {
            checked.text(name, Style::PLAIN)
        } else {
            String::new()
        };
        drop(after);
        Ok(Self {
            filled,
            changes,
            effects,
            warnings,
            mistakes,
        })
    }

    fn text(&self, style: Style) -> String {
        let text = text(&self.changes, &self.effects, style);
        match self.warnings {
            0 => text,
            some => format!(
                "{text}\n{}: graph-notifications config check\n",
                counted(some, "remark")
            ),
        }
    }

    fn answer(&self, text: String) -> Answer {
        Answer {
            json: json!({"changes": self.changes, "effects": self.effects}),
            text,
            needs_person: false,
        }
    }
}

/// Fills the file's open credentials from the stack.
fn fill(name: &str, text: &str, present: &Document<'_>, ask: Ask) -> Result<Zeroizing<String>, Failure> {
    let document = Document::parse(text).map_err(|location| not_json(name, location))?;
    let mut asked = std::collections::BTreeMap::new();
    for path in document.open_credentials() {
        if present.leaf(path).is_some() || ask == Ask::Nothing {
            continue;
        }
        let value = ask::secret(&path.join("."))?;
        let json = Zeroizing::new(Value::String(value.to_string()).to_string());
        asked.insert(path.to_vec(), json);
    }
    Ok(document.fill(|path| {
        let present = present.leaf(path).map(|json| Zeroizing::new(json.to_owned()));
        present.or_else(|| asked.get(path).cloned())
    }))
}

/// Returns the existing subscriptions from a dry run of renewal. They are unknown if it fails.
async fn live(context: &Context) -> Live {
    let event = json!({"dryRun": true});
    let Ok(function) = context.stack.output("RenewalFunctionName") else {
        return Live::unknown();
    };
    match invoke::renewal(
        &context.aws,
        function,
        &event,
        "Asking renewal for the live subscriptions",
    )
    .await
    {
        Ok((_, report)) => report.live(),
        Err(failure) => {
            note(&format!(
                "Renewal did not return the number of live subscriptions: {}\n",
                failure.text
            ));
            Live::unknown()
        }
    }
}

/// ConfigSecret.
struct ConfigSecret(StoredSecret);

impl ConfigSecret {
    fn of(context: &Context) -> Result<Self, Failure> {
        let store = SecretStore::new(&context.aws.config);
        Ok(Self(store.secret(context.stack.output("ConfigSecretArn")?)))
    }

    async fn read(&self) -> Result<Option<Versioned>, Failure> {
        self.0.read().await.map_err(|error| failure(&error))
    }

    async fn write(&self, text: &str, based_on: Option<&str>) -> Result<(), Failure> {
        let text = Secret::new(text.to_owned());
        self.0
            .write(&text, based_on)
            .await
            .map_err(|error| failure(&error))
    }
}

fn failure(error: &SecretError) -> Failure {
    match error {
        SecretError::Conflict => Failure::new(
            Kind::NotConfirmed,
            "nothing was changed: somebody else has changed ConfigSecret meanwhile",
            "Look at their change with `graph-notifications config diff`, then try again.",
        ),
        SecretError::Binary => Failure::new(
            Kind::Aws,
            causes(error),
            "aws secretsmanager put-secret-value --secret-id CONFIG_SECRET_ARN --secret-string file://FILE",
        ),
        SecretError::Unavailable(_) => Failure::new(
            Kind::Aws,
            causes(error),
            "Your credentials need secretsmanager:GetSecretValue and secretsmanager:PutSecretValue for ConfigSecret.",
        ),
    }
}

fn not_json(name: &str, location: Location) -> Failure {
    let text = format!("{name}:{}:{}: this is not JSON", location.line, location.column);
    Failure::new(Kind::Input, text, "")
}

/// Reads a file, or standard input.
fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    let read = if is_stdin(file) {
        io::stdin().lock().read_to_string(&mut text).map(|_| ())
    } else {
        fs::read_to_string(file).map(|read| text = Zeroizing::new(read))
    };
    read.map_err(|error| Failure::new(Kind::Input, format!("{} cannot be read: {error}", name(file)), ""))?;
    // What Windows' editors write first.
    let without_mark = text
        .strip_prefix('\u{feff}')
        .map(|rest| Zeroizing::new(rest.to_owned()));
    Ok(without_mark.unwrap_or(text))
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn name(file: &Path) -> String {
    if is_stdin(file) {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}
