//! The things that can be wrong with a notification.

use serde_json::{Value, json};

use super::encrypt::Recipe;
use super::random;

/// A thing that is wrong, or unusual, in a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wrong {
    /// One bit of the encrypted data is flipped.
    FlippedBit,
    /// The encrypted data lacks its last block.
    TruncatedData,
    /// `dataSignature` is absent.
    MissingSignature,
    /// `dataSignature` was made with another key.
    WrongMac,
    /// The symmetric key has 16 bytes.
    ShortKey,
    /// The symmetric key is wrapped with OAEP on SHA-256.
    OaepSha256,
    /// `dataKey` is random bytes.
    RandomDataKey,
    /// `data` is not base64.
    DataNotBase64,
    /// Certificate id and thumbprint belong to no known certificate.
    UnknownCertificateId,
    /// `encryptedContent` is an empty object.
    EmptyEncryptedContent,
    /// The client state is not the subscription's.
    WrongClientState,
    /// There is no client state.
    AbsentClientState,
    /// The client state is `null`.
    NullClientState,
    /// `tenantId` is that of another tenant.
    OtherTenant,
    /// `subscriptionId` is one that does not exist.
    UnknownSubscription,
    /// The item is a number.
    ItemNotAnObject,
    /// Keys and values have other letter cases that Microsoft has been seen to use. Not an error.
    OddCasing,
    /// `tenantId` is empty, as in notifications of personal accounts. Not an error.
    PersonalAccount,
    /// The item has the form in which SharePoint has been seen to send: the resource is the id of a list alone, with
    /// `siteUrl` and `webId` beside it. Not an error.
    SharePointForm,
    /// Members that do not apply are empty texts. Not an error.
    EmptyTexts,
    /// `resourceData` is `null`. Not an error.
    NullResourceData,
    /// `validationTokens` is `null`.
    TokensNull,
    /// `validationTokens` is absent.
    TokensAbsent,
    /// `validationTokens` is empty.
    TokensEmpty,
    /// The token is for another app.
    TokenAudience,
    /// The token was issued to another publisher.
    TokenPublisher,
    /// The token's issuer only resembles Microsoft's.
    TokenIssuer,
    /// The token belongs to another tenant, in `tid` and issuer.
    TokenTenant,
    /// The token has expired.
    TokenExpired,
    /// The token is not valid yet.
    TokenNotYetValid,
    /// The token says `alg: none` and has no signature.
    TokenAlgNone,
    /// The token is signed by HMAC with the public key as the secret.
    TokenHs256,
    /// The token names a key that is not published.
    TokenUnknownKid,
    /// The token's signature belongs to another text.
    TokenBadSignature,
    /// The token contains the key that signed it (`jwk` header).
    TokenEmbeddedKey,
    /// The token is signed by the published key that is valid for personal accounts only.
    TokenConsumerKey,
    /// The token is not a JWT.
    TokenGarbage,
    /// The body is not JSON.
    NotJson,
    /// The body has no `value`.
    NoValue,
    /// `value` is not an array.
    ValueNotAnArray,
    /// The body is empty.
    EmptyBody,
    /// The JSON begins with a byte order mark. Not an error.
    ByteOrderMark,
}

impl Wrong {
    /// Changes how an item is encrypted.
    pub(crate) fn adjust(self, recipe: &mut Recipe) {
        match self {
            Self::ShortKey => recipe.key_length = 16,
            Self::OaepSha256 => recipe.oaep_sha256 = true,
            Self::WrongMac => recipe.wrong_mac = true,
            _ => {}
        }
    }

