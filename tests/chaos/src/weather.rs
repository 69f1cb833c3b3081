//! How calls to AWS fail, as rules of microburst.

use fastrand::Rng;
use serde_json::{Value, json};

/// How calls to AWS fail for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// The share that was asked for.
    Usual,
    /// Twice as many.
    Storm,
    /// None.
    Calm,
    /// The usual share, and all calls to one service for some seconds.
    Outage(Service),
}

/// A service that functions call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// SQS.
    Sqs,
    /// Secrets Manager.
    Secrets,
    /// Systems Manager, for its parameters.
    Parameters,
}

impl Weather {
    /// Returns one of them.
    pub fn any(chance: &mut Rng) -> Self {
        match chance.u8(..10) {
            // Never calm, in which a short run would see hardly a fault.
            0..4 => Self::Usual,
            4..7 => Self::Storm,
            7 => Self::Outage(Service::Sqs),
            8 => Self::Outage(Service::Secrets),
            _ => Self::Outage(Service::Parameters),
        }
    }

    /// Returns the rules, where `percent` of the calls are to fail.
    ///
    /// Microburst looks at one rule after the other and takes the first whose chance comes up, so the shares of as many rules
    /// as fit a call add up, nearly.
    pub fn rules(self, percent: u8) -> Value {
        let share = f64::from(percent) / 100.0;
        match self {
            Self::Calm => json!([]),
            Self::Usual => Value::Array(faults(share)),
            Self::Storm => Value::Array(faults((2.0 * share).min(0.75))),
            Self::Outage(service) => {
                let mut rules = vec![json!({
                    "service": service.name(), "ttl_s": OUTAGE_SECONDS,
                    "error": { "code": "ServiceUnavailable", "status": 503 },
                })];
                rules.extend(faults(share));
                Value::Array(rules)
            }
        }
    }
}

impl Service {
    /// Returns the name in the scope of a signature.
    fn name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Secrets => "secretsmanager",
            Self::Parameters => "ssm",
        }
    }
}

/// Returns rules by which this share of the calls of each service fails or hangs, in all the ways there are.
fn faults(share: f64) -> Vec<Value> {
    let each = share / RULES_PER_CALL;
    let error = |service: &str, code: &str, status: u16| json!({ "service": service, "probability": each, "error": { "code": code, "status": status } });
    vec![
        // Each service has its own words for both, and the SDK tries again by these words.
        error("sqs", "RequestThrottled", 400),
        error("sqs", "InternalFailure", 500),
        error("secretsmanager", "ThrottlingException", 400),
        error("secretsmanager", "InternalServiceError", 500),
        error("ssm", "ThrottlingException", 400),
        error("ssm", "InternalServerError", 500),
        error("*", "ServiceUnavailable", 503),
        json!({ "service": "*", "probability": each, "reset": true }),
        // Carried out, but nobody hears of it.
        json!({ "service": "*", "probability": each, "response": { "abort_bytes": 0 } }),
        // Now and then longer than the webhook has time for.
        json!({
            "service": "*", "probability": each,
            "latency": { "dist": "spike", "min": 50, "max": 800, "spike_ms": 4_000, "spike_p": 0.1 },
        }),
    ]
}

/// How many of the rules fit a call.
const RULES_PER_CALL: f64 = 6.0;

/// How long a service is out.
const OUTAGE_SECONDS: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_service_add_up_to_the_requested_rate() {
        for service in [Service::Sqs, Service::Secrets, Service::Parameters] {
            let rules = Weather::Usual.rules(15);
            let fitting = rules.as_array().unwrap().iter().filter(|rule| {
                let of = rule["service"].as_str().unwrap();
                of == "*" || of == service.name()
            });
            let sum: f64 = fitting.map(|rule| rule["probability"].as_f64().unwrap()).sum();
            assert!((sum - 0.15).abs() < 1e-9, "{service:?}: {sum}");
        }
    }

    #[test]
    fn a_service_that_is_out_is_back_by_itself() {
        let rules = Weather::Outage(Service::Secrets).rules(15);
        assert_eq!(rules[0]["service"], "secretsmanager");
        assert!(rules[0]["probability"].is_null() && rules[0]["ttl_s"].is_number());
        assert_eq!(rules.as_array().unwrap().len(), 11);
    }

    #[test]
    fn calm_is_calm() {
        assert_eq!(Weather::Calm.rules(50), json!([]));
    }
}
