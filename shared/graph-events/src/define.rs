//! Macros that define models from a list of members and their types.

/// Defines objects whose members are all optional, and which keep unknown members.
macro_rules! model {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$member_meta:meta])* $member:ident: $type:ty,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$member_meta])*
                #[serde(default, skip_serializing_if = "crate::Field::is_absent")]
                pub $member: crate::Field<$type>,
            )*
            /// The members that the model does not know, unchanged.
            #[serde(flatten)]
            pub other: serde_json::Map<String, serde_json::Value>,
        }
    )*};
}

/// Defines entities: objects with an id and the annotations of `OData` besides their own members.
macro_rules! entity {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$member_meta:meta])* $member:ident: $type:ty,)*
    }) => {
        crate::define::model! {
            $(#[$meta])*
            pub struct $name {
                /// The URL that describes the metadata. Its keys are percent-encoded; it is not a path to GET.
                #[serde(rename = "@odata.context")]
                odata_context: String,
                /// The type, in one of several spellings.
                #[serde(rename = "@odata.type")]
                odata_type: String,
                /// The relative path of the entity.
                #[serde(rename = "@odata.id")]
                odata_id: String,
                /// The version of the entity.
                #[serde(rename = "@odata.etag")]
                odata_etag: String,
                /// The id. In `resourceData` it is not always the entity's.
                id: String,
                $($(#[$member_meta])* $member: $type,)*
            }
        }
    };
}

/// Defines enumerations of texts, with a variant for unknown texts.
macro_rules! texts {
    ($($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)*
    })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// Any other text, including another letter case, unchanged.
            Unknown(String),
        }

        impl $name {
            /// Returns the text in Microsoft Graph's spelling.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown(text),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                match value {
                    $name::Unknown(text) => text,
                    known => known.as_str().to_owned(),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

pub(super) use {entity, model, texts};
