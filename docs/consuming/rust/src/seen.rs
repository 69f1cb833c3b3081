//! The ids of events that have been processed, and the latest state of each resource, in a DynamoDB table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use graph_events::DeliveredEvent;
use lambda_runtime::Error;

/// The table of ids.
pub struct Seen {
    client: Client,
    table: String,
}

/// Whether an event may be processed.
pub enum Claim {
    /// It may, until the deadline.
    Granted,
    /// Another invocation is processing it.
    Running,
    /// It has been processed.
    Done,
}

impl Seen {
    /// Returns the table that the environment variable `SEEN_TABLE` names.
    pub async fn from_env() -> Result<Self, Error> {
        let (config, table) = (aws_config::load_from_env().await, std::env::var("SEEN_TABLE")?);
        Ok(Self {
            client: Client::new(&config),
            table,
        })
    }

    /// Claims an event until `deadline`, when the invocation has ended whether it succeeded or not.
    pub async fn claim(&self, id: &str, deadline: u64) -> Result<Claim, Error> {
        let claim = self
            .put(id)
            .item("runningUntil", number(deadline))
            .condition_expression("attribute_not_exists(id) OR runningUntil < :now")
            .expression_attribute_values(":now", number(since_1970().as_millis()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = claim.send().await else {
            return Ok(Claim::Granted);
        };
        match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(found) => {
                let is_running = found.item().is_some_and(|item| item.contains_key("runningUntil"));
                Ok(if is_running { Claim::Running } else { Claim::Done })
            }
            other => Err(other.into()),
        }
    }

    /// Remembers that an event has been processed.
    pub async fn finish(&self, id: &str) -> Result<(), Error> {
        self.put(id).send().await?;
        Ok(())
    }

    /// Keeps a state of the event's resource unless a later one is kept, and says whether. A deletion is kept like a state, so
    /// that an older state that arrives after it does not bring the resource back.
    pub async fn keep(&self, event: &DeliveredEvent, moment: i64) -> Result<bool, Error> {
        let key = event
            .partitionkey
            .as_deref()
            .ok_or("the event has no partition key")?;
        let at = number(moment);
        let put = self
            .put(&format!("state of {key}"))
            .item("at", at.clone())
            .condition_expression("attribute_not_exists(id) OR #at <= :at")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":at", at);
        let Err(error) = put.send().await else {
            return Ok(true);
        };
        match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(_) => Ok(false),
            other => Err(other.into()),
        }
    }

    fn put(&self, id: &str) -> PutItemFluentBuilder {
        let expiration = (since_1970() + REMEMBERED).as_secs();
        let put = self.client.put_item().table_name(&self.table);
        put.item("id", AttributeValue::S(id.to_owned()))
            .item("expiration", number(expiration))
    }
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Returns the time since 1970.
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A repeat can come 48 days later: Graph sends it again for hours, the stack takes notifications of up to 19 days, and an
/// event lives for 14 days in DeliveryQueue and UndeliveredQueue, and for 14 days again if an operator moves it back.
const REMEMBERED: Duration = Duration::from_hours(48 * 24);