    /// Changes a finished item.
    pub(crate) fn spoil_item(self, item: &mut Value) {
        match self {
            Self::FlippedBit => edit_base64(item, "data", |bytes| {
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 1;
                }
            }),
            Self::TruncatedData => {
                edit_base64(item, "data", |bytes| {
                    bytes.truncate(bytes.len().saturating_sub(16));
                });
            }
            Self::RandomDataKey => edit_base64(item, "dataKey", |bytes| {
                let _ = aws_lc_rs::rand::fill(bytes);
            }),
            Self::MissingSignature => remove(item.pointer_mut("/encryptedContent"), "dataSignature"),
            Self::DataNotBase64 => set(item.pointer_mut("/encryptedContent"), "data", json!("%%%")),
            Self::UnknownCertificateId => {
                set(
                    item.pointer_mut("/encryptedContent"),
                    "encryptionCertificateId",
                    json!("unknown"),
                );
                let thumbprint = json!(random::hex::<20>().to_uppercase());
                set(
                    item.pointer_mut("/encryptedContent"),
                    "encryptionCertificateThumbprint",
                    thumbprint,
                );
            }
            Self::EmptyEncryptedContent => set(Some(item), "encryptedContent", json!({})),
            Self::WrongClientState => set(Some(item), "clientState", json!("not.the.subscribers")),
            Self::AbsentClientState => remove(Some(item), "clientState"),
            Self::NullClientState => set(Some(item), "clientState", Value::Null),
            Self::OtherTenant => set(Some(item), "tenantId", json!(random::guid())),
            Self::UnknownSubscription => set(Some(item), "subscriptionId", json!(random::guid())),
            Self::ItemNotAnObject => *item = json!(42),
            Self::OddCasing => odd_casing(item),
            Self::PersonalAccount => set(Some(item), "tenantId", json!("")),
            Self::SharePointForm => sharepoint_form(item),
            Self::EmptyTexts => empty_texts(item),
            Self::NullResourceData => set(Some(item), "resourceData", Value::Null),
            _ => {}
        }
    }

    /// Changes the finished document.
    pub(crate) fn spoil_document(self, document: &mut Value) {
        match self {
            Self::TokensNull => set(Some(document), "validationTokens", Value::Null),
            Self::TokensAbsent => remove(Some(document), "validationTokens"),
            Self::TokensEmpty => set(Some(document), "validationTokens", json!([])),
            Self::NoValue => remove(Some(document), "value"),
            Self::ValueNotAnArray => set(Some(document), "value", json!({ "item": 1 })),
            _ => {}
        }
    }

    /// Changes the bytes of the body.
    pub(crate) fn spoil_body(self, body: &mut Vec<u8>) {
        match self {
            Self::NotJson => body.truncate(body.len() / 2),
            Self::EmptyBody => body.clear(),
            Self::ByteOrderMark => *body = [b"\xef\xbb\xbf", body.as_slice()].concat(),
            _ => {}
        }
    }
}

/// Changes an item into the form that SharePoint sends.
fn sharepoint_form(item: &mut Value) {
    let members = item.as_object_mut();
    let tenant = members.and_then(|members| members.get("tenantId").cloned());
    for (name, value) in [
        ("id", json!(random::guid())),
        ("organizationId", json!(tenant)),
        ("resource", json!(random::guid())),
        ("siteUrl", json!("/sites/Sales")),
        ("webId", json!(random::guid())),
        (
            "resourceData",
            json!({ "@odata.type": "#Microsoft.Graph.ListItem" }),
        ),
    ] {
        set(Some(item), name, value);
    }
}

/// Adds members that do not apply to an item, as empty texts.
fn empty_texts(item: &mut Value) {
    set(Some(item), "lifecycleEvent", json!(""));
    set(Some(item), "id", json!(""));
    set(item.pointer_mut("/resourceData"), "@odata.etag", json!(""));
}

/// Sets a member of an object.
fn set(object: Option<&mut Value>, name: &str, value: Value) {
    if let Some(members) = object.and_then(Value::as_object_mut) {
        members.insert(name.to_owned(), value);
    }
}

/// Removes a member of an object.
fn remove(object: Option<&mut Value>, name: &str) {
    if let Some(members) = object.and_then(Value::as_object_mut) {
        members.remove(name);
    }
}

/// Changes the bytes behind a base64 text in `encryptedContent`.
fn edit_base64(item: &mut Value, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    let text = item
        .pointer_mut("/encryptedContent")
        .and_then(|content| content.get_mut(name));
    let Some(text) = text else { return };
    let Some(mut bytes) = text.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()) else {
        return;
    };
    edit(&mut bytes);
    *text = json!(BASE64_STANDARD.encode(bytes));
}

/// Changes the letter case of keys and values to others that Microsoft's pages and services show.
fn odd_casing(item: &mut Value) {
    let Some(members) = item.as_object_mut() else {
        return;
    };
    if let Some(content) = members.remove("encryptedContent") {
        members.insert("EncryptedContent".to_owned(), content);
    }
    if let Some(change) = members.get_mut("changeType") {
        let text = change.as_str().unwrap_or_default();
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        *change = json!(format!("{first}{}", letters.as_str()));
    }
    if let Some(Value::String(kind)) = item.pointer_mut("/resourceData/@odata.type") {
        *kind = kind.to_lowercase();
    }
}
