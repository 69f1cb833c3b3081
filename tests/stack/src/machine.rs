//! This machine in place of AWS Lambda: functions run as its programs.

use std::path::PathBuf;

use super::Error;

/// Returns AWS Lambda's name of this machine's architecture.
///
/// # Errors
///
/// Functions for AWS Lambda cannot run on this machine.
pub(crate) fn architecture() -> Result<&'static str, Error> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("x86_64"),
        ("linux", "aarch64") => Ok("arm64"),
        (system, processor) => Err(Error::Tools(tools::Error::Missing {
            program: "the local stack".to_owned(),
            advice: format!(
                "functions run as programs of this machine, so it must be Linux on x86_64 or aarch64, not {system} on {processor}"
            ),
        })),
    }
}

/// Returns this machine's file of root certificates, for functions that run as its programs.
///
/// # Errors
///
/// No file exists at the usual paths.
pub fn root_certificates() -> Result<PathBuf, Error> {
    openssl_probe::probe().cert_file.ok_or_else(|| {
        Error::Tools(tools::Error::Missing {
            program: "the system's root certificates".to_owned(),
            advice: "install them (Debian, Ubuntu, Fedora and Alpine: ca-certificates)".to_owned(),
        })
    })
}
