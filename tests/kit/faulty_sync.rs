//! Content synchronisations (RFC 4533) that say what is not so, made from what a real server said.

use super::ber::{elements, integer, octets, sequence, tlv};
use super::faulty_ldap::result;
use super::faulty_proxy::ProxyFault;

const SYNC_STATE: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.2";
const SYNC_DONE: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.3";
const SYNC_INFO: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.4";
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;

/// What is sent in place of a message of a synchronisation; `None` when the fault is not about it.
pub(super) fn changed(fault: ProxyFault, id: u32, tag: u8, message: &[u8], people: &[[u8; 16]]) -> Option<Vec<u8>> {
    let cookie = |change: fn(&[u8]) -> Option<Vec<u8>>| {
        (tag == DONE).then(|| with_value(message, SYNC_DONE, &|value| with_cookie(value, change)))
    };
    let state = |change: fn(u8, &[u8]) -> (u8, Vec<u8>)| {
        (tag == ENTRY).then(|| with_value(message, SYNC_STATE, &|value| with_state(value, change)))
    };
    match fault {
        ProxyFault::CallsPeopleGone => (tag == DONE).then(|| [deletions(id, people), message.to_vec()].concat()),
        ProxyFault::GivesWrongIds => state(|code, uuid| (code, uuid.iter().map(|byte| byte ^ 1).collect())),
        ProxyFault::GivesShortIds => state(|code, uuid| (code, uuid[1..].to_vec())),
        ProxyFault::GivesAnUnknownState => state(|_, uuid| (7, uuid.to_vec())),
        ProxyFault::TellsEverythingTwice => (tag == ENTRY).then(|| message.repeat(2)),
        ProxyFault::GivesNoCookie => cookie(|_| None),
        ProxyFault::GivesAnEmptyCookie => cookie(|_| Some(Vec::new())),
        ProxyFault::GivesAGarbageCookie => cookie(|_| Some(b"garbage".to_vec())),
        ProxyFault::GivesACookieOfLongAgo => cookie(|cookie| Some(with_year(cookie, "2001"))),
        ProxyFault::GivesACookieOfTheFuture => cookie(|cookie| Some(with_year(cookie, "2099"))),
        ProxyFault::LiesAboutThePhase => (tag == DONE).then(|| with_value(message, SYNC_DONE, &with_other_phase)),
        ProxyFault::ForgetsTheCookie => Some(result(id, DONE, 4096, "no cookie", &[])),
        ProxyFault::RefusesTheCookie => Some(result(id, DONE, 2, "bad cookie", &[])),
        _ => None,
    }
}

/// Whether the server's own answer is over with what was sent in its place.
pub(super) fn ends(fault: ProxyFault) -> bool {
    matches!(fault, ProxyFault::ForgetsTheCookie | ProxyFault::RefusesTheCookie)
}

/// A syncIdSet with refreshDeletes (section 2.5).
fn deletions(id: u32, people: &[[u8; 16]]) -> Vec<u8> {
    let uuids: Vec<u8> = people.iter().flat_map(octets).collect();
    let set = tlv(0xa3, &[tlv(0x01, &[0xff]), tlv(0x31, &uuids)].concat());
    let info = [tlv(0x80, SYNC_INFO), tlv(0x81, &set)].concat();
    sequence(&[integer(2, id), tlv(0x79, &info)])
}

/// The message with another value of one of its controls.
fn with_value(message: &[u8], oid: &[u8], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (_, envelope) = elements(message)[0];
    let mut parts: Vec<Vec<u8>> = elements(envelope)
        .iter()
        .map(|(tag, content)| tlv(*tag, content))
        .collect();
    if let Some((_, controls)) = elements(envelope).get(2) {
        let controls = elements(controls).into_iter().map(|(tag, control)| {
            let inner = elements(control);
            if inner[0].1 != oid {
                return tlv(tag, control);
            }
            let (last, first) = inner.split_last().expect("a value");
            let first: Vec<u8> = first.iter().flat_map(|(tag, content)| tlv(*tag, content)).collect();
            tlv(tag, &[first, octets(change(last.1))].concat())
        });
        parts[2] = tlv(0xa0, &controls.flatten().collect::<Vec<u8>>());
    }
    sequence(&parts)
}

/// `SEQUENCE { cookie OPTIONAL, refreshDeletes DEFAULT FALSE }` (section 2.4) with another cookie.
fn with_cookie(value: &[u8], change: fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let (cookie, flag) = done_of(value);
    let cookie = change(&cookie).map(octets).unwrap_or_default();
    sequence(&[cookie, flag.unwrap_or_default()])
}

fn with_other_phase(value: &[u8]) -> Vec<u8> {
    let (cookie, flag) = done_of(value);
    let flag = if flag.is_some() { Vec::new() } else { tlv(0x01, &[0xff]) };
    sequence(&[octets(cookie), flag])
}

/// The cookie, and the flag where it is not the default.
fn done_of(value: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let parts = elements(elements(value)[0].1);
    let cookie = parts.iter().find(|(tag, _)| *tag == 0x04);
    let flag = parts.iter().find(|(tag, content)| *tag == 0x01 && content[0] != 0);
    let cookie = cookie.map(|(_, content)| content.to_vec()).unwrap_or_default();
    (cookie, flag.map(|(tag, content)| tlv(*tag, content)))
}

/// `SEQUENCE { state, entryUUID, cookie OPTIONAL }` (section 2.3) with another state and id.
fn with_state(value: &[u8], change: fn(u8, &[u8]) -> (u8, Vec<u8>)) -> Vec<u8> {
    let parts = elements(elements(value)[0].1);
    let (code, uuid) = change(parts[0].1[0], parts[1].1);
    let rest: Vec<u8> = parts[2..]
        .iter()
        .flat_map(|(tag, content)| tlv(*tag, content))
        .collect();
    sequence(&[tlv(0x0a, &[code]), octets(uuid), rest])
}

/// A change sequence number begins with its year.
fn with_year(cookie: &[u8], year: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(cookie);
    let place = text.find("csn=").map(|place| place + 4);
    let Some(place) = place else { return cookie.to_vec() };
    format!("{}{year}{}", &text[..place], &text[place + 4..]).into_bytes()
}
