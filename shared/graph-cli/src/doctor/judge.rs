//! Turns answers of AWS and the webhook into findings. Each subject has a module.

pub mod alarms;
pub mod functions;
pub mod queues;
pub mod report;
pub mod schedule;
pub mod secrets;
pub mod webhook;
