//! The rights to deploy that docs/operations.md lists, and those that AWS publishes for each type of resource of the template.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    expanded::{hardened, python},
    file, yaml,
};

#[test]
fn the_documents_name_every_right_that_a_deployment_needs() {
    let text = file("docs/operations.md");
    let (_, section) = text.split_once("\n### What a deployment may do\n").unwrap();
    let (table, _) = section.split_once("\n### ").unwrap();
    let allowed: Vec<&str> = table
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|span| is_action(span))
        .collect();
    assert!(allowed.len() > 60, "{allowed:?}");
    let request = json!(types());
    let needed: BTreeMap<String, BTreeSet<String>> =
        serde_json::from_str(&python(PUBLISHED, &request)).unwrap();
    assert!(needed.len() > 20, "{needed:?}");
    for (kind, actions) in needed {
        for action in actions.iter().filter(|action| !UNUSED.contains(&action.as_str())) {
            assert!(
                allowed.iter().any(|pattern| covers(pattern, action)),
                "{kind} needs {action}"
            );
        }
    }
}

/// Returns the types of all resources of a stack with everything, the nested stack's included.
fn types() -> BTreeSet<String> {
    let bus = yaml::parse(&file("functions/event-bus.yaml"));
    let both = [hardened(), &bus];
    let all = both
        .iter()
        .flat_map(|template| template["Resources"].as_object().unwrap().values());
    all.map(|resource: &Value| resource["Type"].as_str().unwrap().to_owned())
        .collect()
}

fn is_action(span: &str) -> bool {
    let parts = span.split_once(':');
    parts.is_some_and(|(service, action)| {
        !service.is_empty()
            && service
                .chars()
                .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
            && !action.is_empty()
            && action
                .chars()
                .all(|char| char.is_ascii_alphabetic() || char == '*')
    })
}

/// Returns whether a pattern with at most one star covers an action. IAM compares without case.
fn covers(pattern: &str, action: &str) -> bool {
    let [pattern, action] = [pattern, action].map(str::to_ascii_lowercase);
    match pattern.split_once('*') {
        Some((start, end)) => {
            action.len() >= start.len() + end.len() && action.starts_with(start) && action.ends_with(end)
        }
        None => pattern == action,
    }
}

/// Prints the permissions of each type's handlers, as its schema has them.
const PUBLISHED: &str = "
import glob, importlib.util, json, os, sys
# Where it is: to import it takes seconds.
[cfnlint] = importlib.util.find_spec('cfnlint').submodule_search_locations
types, needed = set(json.load(sys.stdin)), {}
for path in glob.glob(os.path.join(cfnlint, 'data/schemas/resources/*.json')):
    with open(path) as file:
        schema = json.load(file)
    if schema.get('typeName') in types:
        handlers = [schema.get('handlers', {}).get(name, {}) for name in ('create', 'read', 'update', 'delete')]
        found = needed.setdefault(schema['typeName'], [])
        found.extend(action for handler in handlers for action in handler.get('permissions', []))
print(json.dumps({name: sorted(set(actions)) for name, actions in needed.items()}))";

/// Rights for properties that no resource of the stack has.
const UNUSED: [&str; 16] = [
    // Functions with a file system.
    "elasticfilesystem:DescribeMountTargets",
    "s3files:ListMountTargets",
    // Log groups with further policies, and pipes with logs.
    "firehose:TagDeliveryStream",
    "s3:REST.PUT.OBJECT",
    "logs:DeleteDataProtectionPolicy",
    "logs:GetDataProtectionPolicy",
    "logs:PutDataProtectionPolicy",
    "logs:DeleteIndexPolicy",
    "logs:DescribeIndexPolicies",
    "logs:PutIndexPolicy",
    "logs:PutBearerTokenAuthentication",
    "logs:PutLogGroupDeletionProtection",
    // Secrets in other regions.
    "secretsmanager:RemoveRegionsFromReplication",
    "secretsmanager:ReplicateSecretToRegions",
    // A type of another kind of deployment.
    "codedeploy:RegisterOnPremisesInstance",
    "lambda:PassCapacityProvider",
];
