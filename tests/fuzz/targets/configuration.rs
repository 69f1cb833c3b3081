//! Any text as the configuration: what is not right is named, and only what is right is used.
#![no_main]

use fuzz::memory::bounded;
use graph_core::subscription::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    bounded(|| match Config::parse(input) {
        Ok((config, problems)) => {
            assert!(config.whole || !problems.is_empty(), "a mistake has its message");
            for (name, entry) in &config.subscriptions {
                let is_known = |tenant| config.tenants.contains_key(tenant);
                assert!(
                    !entry.tenants.is_empty() && entry.tenants.iter().all(is_known),
                    "{name} has a tenant"
                );
                assert!(
                    !config.refused.contains(name),
                    "{name} is used or refused, not both"
                );
            }
            for problem in problems {
                assert!(!problem.message.is_empty());
            }
        }
        Err(problem) => assert!(!problem.message.is_empty()),
    });
});
