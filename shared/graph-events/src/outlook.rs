//! Outlook's items: messages, events and contacts.
//!
//! With resource data, notifications carry the properties that the subscription selects, and no others: `id` is one of
//! them. Absent does not mean empty.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Number, Value};

use super::{
    DateTime, ItemBody,
    define::{entity, model, texts},
};

entity! {
    /// A mail message (Microsoft Graph, *message resource type*).
    pub struct Message {
        /// When it was made.
        created_date_time: DateTime,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// Its categories.
        categories: Vec<String>,
        /// When it was received.
        received_date_time: DateTime,
        /// When it was sent.
        sent_date_time: DateTime,
        /// Whether files are attached.
        has_attachments: bool,
        /// The id that mail servers know it by.
        internet_message_id: String,
        /// Its headers.
        internet_message_headers: Vec<Value>,
        /// The subject.
        subject: String,
        /// The beginning of the text.
        body_preview: String,
        /// How important it is.
        importance: Importance,
        /// The folder that it is in.
        parent_folder_id: String,
        /// The conversation that it belongs to.
        conversation_id: String,
        /// Its place in the conversation.
        conversation_index: String,
        /// Whether a receipt for its delivery was asked for.
        is_delivery_receipt_requested: bool,
        /// Whether a receipt for its reading was asked for.
        is_read_receipt_requested: bool,
        /// Whether it has been read.
        is_read: bool,
        /// Whether it is a draft.
        is_draft: bool,
        /// The message in Outlook on the web.
        web_link: String,
        /// Whether it is in the focused inbox.
        inference_classification: String,
        /// The text.
        body: ItemBody,
        /// The part of the text that is not in earlier messages.
        unique_body: ItemBody,
        /// The mailbox that sent it.
        sender: Recipient,
        /// The mailbox in whose name it was sent.
        from: Recipient,
        /// To whom it was sent.
        to_recipients: Vec<Recipient>,
        /// Who gets a copy.
        cc_recipients: Vec<Recipient>,
        /// Who gets a copy that the others do not know of.
        bcc_recipients: Vec<Recipient>,
        /// Whom to answer.
        reply_to: Vec<Recipient>,
        /// Its flag.
        flag: Value,
    }
}

entity! {
    /// An event in a calendar (Microsoft Graph, *event resource type*).
    pub struct Event {
        /// When it was made.
        created_date_time: DateTime,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// Its categories.
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
        /// The time zone in which its beginning was set.
        original_start_time_zone: String,
        /// The time zone in which its end was set.
        original_end_time_zone: String,
        /// When this occurrence of a series was to begin.
        original_start: DateTime,
        /// Whether it lasts whole days.
        is_all_day: bool,
        /// Whether it was cancelled.
        is_cancelled: bool,
        /// Whether its organizer has not sent it yet.
        is_draft: bool,
        /// Whether the owner of the calendar organizes it.
        is_organizer: bool,
        /// Whether it is an online meeting.
        is_online_meeting: bool,
        /// Whether a reminder is set.
        is_reminder_on: bool,
        /// How long before it the reminder comes.
        reminder_minutes_before_start: Number,
        /// Whether files are attached.
        has_attachments: bool,
        /// Whether attendees do not see each other.
        hide_attendees: bool,
        /// Whether attendees may propose other times.
        allow_new_time_proposals: bool,
        /// Whether its organizer wants answers.
        response_requested: bool,
        /// What the owner of the calendar answered.
        response_status: Value,
        /// How important it is.
        importance: Importance,
        /// Whether it is personal, private or confidential.
        sensitivity: String,
        /// How the time is shown to others.
        show_as: FreeBusyStatus,
        /// Whether it is one event, a series or a part of one.
        #[serde(rename = "type")]
        event_type: String,
        /// The series that it belongs to.
        series_master_id: String,
        /// The id of the same event in all calendars.
        #[serde(rename = "iCalUId")]
        ical_uid: String,
        /// An id of the client's, against making it twice.
        transaction_id: String,
        /// The event in Outlook on the web.
        web_link: String,
        /// Where to join it.
        online_meeting_url: String,
        /// Which service its online meeting uses.
        online_meeting_provider: String,
        /// How to join it.
        online_meeting: Value,
        /// Where it is.
        location: Location,
        /// All places where it is.
        locations: Vec<Location>,
        /// How it is repeated.
        recurrence: Value,
        /// Who is invited.
        attendees: Vec<Attendee>,
        /// Who organizes it.
        organizer: Recipient,
    }
}

entity! {
    /// A contact (Microsoft Graph, *contact resource type*).
    pub struct Contact {
        /// When it was made.
        created_date_time: DateTime,
        /// When it changed last.
        last_modified_date_time: DateTime,
        /// The version.
        change_key: String,
        /// Its categories.
        categories: Vec<String>,
        /// The folder that it is in.
        parent_folder_id: String,
        /// The day of birth.
        birthday: DateTime,
        /// The name to sort by.
        file_as: String,
        /// The name to show.
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
        /// What the contact does in the company.
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
    /// Who sends or receives (Microsoft Graph, *recipient*).
    pub struct Recipient {
        /// The name and address.
        email_address: EmailAddress,
    }

    /// A mail address (Microsoft Graph, *emailAddress*).
    pub struct EmailAddress {
        /// The name to show.
        name: String,
        /// The address.
        address: String,
    }

    /// Somebody who is invited (Microsoft Graph, *attendee*).
    pub struct Attendee {
        /// The name and address.
        email_address: EmailAddress,
        /// Whether a person has to come or can, or that it is a room.
        #[serde(rename = "type")]
        attendee_type: String,
        /// What was answered, and when.
        status: Value,
    }

    /// A place (Microsoft Graph, *location*).
    pub struct Location {
        /// The name.
        display_name: String,
        /// The kind of place.
        location_type: String,
        /// The mail address.
        location_email_address: String,
        /// The page of the place.
        location_uri: String,
        /// An id of Outlook's own.
        unique_id: String,
        /// The kind of that id.
        unique_id_type: String,
        /// The address.
        address: Value,
        /// Where on earth it is.
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
    /// Returns the point in time, when the time zone is UTC.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        let zone = self.time_zone.as_deref()?;
        let time: civil::DateTime = self.date_time.as_deref()?.parse().ok()?;
        zone.eq_ignore_ascii_case("utc")
            .then(|| TimeZone::UTC.to_timestamp(time).ok())?
    }
}

texts! {
    /// How important an item is (Microsoft Graph, *importance*).
    pub enum Importance {
        /// Less than others.
        Low = "low",
        /// As most are.
        Normal = "normal",
        /// More than others.
        High = "high",
    }

    /// How the time of an event is shown to others (Microsoft Graph, *freeBusyStatus*).
    pub enum FreeBusyStatus {
        /// Free.
        Free = "free",
        /// Perhaps busy.
        Tentative = "tentative",
        /// Busy.
        Busy = "busy",
        /// Out of office.
        Oof = "oof",
        /// At work in another place.
        WorkingElsewhere = "workingElsewhere",
    }
}
