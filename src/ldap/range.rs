//! Range retrieval: Active Directory hands out the values of a long attribute in parts (MS-ADTS section 3.1.1.3.1.3.3).
//!
//! A group of 3,500 comes with an empty `member` and `member;range=0-1499`. Taking that for the whole group empties it
//! or cuts it, so entries are completed here before anybody sees them.

use ldap3::Ldap;

use super::connection::ReadLimits;
use super::entry::RawEntry;
use super::read_error::{IncompleteReason, ReadError};
use super::search::base_object::read_base_object;

/// Which values of an attribute came: the option `range=0-1499`, or `range=1500-*` for the last part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRange {
    /// The index of the first value.
    pub first: u64,
    /// The index of the last value; `None` when there are no more.
    pub last: Option<u64>,
}

impl ValueRange {
    /// Reads an attribute option; `None` for any other option.
    pub fn from_option(option: &str) -> Option<Self> {
        let (key, bounds) = option.split_once('=')?;
        let (first, last) = bounds.split_once('-')?;
        if !key.eq_ignore_ascii_case("range") {
            return None;
        }
        let last = match last {
            "*" => None,
            number => Some(number.parse().ok()?),
        };
        Some(Self {
            first: first.parse().ok()?,
            last,
        })
    }
}

/// Fetches what is missing of `entry`'s long attributes, until the server says that there is no more.
pub(crate) async fn complete(ldap: &mut Ldap, entry: &mut RawEntry, limits: ReadLimits) -> Result<(), ReadError> {
    let ranges = std::mem::take(&mut entry.ranges);
    for (attribute, range) in ranges {
        let gap = |at| IncompleteReason::RangeGap {
            dn: entry.dn.clone(),
            attribute: attribute.clone(),
            at,
        };
        if range.first != 0 {
            return Err(gap(0).into());
        }
        let mut last = range.last;
        while let Some(end) = last {
            let next = end.checked_add(1).ok_or_else(|| gap(end))?;
            let wanted = vec![format!("{attribute};range={next}-*")];
            let part = read_base_object(ldap, &entry.dn, wanted, limits).await;
            let part = match part {
                Err(ReadError::NoSuchObject { .. }) | Ok(None) => {
                    return Err(IncompleteReason::RangeEntryGone { dn: entry.dn.clone() }.into());
                }
                Ok(Some(part)) => part,
                Err(error) => return Err(error),
            };
            let values = part.attributes.values(&attribute).to_vec();
            let came = part.ranges.get(&attribute).ok_or_else(|| gap(next))?;
            let count = values.len() as u64;
            // The part must start where the last one ended, have as many values as it says, and get us further.
            let counted = came
                .last
                .is_none_or(|last| last.checked_sub(next).map(|span| span + 1) == Some(count));
            if came.first != next || !counted {
                return Err(gap(next).into());
            }
            last = came.last;
            entry.attributes.append(&attribute, values);
        }
    }
    Ok(())
}
