//! Reads the configuration of a run.

use std::collections::{BTreeMap, BTreeSet};

use graph_core::{
    secrets::TrustedTenant,
    subscription::{
        config::{Config, Problem},
        plan::SettledVersions,
        rotation,
    },
};
use graph_edge::{
    deadline::Deadline,
    secrets::{SecretError, Source},
    telemetry::causes,
};

use self::previous::Earlier;
use crate::{
    Error,
    invocation::Options,
    keys,
    memory::{Memory, lock},
    ports::{Document, Documents, STATE_WITHIN, read_state},
    report::Report,
};

mod departed;
mod previous;

/// The configuration of a run, with its version.
pub(crate) struct ReadConfig {
    pub(crate) config: Config,
    pub(crate) version_id: String,
    /// The version that is current: another one, if that cannot be parsed; empty, if it cannot be read.
    pub(crate) current_id: String,
    /// Whether this process remembers it, because the current one cannot be read. No key is published for it.
    pub(crate) is_remembered: bool,
    /// How many removals of applications are held back.
    pub(crate) held: usize,
    /// The earlier versions whose tenants are in `config`; nothing if that is not known.
    pub(crate) needed: Option<Vec<String>>,
    /// The earlier versions whose changes are the last that runs have made in tenants, as far as they can be read.
    settled: BTreeMap<String, Config>,
    /// Whether an application may have subscriptions that no version of the configuration can list.
    pub(crate) is_blind: bool,
}

/// Reads the configuration, with the tenants that only earlier versions have. Its mistakes go into the report.
///
/// Whatever is wrong with the document, existing subscriptions of every trusted application are renewed as long as one of
/// the earlier versions has its credential.
pub(crate) async fn read(
    documents: &impl Documents,
    memory: &Memory,
    options: &Options,
    report: &mut Report,
) -> Result<Option<ReadConfig>, Error> {
    // Before the document: what another run adds to both meanwhile must not look as if it had departed.
    let trusted = trusted(documents, report).await;
    let mut earlier = Earlier::new(documents);
    let found = match documents.secret(Document::Config).read().await {
        Ok(Some(version)) => match Config::parse(version.text.expose()) {
            Ok((config, found)) => {
                report.note(found);
                *lock(&memory.config) = Some((config.clone(), version.version_id.clone()));
                Ok(ReadConfig::of(config, version.version_id))
            }
            Err(problem) => Err((problem, version.version_id)),
        },
        Ok(None) => {
            report.note([Problem::error(
                "",
                "does not exist yet; write it into ConfigSecret, as docs/configuration.md describes",
            )]);
            return Ok(None);
        }
        Err(SecretError::Binary) => {
            let message = "is binary; write it as text, with --secret-string";
            Err((Problem::error("", message), String::new()))
        }
        // Renewals need no more than what this process knows.
        Err(failure) => {
            let remembered = lock(&memory.config).clone();
            let Some((config, version_id)) = remembered else {
                return Err(failure.into());
            };
            let (read, consequence) = remember(documents, config, version_id).await;
            let message = format!("cannot be read: {}; {consequence}", causes(&failure));
            report.note([Problem::error("", message)]);
            Ok(read)
        }
    };
    let mut read = match found {
        Ok(read) => read,
        Err((problem, current_id)) => {
            report.note([problem]);
            let instead = previous::instead(&mut earlier, current_id, trusted.as_ref(), report).await;
            let Some(read) = instead else { return Ok(None) };
            read
        }
    };
    previous::lend(&mut earlier, &mut read.config, report).await;
    let Some(trusted) = trusted else {
        // Who has departed is unknown, so nothing is deleted.
        read.config.whole = false;
        read.is_blind = true;
        return Ok(Some(read));
    };
    departed::add(&trusted, options, &mut earlier, &mut read, report).await;
    if read.is_remembered {
        // The current version may need others.
        read.needed = None;
    }
    Ok(Some(read))
}

/// Returns the version that this process read last, and what the run does with it. Only if no process has used another one
/// since, its entries count: they may ask for what a newer version no longer wants.
async fn remember(
    documents: &impl Documents,
    mut config: Config,
    version_id: String,
) -> (ReadConfig, &'static str) {
    config.whole = false;
    let state = read_state(documents, Deadline::after(STATE_WITHIN)).await;
    let (state, _) = state.unwrap_or_default();
    let is_newest = state.versions().next() == Some(version_id.as_str());
    if !is_newest {
        config.subscriptions.clear();
    }
    let read = ReadConfig {
        current_id: String::new(),
        is_remembered: true,
        ..ReadConfig::of(config, version_id)
    };
    (read, if is_newest { GOES_ON } else { ONLY_RENEWS })
}

impl ReadConfig {
    fn of(config: Config, version_id: String) -> Self {
        Self {
            config,
            current_id: version_id.clone(),
            version_id,
            is_remembered: false,
            held: 0,
            needed: None,
            settled: BTreeMap::new(),
            is_blind: false,
        }
    }

    /// Reads the earlier versions that tenants have `settled`.
    pub(super) async fn read_settled(&mut self, documents: &impl Documents, settled: &SettledVersions) {
        for version_id in settled.all() {
            if version_id == self.version_id {
                continue;
            }
            let version = previous::readable(documents.read_version(version_id).await);
            let version = version.ok().flatten().as_ref().and_then(previous::parsed);
            let config = version.map(|version| (version_id.to_owned(), version.config));
            self.settled.extend(config);
        }
    }

    /// Returns the names of the entries that are edited since the version that a tenant has `settled`; nothing if that is not
    /// known.
    pub(crate) fn edits(&self, tenant: &str, settled: &SettledVersions) -> Option<BTreeSet<String>> {
        let version_id = settled.of(tenant)?;
        if version_id == self.version_id {
            return Some(BTreeSet::new());
        }
        let before = self.settled.get(version_id)?;
        Some(self.config.edited_since(before, tenant))
    }
}

/// Returns the trusted applications; nothing if they cannot be read.
async fn trusted(documents: &impl Documents, report: &mut Report) -> Option<BTreeSet<TrustedTenant>> {
    match keys::client_state(documents).await {
        Ok(document) => Some(rotation::trusted(&document)),
        Err(failure) => {
            let causes = causes(&failure);
            let message = format!(
                "is valid, but keys could not be read or written: {causes}; this run deletes nothing, because it does not know \
                 which tenants were removed"
            );
            report.note([Problem::error("", message)]);
            None
        }
    }
}

/// What a run does that cannot read the configuration.
const GOES_ON: &str = "renewal goes on with the version that this process read last, and deletes nothing";
const ONLY_RENEWS: &str = "the version that this process read last may be out of date, so existing subscriptions are renewed, \
                           and none is created or replaced";
