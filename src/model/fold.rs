//! How texts compare when case does not matter (RFC 7643 section 2.2 `caseExact`, RFC 7644 section 5): one rule for what filters
//! and sorting compare and for what must be unique.
//!
//! Lower case alone is not enough: a Greek sigma at the end of a word and inside it, or `ß` and `ss`, are variants of one text. So
//! texts are case folded in full (Unicode, section 3.13) and brought into one form of compatibility (NFKC), as identifiers are
//! compared by `toNFKC_Casefold`; RFC 8265 section 3.3 asks the same of user names, with lower case.

use std::borrow::Cow;

use icu_casemap::CaseMapper;
use unicode_normalization::UnicodeNormalization;

/// The form in which two caseless texts are equal exactly when their forms are equal.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    // The same for ASCII, which most texts are, and far cheaper.
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let cases = CaseMapper::new();
    // Folding can undo a normal form, and a compatible form can have case again: both are done twice (Unicode D146).
    let canonical: String = text.nfd().collect();
    let once: String = cases.fold_string(&canonical).nfkc().collect();
    Cow::Owned(cases.fold_string(&once).nfkc().collect())
}

/// The form of a name, an address or a value that must be unique: that of [`fold`], without white space at both ends (C9 in
/// reliability.md: variants of one name must not become two identities).
#[must_use]
pub fn fold_name(text: &str) -> String {
    fold(text.trim()).into_owned()
}

/// Whether two caseless texts are the same.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    left == right || fold(left) == fold(right)
}
