//! Outlook's items: messages, events and contacts.
//!
//! With resource data, notifications carry exactly the properties that the subscription selects, including `id`. So
//! absent does not mean empty.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Number, Value};

use super::{
    DateTime, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A mail message (Microsoft Graph, *message resource type*).
    pub struct Message {
        /// When the message was created.
        created_date_time: DateTime,
        /// When the message last changed.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// The categories.
        categories: Vec<String>,
        /// When it was received.
        received_date_time: DateTime,
        /// When it was sent.
        sent_date_time: DateTime,
        /// Whether the message has attachments.
        has_attachments: bool,
        /// The message id of RFC 5322.
        internet_message_id: String,
        /// The headers.
        internet_message_headers: Vec<Value>,
        /// The subject.
        subject: String,
        /// The beginning of the text.
        body_preview: String,
        /// The importance.
        importance: Importance,
        /// The id of its folder.
        parent_folder_id: String,
        /// The id of its conversation.
        conversation_id: String,
        /// The position in the conversation.
        conversation_index: String,
        /// Whether the sender requested a delivery receipt.
        is_delivery_receipt_requested: bool,
        /// Whether the sender requested a read receipt.
        is_read_receipt_requested: bool,
        /// Whether it has been read.
        is_read: bool,
        /// Whether it is a draft.
        is_draft: bool,
        /// The URL of the message in Outlook on the web.
        web_link: String,
        /// Whether the message is in the focused inbox.
        inference_classification: String,
        /// The text.
        body: ItemBody,
        /// The part of the text that is not in earlier messages.
        unique_body: ItemBody,
        /// The mailbox that sent the message.
        sender: Recipient,
        /// The mailbox in whose name the message was sent.
        from: Recipient,
        /// The recipients.
        to_recipients: Vec<Recipient>,
        /// The recipients of copies.
        cc_recipients: Vec<Recipient>,
        /// The recipients of blind copies.
        bcc_recipients: Vec<Recipient>,
        /// The addresses for replies.
        reply_to: Vec<Recipient>,
        /// The flag.
        flag: Value,
    }
}

entity! {
    /// An event in a calendar (Microsoft Graph, *event resource type*).
    pub struct Event {
        /// When the event was created.
        created_date_time: DateTime,
        /// When the event last changed.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// The categories.
        categories: Vec<String>,
        /// The subject.
        subject: String,
        /// The beginning of the text.
        body_preview: String,
        /// The text.
        body: ItemBody,
        /// When it begins.
        start: DateTimeTimeZone,
        /// When it ends.
        end: DateTimeTimeZone,
        /// The time zone in which the beginning was set.
        original_start_time_zone: String,
        /// The time zone in which the end was set.
        original_end_time_zone: String,
        /// When this occurrence of a series was originally to begin.
        original_start: DateTime,
        /// Whether it lasts whole days.
        is_all_day: bool,
        /// Whether the event is cancelled.
        is_cancelled: bool,
        /// Whether the organizer has not sent the event yet.
        is_draft: bool,
        /// Whether the owner of the calendar is the organizer.
        is_organizer: bool,
        /// Whether the event is an online meeting.
        is_online_meeting: bool,
        /// Whether a reminder is set.
        is_reminder_on: bool,
        /// How many minutes before the event the reminder appears.
        reminder_minutes_before_start: Number,
        /// Whether the event has attachments.
        has_attachments: bool,
        /// Whether attendees are hidden from each other.
        hide_attendees: bool,
        /// Whether attendees may propose other times.
        allow_new_time_proposals: bool,
        /// Whether the organizer requests responses.
        response_requested: bool,
        /// The response of the calendar's owner.
        response_status: Value,
        /// The importance.
        importance: Importance,
        /// Whether it is personal, private or confidential.
        sensitivity: String,
        /// How others see the owner's availability.
        show_as: FreeBusyStatus,
        /// Whether it is a single event, a series, or an occurrence of a series.
        #[serde(rename = "type")]
        event_type: String,
        /// The id of its series.
        series_master_id: String,
        /// The id of the same event in all calendars.
        #[serde(rename = "iCalUId")]
        ical_uid: String,
        /// An id from the client, which prevents duplicates.
        transaction_id: String,
        /// The URL of the event in Outlook on the web.
        web_link: String,
        /// The URL to join the online meeting.
        online_meeting_url: String,
        /// The service of the online meeting.
        online_meeting_provider: String,
        /// The details of the online meeting.
        online_meeting: Value,
        /// The location.
        location: Location,
        /// All locations.
        locations: Vec<Location>,
        /// The recurrence.
        recurrence: Value,
        /// The attendees.
        attendees: Vec<Attendee>,
        /// The organizer.
        organizer: Recipient,
    }
}

