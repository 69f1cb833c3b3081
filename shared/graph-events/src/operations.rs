//! Security alerts and call records.

use serde_json::{Number, Value};

use super::{
    DateTime, IdentitySet,
    define::{entity, texts},
};

entity! {
    /// A security alert (Microsoft Graph, *alert resource type*, the legacy type, which notifications use).
    pub struct Alert {
        /// The group of attackers.
        activity_group_name: String,
        /// The person who investigates the alert.
        assigned_to: String,
        /// The id of the Azure subscription.
        azure_subscription_id: String,
        /// The id of the Azure tenant.
        azure_tenant_id: String,
        /// The kind of alert.
        category: String,
        /// When the alert was closed.
        closed_date_time: DateTime,
        /// Details from cloud applications.
        cloud_app_states: Vec<Value>,
        /// The comments.
        comments: Vec<String>,
        /// The provider's confidence, from 1 to 100.
        confidence: Number,
        /// When the alert was created.
        created_date_time: DateTime,
        /// The description.
        description: String,
        /// The ids of related alerts.
        detection_ids: Vec<String>,
        /// When the event behind the alert happened.
        event_date_time: DateTime,
        /// An analyst's feedback.
        feedback: AlertFeedback,
        /// The files involved.
        file_states: Vec<Value>,
        /// The history of actions.
        history_states: Vec<Value>,
        /// The hosts involved.
        host_states: Vec<Value>,
        /// The ids of incidents.
        incident_ids: Vec<String>,
        /// When the alert last changed.
        last_modified_date_time: DateTime,
        /// The malware involved.
        malware_states: Vec<Value>,
        /// The network connections involved.
        network_connections: Vec<Value>,
        /// The processes involved.
        processes: Vec<Value>,
        /// The recommended actions.
        recommended_actions: Vec<String>,
        /// The registry keys involved.
        registry_key_states: Vec<Value>,
        /// The resources involved.
        security_resources: Vec<Value>,
        /// The severity.
        severity: AlertSeverity,
        /// The sources, such as links.
        source_materials: Vec<String>,
        /// The status of the investigation.
        status: AlertStatus,
        /// The labels.
        tags: Vec<String>,
        /// The title.
        title: String,
        /// The properties that triggered the alert.
        triggers: Vec<Value>,
        /// The user accounts involved.
        user_states: Vec<Value>,
        /// The vendor of the product that raised the alert.
        vendor_information: Value,
        /// The vulnerabilities involved.
        vulnerability_states: Vec<Value>,
    }
}

entity! {
    /// A call or meeting that has ended (Microsoft Graph, *callRecord resource type*).
    pub struct CallRecord {
        /// The version of the record, which grows as details are added.
        version: Number,
        /// Whether it was a group call or a call of two.
        #[serde(rename = "type")]
        call_type: CallType,
        /// The modalities, such as audio, video and screen sharing.
        modalities: Vec<Modality>,
        /// When the record last changed.
        last_modified_date_time: DateTime,
        /// When the first participant joined.
        start_date_time: DateTime,
        /// When the last participant left.
        end_date_time: DateTime,
        /// The organizer.
        organizer: IdentitySet,
        /// The participants.
        participants: Vec<IdentitySet>,
        /// The URL to join.
        join_web_url: String,
        /// The organizer, in more detail.
        #[serde(rename = "organizer_v2")]
        organizer_v2: Value,
        /// The participants, in more detail.
        #[serde(rename = "participants_v2")]
        participants_v2: Vec<Value>,
        /// The sessions, if they are requested.
        sessions: Vec<Value>,
    }
}

texts! {
    /// An analyst's feedback on an alert (Microsoft Graph, *alertFeedback*).
    pub enum AlertFeedback {
        /// None yet.
        Unset = "unknown",
        /// The alert is right.
        TruePositive = "truePositive",
        /// The alert is wrong.
        FalsePositive = "falsePositive",
        /// The alert is right, but harmless.
        BenignPositive = "benignPositive",
    }

    /// The severity of an alert (Microsoft Graph, *alertSeverity*).
    pub enum AlertSeverity {
        /// Unknown.
        Unset = "unknown",
        /// Informational.
        Informational = "informational",
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
    }

    /// The status of an alert's investigation (Microsoft Graph, *alertStatus*).
    pub enum AlertStatus {
        /// Unknown.
        Unset = "unknown",
        /// Not started.
        NewAlert = "newAlert",
        /// In progress.
        InProgress = "inProgress",
        /// Resolved.
        Resolved = "resolved",
        /// Dismissed.
        Dismissed = "dismissed",
    }

    /// The type of a call (Microsoft Graph, *callType*).
    pub enum CallType {
        /// Unknown.
        Unset = "unknown",
        /// A call of more than two participants.
        GroupCall = "groupCall",
        /// A call of two participants.
        PeerToPeer = "peerToPeer",
    }

    /// A modality of a call (Microsoft Graph, *modality*).
    pub enum Modality {
        /// Audio.
        Audio = "audio",
        /// Video.
        Video = "video",
        /// Screen sharing over video.
        VideoBasedScreenSharing = "videoBasedScreenSharing",
        /// Data.
        Data = "data",
        /// Screen sharing.
        ScreenSharing = "screenSharing",
    }
}
