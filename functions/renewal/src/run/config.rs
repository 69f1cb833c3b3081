//! Reads the configuration of a run.

use graph_core::subscription::config::{Config, Problem, Severity};
use graph_edge::secrets::Source;

use crate::{
    Error,
    ports::{Document, Documents},
    report::Report,
};

pub(super) mod departed;
mod previous;

/// The configuration of a run, with its version.
pub(crate) struct ReadConfig {
    pub(crate) config: Config,
    pub(crate) version_id: String,
    /// The version that is current: another one, if that cannot be parsed.
    pub(crate) current_id: String,
}

/// Reads the configuration. Its mistakes go into the report.
pub(crate) async fn read(
    documents: &impl Documents,
    report: &mut Report,
) -> Result<Option<ReadConfig>, Error> {
    let Some(version) = documents.secret(Document::Config).read().await? else {
        report.note([Problem {
            path: String::new(),
            message: "does not exist yet; write it into ConfigSecret, as docs/configuration.md describes"
                .to_owned(),
            severity: Severity::Error,
        }]);
        return Ok(None);
    };
    match Config::parse(version.text.expose()) {
        Ok((mut config, found)) => {
            report.note(found);
            previous::lend(documents, &mut config, report).await;
            Ok(Some(ReadConfig {
                config,
                current_id: version.version_id.clone(),
                version_id: version.version_id,
            }))
        }
        Err(problem) => {
            report.note([problem]);
            Ok(previous::instead(documents, &version.version_id, report).await)
        }
    }
}
