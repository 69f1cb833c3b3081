//! Everything else: more of Outlook, call records and tasks, approvals, printing and health alerts.

use graph_events::Change::{Created, Updated};

use super::row::{
    BASIC_TEAMS, BETA, CREATED, Changes, DIRECTORY, GLOBAL_ONLY, LifecycleUrl, Listed, OUTLOOK, Row, UPDATED,
};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        key: "contact.folder",
        listed: Listed::Later,
        patterns: &["/users/{id}/contactFolders/{id}/contacts"],
        entity: "contact",
        delegated: &["Contacts.Read"],
        personal: &["Contacts.Read"],
        application: &["Contacts.Read"],
        ..OUTLOOK
    },
    Row {
        key: "callRecord.filtered",
        patterns: &["/communications/callRecords?$filter={condition}"],
        entity: "callRecord",
        changes: Changes::Known(&[Created, Updated]),
        lifecycle: LifecycleUrl::Unconfirmed,
        application: &["CallRecords.Read.All"],
        source: "changenotifications-for-callrecords",
        ..OTHER
    },
    Row {
        key: "approvals",
        patterns: &["/solutions/approval/approvalItems"],
        entity: "approvalItem",
        minutes: 43_200,
        minutes_rich: 43_200,
        lifecycle: LifecycleUrl::Unconfirmed,
        application: &["ApprovalSolution.ReadWrite.All"],
        ..BASIC_TEAMS
    },
    // What types the notifications about printing name is not documented.
    Row {
        key: "printer.jobs",
        patterns: &["/print/printers/{id}/jobs"],
        entity: "printJob",
        changes: UPDATED,
        query_options: true,
        application: &["Printer.Read.All", "Printer.ReadWrite.All"],
        source: "universal-print-webhook-notifications",
        ..OTHER
    },
    Row {
        key: "print.task",
        patterns: &[
            "/print/taskDefinitions/{id}/tasks",
            "/print/printtaskdefinition/{id}/tasks",
        ],
        entity: "printTask",
        changes: CREATED,
        application: &["PrintTaskDefinition.ReadWrite.All"],
        source: "universal-print-webhook-notifications",
        ..OTHER
    },
    Row {
        key: "todoTask",
        patterns: &["/users/{id}/todo/lists/{id}/tasks"],
        entity: "todoTask",
        delegated: &["Tasks.ReadWrite"],
        personal: &["Tasks.ReadWrite"],
        application: &["Tasks.ReadWrite.All"],
        clouds: GLOBAL_ONLY,
        ..OTHER
    },
    Row {
        key: "healthAlert.all",
        patterns: &["/reports/healthmonitoring/alerts"],
        ..HEALTH_ALERT
    },
    Row {
        key: "healthAlert.type",
        patterns: &["/reports/healthmonitoring/alert"],
        query_options: true,
        ..HEALTH_ALERT
    },
];

/// What these rows have in common: any change type, three days, no resource data.
const OTHER: Row = Row {
    listed: Listed::Later,
    changes: Changes::Unconfirmed,
    minutes: 4_230,
    minutes_rich: 4_230,
    ..DIRECTORY
};

/// What the rows of Microsoft Entra health alerts have in common.
const HEALTH_ALERT: Row = Row {
    entity: "alert",
    versions: BETA,
    minutes: 42_300,
    minutes_rich: 42_300,
    delegated: &["HealthMonitoringAlert.Read.All"],
    application: &["HealthMonitoringAlert.Read.All"],
    ..OTHER
};
