//! What holds of every item.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn encrypted_content_decrypts_unchanged(
        text in any::<String>(),
        number in any::<f64>(),
        fill in 0..3000_usize,
    ) {
        let json = json!({ "text": text, "number": number, "fill": "x".repeat(fill) }).to_string();
        prop_assert_eq!(sealed(json.as_bytes()), Ok(json));
    }

    #[test]
    fn any_flipped_bit_is_rejected(part in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut item = Item::new();
        let bytes = [&mut item.ciphertext, &mut item.signature, &mut item.data_key][part].as_mut_slice();
        bytes[at.index(bytes.len())] ^= 1 << bit;
        prop_assert_eq!(opened(&item.content(), keys()), Err(OpenError::Rejected));
    }

    #[test]
    fn base64_is_read_as_without_vector_instructions(
        bytes in prop::collection::vec(any::<u8>(), 1..300),
        at in any::<prop::sample::Index>(),
        with in 0..128_u8,
    ) {
        let mut text = BASE64_STANDARD.encode(bytes).into_bytes();
        prop_assert_eq!(STANDARD.decode(&text), BASE64_STANDARD.decode(&text));
        let at = at.index(text.len());
        text[at] = with;
        prop_assert_eq!(STANDARD.decode(&text), BASE64_STANDARD.decode(&text));
    }

    #[test]
    fn any_text_in_any_part_is_an_error_and_no_panic(part in 0..3_usize, text in any::<String>()) {
        let mut content = Item::new().content();
        content[["data", "dataSignature", "dataKey"][part]] = json!(text);
        prop_assert_eq!(opened(&content, keys()), Err(OpenError::Rejected));
    }
}
