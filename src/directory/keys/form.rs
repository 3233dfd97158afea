//! The form of caseless names in keys, for an upgrade of the store.

use super::{Builder, TEXT_BYTES_MAX, Table};
use crate::model::custom_attribute::Bearer;
use crate::model::fold::fold_name;
use crate::store::Key;

/// Bytes of a key of an organisation before what follows its table.
const REST_AT: usize = 18;

/// Says in which form the names in the keys of this store are.
#[must_use]
pub fn name_form() -> Key {
    Builder::global(b'f').key()
}

/// The key of an entry with a caseless name in the form of this release; `None` for one that has it, for a key without such a
/// name, and for a name that is too long to be whole in a key. `is_exact` says for which attributes of the organisation's own case
/// matters.
#[must_use]
pub fn refold(key: &Key, is_exact: &dyn Fn(Bearer, &str) -> bool) -> Option<Key> {
    let bytes = key.as_bytes();
    let table = *bytes.get(REST_AT - 1)?;
    let tag = *bytes.get(REST_AT)?;
    let is = |known: Table| table == known as u8;
    let head = match tag {
        b'u' | b'g' if is(Table::Unique) => REST_AT + 1,
        b'e' | b'd' if is(Table::Index) => REST_AT + 1,
        // The key of the type comes first.
        b'n' if is(Table::Resource) => end_of_text(bytes, REST_AT + 1)?,
        // The attribute comes first.
        b'a' if is(Table::Unique) || is(Table::Index) => {
            let bearer = match bytes.get(REST_AT + 1)? {
                b'u' => Bearer::User,
                b'g' => Bearer::Group,
                _ => return None,
            };
            let head = end_of_text(bytes, REST_AT + 2)?;
            let name = std::str::from_utf8(bytes.get(REST_AT + 2..head - 1)?).ok()?;
            if is_exact(bearer, name) {
                return None;
            }
            head
        }
        _ => return None,
    };
    // What follows the text: its end, and in an index an identifier.
    let tail = if is(Table::Index) { 17 } else { 1 };
    let text = bytes.get(head..bytes.len().checked_sub(tail)?)?;
    let text = std::str::from_utf8(text).ok()?;
    if text.is_ascii() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let folded = fold_name(text);
    if folded == text {
        return None;
    }
    let mut to = Builder(bytes.get(..head)?.to_vec()).text(&folded);
    to.0.extend_from_slice(bytes.get(bytes.len() - (tail - 1)..)?);
    Some(to.key())
}

/// Where the text that begins here has ended.
fn end_of_text(bytes: &[u8], from: usize) -> Option<usize> {
    let length = bytes.get(from..)?.iter().position(|byte| *byte == 0)?;
    Some(from + length + 1)
}
