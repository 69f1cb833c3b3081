//! Security alerts and call records.

use serde_json::{Number, Value};

use super::{
    DateTime, IdentitySet,
    define::{entity, texts},
};

entity! {
    /// A security alert (Microsoft Graph, *alert resource type*, the legacy one, which notifications are about).
    pub struct Alert {
        /// A group of attackers.
        activity_group_name: String,
        /// Who looks into it.
        assigned_to: String,
        /// The subscription in Azure.
        azure_subscription_id: String,
        /// The tenant in Azure.
        azure_tenant_id: String,
        /// The kind of alert.
        category: String,
        /// When it was closed.
        closed_date_time: DateTime,
        /// What the cloud applications know about it.
        cloud_app_states: Vec<Value>,
        /// What people wrote about it.
        comments: Vec<String>,
        /// How sure the provider is, from 1 to 100.
        confidence: Number,
        /// When it was made.
        created_date_time: DateTime,
        /// What happened.
        description: String,
        /// Other alerts about the same.
        detection_ids: Vec<String>,
        /// When what it is about happened.
        event_date_time: DateTime,
        /// What people think of it.
        feedback: AlertFeedback,
        /// The files.
        file_states: Vec<Value>,
        /// What was done with it.
        history_states: Vec<Value>,
        /// The hosts.
        host_states: Vec<Value>,
        /// Incidents that it belongs to.
        incident_ids: Vec<String>,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// The malware.
        malware_states: Vec<Value>,
        /// The connections.
        network_connections: Vec<Value>,
        /// The processes.
        processes: Vec<Value>,
        /// What to do.
        recommended_actions: Vec<String>,
        /// The keys of registries.
        registry_key_states: Vec<Value>,
        /// The resources.
        security_resources: Vec<Value>,
        /// How severe it is.
        severity: AlertSeverity,
        /// Where it comes from.
        source_materials: Vec<String>,
        /// How far the work on it is.
        status: AlertStatus,
        /// Labels.
        tags: Vec<String>,
        /// The title.
        title: String,
        /// What triggered it.
        triggers: Vec<Value>,
        /// The users.
        user_states: Vec<Value>,
        /// Who sells the product that found it.
        vendor_information: Value,
        /// The weaknesses.
        vulnerability_states: Vec<Value>,
    }
}

entity! {
    /// A call or meeting that has ended (Microsoft Graph, *callRecord resource type*).
    pub struct CallRecord {
        /// The number of the record's version, which grows as more is known.
        version: Number,
        /// Whether two or more took part.
        #[serde(rename = "type")]
        call_type: CallType,
        /// What was used: audio, video, screen sharing.
        modalities: Vec<Modality>,
        /// When the record changed last.
        last_modified_date_time: DateTime,
        /// When the first one joined.
        start_date_time: DateTime,
        /// When the last one left.
        end_date_time: DateTime,
        /// Who organized it.
        organizer: IdentitySet,
        /// Who took part.
        participants: Vec<IdentitySet>,
        /// Where it can be joined.
        join_web_url: String,
        /// Who organized it, in more detail.
        #[serde(rename = "organizer_v2")]
        organizer_v2: Value,
        /// Who took part, in more detail.
        #[serde(rename = "participants_v2")]
        participants_v2: Vec<Value>,
        /// Its sessions, when they are asked for.
        sessions: Vec<Value>,
    }
}

texts! {
    /// What people think of an alert (Microsoft Graph, *alertFeedback*).
    pub enum AlertFeedback {
        /// Nothing yet.
        Unset = "unknown",
        /// It is right.
        TruePositive = "truePositive",
        /// It is wrong.
        FalsePositive = "falsePositive",
        /// It is right, and harmless.
        BenignPositive = "benignPositive",
    }

    /// How severe an alert is (Microsoft Graph, *alertSeverity*).
    pub enum AlertSeverity {
        /// Not known.
        Unset = "unknown",
        /// For information.
        Informational = "informational",
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
    }

    /// How far the work on an alert is (Microsoft Graph, *alertStatus*).
    pub enum AlertStatus {
        /// Not known.
        Unset = "unknown",
        /// Not begun.
        NewAlert = "newAlert",
        /// Under way.
        InProgress = "inProgress",
        /// Done.
        Resolved = "resolved",
        /// Put aside.
        Dismissed = "dismissed",
    }

    /// Whether two or more took part in a call (Microsoft Graph, *callType*).
    pub enum CallType {
        /// Not known.
        Unset = "unknown",
        /// More than two.
        GroupCall = "groupCall",
        /// Two.
        PeerToPeer = "peerToPeer",
    }

    /// What a call used (Microsoft Graph, *modality*).
    pub enum Modality {
        /// Sound.
        Audio = "audio",
        /// Pictures.
        Video = "video",
        /// Screen sharing over video.
        VideoBasedScreenSharing = "videoBasedScreenSharing",
        /// Data.
        Data = "data",
        /// Screen sharing.
        ScreenSharing = "screenSharing",
    }
}
