//! From what AWS and the webhook said to findings, a module for each subject.

pub mod alarms;
pub mod functions;
pub mod queues;
pub mod report;
pub mod schedule;
pub mod secrets;
pub mod webhook;
