//! What AWS CloudFormation makes of a template's parameters and conditions.

use serde_json::{Map, Value};

/// Returns a template with its parameters put in, and without what a condition leaves out. What only a deployed stack knows
/// stays as it is.
pub fn resolve(template: &Value, given: &[(&str, &str)]) -> Value {
    let stack = Stack { template, given };
    let mut resolved = template.clone();
    for section in ["Resources", "Outputs"] {
        let entries = template[section].as_object().unwrap();
        let kept = entries
            .iter()
            .filter(|(_, entry)| {
                entry
                    .get("Condition")
                    .is_none_or(|name| stack.holds(name.as_str().unwrap()))
            })
            .map(|(name, entry)| (name.clone(), stack.value(entry).unwrap()));
        resolved[section] = kept.collect::<Map<_, _>>().into();
    }
    resolved
}

struct Stack<'a> {
    template: &'a Value,
    given: &'a [(&'a str, &'a str)],
}

impl Stack<'_> {
    /// Returns the value of a parameter, if there is one of that name.
    fn parameter(&self, name: &str) -> Option<Value> {
        let parameter = self.template["Parameters"].get(name)?;
        let given = self.given.iter().find(|(known, _)| *known == name);
        let text = match (given, &parameter["Default"]) {
            (Some((_, given)), _) => (*given).to_owned(),
            (None, Value::String(default)) => default.clone(),
            (None, default) => default.to_string(),
        };
        Some(match parameter["Type"].as_str()? {
            "CommaDelimitedList" => text.split(',').collect(),
            _ => text.into(),
        })
    }

    /// Returns whether a condition holds.
    fn holds(&self, name: &str) -> bool {
        self.is_true(&self.template["Conditions"][name])
    }

    fn is_true(&self, condition: &Value) -> bool {
        let (function, argument) = condition.as_object().unwrap().iter().next().unwrap();
        let all = || argument.as_array().unwrap().iter();
        match function.as_str() {
            "Condition" => self.holds(argument.as_str().unwrap()),
            "Fn::Not" => !self.is_true(&argument[0]),
            "Fn::And" => all().all(|part| self.is_true(part)),
            "Fn::Or" => all().any(|part| self.is_true(part)),
            "Fn::Equals" => {
                let [one, other] = [0, 1].map(|index| self.value(&argument[index]).unwrap());
                text(&one) == text(&other)
            }
            other => panic!("{other} is not known"),
        }
    }

    /// Returns what a value comes to, or nothing for `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => match members.iter().next() {
                Some((function, argument)) if members.len() == 1 => self.function(function, argument),
                _ => Some(self.members(members)),
            },
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item)).collect()),
            other => Some(other.clone()),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Value {
        let kept = members
            .iter()
            .filter_map(|(name, member)| Some((name.clone(), self.value(member)?)));
        kept.collect::<Map<_, _>>().into()
    }

    fn function(&self, function: &str, argument: &Value) -> Option<Value> {
        match (function, argument) {
            ("Ref", Value::String(name)) if name == "AWS::NoValue" => None,
            ("Ref", Value::String(name)) => Some(
                self.parameter(name)
                    .unwrap_or_else(|| serde_json::json!({"Ref": name})),
            ),
            ("Fn::If", Value::Array(parts)) => {
                let branch = if self.holds(parts[0].as_str().unwrap()) {
                    1
                } else {
                    2
                };
                self.value(&parts[branch])
            }
            ("Fn::FindInMap", Value::Array(path)) => {
                let [map, first, second] = [0, 1, 2].map(|index| text(&self.value(&path[index]).unwrap()));
                Some(self.template["Mappings"][map][first][second].clone())
            }
            ("Fn::Join", Value::Array(parts)) => {
                let items = self.value(&parts[1])?;
                let texts: Option<Vec<&str>> = items.as_array()?.iter().map(Value::as_str).collect();
                let joined = texts.map(|texts| texts.join(parts[0].as_str().unwrap()).into());
                Some(joined.unwrap_or_else(|| serde_json::json!({"Fn::Join": [parts[0], items]})))
            }
            ("Fn::Sub", Value::String(pattern)) => Some(self.substituted(pattern, &Value::Null)),
            ("Fn::Sub", Value::Array(parts)) => {
                Some(self.substituted(parts[0].as_str().unwrap(), &self.value(&parts[1])?))
            }
            _ => Some(self.members(&Map::from_iter([(function.to_owned(), argument.clone())]))),
        }
    }

    /// Returns a pattern with the parameters and its own values put in, as text when nothing else is left to put in.
    fn substituted(&self, pattern: &str, own: &Value) -> Value {
        let mut pattern = pattern.to_owned();
        let parameters = self.template["Parameters"].as_object().unwrap().keys();
        let parameters = parameters.map(|name| (name, self.parameter(name).unwrap()));
        let own = own.as_object().into_iter().flatten();
        for (name, value) in parameters.chain(own.map(|(name, value)| (name, value.clone()))) {
            if let Value::String(value) = value {
                pattern = pattern.replace(&format!("${{{name}}}"), &value);
            }
        }
        if pattern.contains("${") {
            serde_json::json!({"Fn::Sub": pattern})
        } else {
            pattern.into()
        }
    }
}

/// Returns a value as CloudFormation compares it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
