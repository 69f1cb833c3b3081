//! Where the functions find the root certificates that they trust.

use serde_json::{Value, json};

/// Returns what would have them read every certificate twice at each start, or a file that is not there.
pub fn faults(template: &Value) -> Vec<String> {
    let globals = &template["Globals"]["Function"];
    let named = &globals["Environment"]["Variables"]["SSL_CERT_FILE"];
    let file = (&globals["Runtime"], &template["Parameters"][PARAMETER]["Default"]);
    let mut faults = Vec::new();
    if *named != json!({"Ref": PARAMETER}) {
        faults.push(format!("SSL_CERT_FILE is not {PARAMETER}"));
    }
    if file != (&json!(RUNTIME), &json!(BUNDLE)) {
        faults.push(format!("{PARAMETER} is not the file of the runtime"));
    }
    faults
}

const PARAMETER: &str = "RootCertificates";

/// The runtime, Amazon Linux 2023, and the file in which its package `ca-certificates` keeps all certificates that are
/// trusted for servers (update-ca-trust(8), section *Files*).
const RUNTIME: &str = "provided.al2023";
const BUNDLE: &str = "/etc/pki/tls/certs/ca-bundle.crt";
