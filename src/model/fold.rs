//! How strings compare when case does not matter (RFC 7643 section 2.2 `caseExact`, RFC 7644 section 5).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// The form in which two case-insensitive values are equal exactly when their forms are equal: lower case, then NFC.
///
/// One letter is folded at a time, so that a sigma folds the same at the end of a word and inside it.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).nfc().collect())
}

/// Whether two case-insensitive values are the same.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    left == right || fold(left) == fold(right)
}