entity! {
    /// A contact (Microsoft Graph, *contact resource type*).
    pub struct Contact {
        /// When the contact was created.
        created_date_time: DateTime,
        /// When the contact last changed.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// The categories.
        categories: Vec<String>,
        /// The id of its folder.
        parent_folder_id: String,
        /// The day of birth.
        birthday: DateTime,
        /// The name to sort by.
        file_as: String,
        /// The displayed name.
        display_name: String,
        /// The first name.
        given_name: String,
        /// The initials.
        initials: String,
        /// The middle name.
        middle_name: String,
        /// The nickname.
        nick_name: String,
        /// The family name.
        surname: String,
        /// The title.
        title: String,
        /// The company.
        company_name: String,
        /// The department.
        department: String,
        /// The office.
        office_location: String,
        /// The profession.
        profession: String,
        /// The job title.
        job_title: String,
        /// The page of the business.
        business_home_page: String,
        /// The mail addresses.
        email_addresses: Vec<EmailAddress>,
        /// The addresses for instant messages.
        im_addresses: Vec<String>,
        /// The private telephone numbers.
        home_phones: Vec<String>,
        /// The telephone numbers of the business.
        business_phones: Vec<String>,
        /// The mobile telephone number.
        mobile_phone: String,
        /// The private address.
        home_address: Value,
        /// The address of the business.
        business_address: Value,
        /// Another address.
        other_address: Value,
        /// Notes.
        personal_notes: String,
    }
}

model! {
    /// A sender or recipient (Microsoft Graph, *recipient*).
    pub struct Recipient {
        /// The name and address.
        email_address: EmailAddress,
    }

    /// A mail address (Microsoft Graph, *emailAddress*).
    pub struct EmailAddress {
        /// The displayed name.
        name: String,
        /// The address.
        address: String,
    }

    /// An attendee (Microsoft Graph, *attendee*).
    pub struct Attendee {
        /// The name and address.
        email_address: EmailAddress,
        /// Whether a person is required or optional, or the attendee is a room.
        #[serde(rename = "type")]
        attendee_type: String,
        /// The response, and its time.
        status: Value,
    }

    /// A location (Microsoft Graph, *location*).
    pub struct Location {
        /// The name.
        display_name: String,
        /// The kind of location.
        location_type: String,
        /// The mail address.
        location_email_address: String,
        /// The URL of the location.
        location_uri: String,
        /// The id of the location in Outlook.
        unique_id: String,
        /// The kind of that id.
        unique_id_type: String,
        /// The address.
        address: Value,
        /// The geographic coordinates.
        coordinates: Value,
    }

    /// A time in a time zone (Microsoft Graph, *dateTimeTimeZone*).
    pub struct DateTimeTimeZone {
        /// The date and time, without an offset.
        date_time: String,
        /// The name of the time zone: `UTC` in notifications unless the subscription asks for another one.
        time_zone: String,
    }
}

impl DateTimeTimeZone {
    /// Returns the point in time, if the time zone is UTC.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        let zone = self.time_zone.as_deref()?;
        let time: civil::DateTime = self.date_time.as_deref()?.parse().ok()?;
        zone.eq_ignore_ascii_case("utc")
            .then(|| TimeZone::UTC.to_timestamp(time).ok())?
    }
}

texts! {
    /// The importance of an item (Microsoft Graph, *importance*).
    pub enum Importance {
        /// Low.
        Low = "low",
        /// Normal.
        Normal = "normal",
        /// High.
        High = "high",
    }

    /// The shown availability of an event's time (Microsoft Graph, *freeBusyStatus*).
    pub enum FreeBusyStatus {
        /// Free.
        Free = "free",
        /// Tentative.
        Tentative = "tentative",
        /// Busy.
        Busy = "busy",
        /// Out of office.
        Oof = "oof",
        /// Working elsewhere.
        WorkingElsewhere = "workingElsewhere",
    }
}
