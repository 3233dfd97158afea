//! The paging control (RFC 2696): how a server says whether there is more.

use ldap3::LdapResult;
use ldap3::controls::{MakeCritical, PagedResults, RawControl};

use crate::ldap::guard::frame::{child, element};
use crate::ldap::read_error::IncompleteReason;

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// Asks for a page. Critical, so that a server that cannot page says so instead of cutting the answer short.
pub(super) fn request(size: u32, cookie: Vec<u8>) -> Vec<RawControl> {
    // Settings bound the page size far below i32::MAX.
    let size = i32::try_from(size).unwrap_or(i32::MAX);
    vec![PagedResults { size, cookie }.critical().into()]
}

/// The cookie of the page that `result` ends; an empty one says that it was the last.
pub(super) fn cookie(result: &LdapResult, page: u32) -> Result<Vec<u8>, IncompleteReason> {
    let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED_RESULTS);
    let control = control.ok_or(IncompleteReason::NoPagingControl { page })?;
    let value = control.1.val.as_deref().unwrap_or_default();
    parse_cookie(value).ok_or(IncompleteReason::MalformedPagingControl { page })
}

/// `realSearchControlValue ::= SEQUENCE { size INTEGER, cookie OCTET STRING }`. The library's own parser panics.
fn parse_cookie(value: &[u8]) -> Option<Vec<u8>> {
    let sequence = element(value, 0).ok().flatten()?;
    if sequence.tag != SEQUENCE || sequence.end != value.len() {
        return None;
    }
    let size = child(value, sequence.start, sequence).ok()?;
    let cookie = child(value, size.end, sequence).ok()?;
    let shaped = size.tag == INTEGER && cookie.tag == OCTET_STRING && cookie.end == sequence.end;
    shaped.then(|| value[cookie.start..cookie.end].to_vec())
}
