//! The answers of [`super::faulty_ldap`] to searches.

use super::ber::{elements, integer, number, octets, sequence, tlv};
use super::faulty_ldap::{After, Fault, result};

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const DONE: u8 = 0x65;
const PEOPLE: &str = "OU=people,DC=fake,DC=test";
const SETTINGS: &str = "CN=NTDS Settings,CN=dc,CN=Sites,DC=fake,DC=test";
/// How many values of `member` come at once, as MaxValRange says.
const VALUES_MAX: u32 = 1500;

/// A cookie that starts so asks for an empty page, whose cookie is the rest.
const EMPTY_PAGE: &str = "empty, then ";

/// The parts of a request that matter here.
#[derive(Debug)]
pub(crate) struct SearchRequest {
    id: u32,
    base: String,
    filter: String,
    attributes: Vec<String>,
    /// Size and cookie of the page asked for. A cookie is the index of the next person.
    page: Option<(u32, String)>,
}

impl SearchRequest {
    pub(crate) fn parse(id: u32, message: &[(u8, &[u8])]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let search = elements(message[1].1);
        let controls = message
            .get(2)
            .map(|(_, controls)| elements(controls))
            .unwrap_or_default();
        let page = controls.iter().find_map(|(_, control)| {
            let control = elements(control);
            if control[0].1 != PAGED_RESULTS.as_bytes() {
                return None;
            }
            let value = elements(elements(control[control.len() - 1].1)[0].1);
            Some((number(value[0].1), text(value[1].1)))
        });
        Self {
            id,
            base: text(search[0].1),
            filter: text(search[6].1),
            attributes: elements(search[7].1).iter().map(|(_, name)| text(name)).collect(),
            page,
        }
    }
}

impl SearchRequest {
    /// Whether it looks for what has a higher number than another.
    pub(crate) fn asks_for_changes(&self) -> bool {
        self.filter.contains("uSNChanged")
    }
}

/// What a domain controller that counts changes says of itself (MS-ADTS section 3.1.1.3.2).
fn of_the_server(request: &SearchRequest) -> Option<Vec<u8>> {
    let attributes = match request.base.as_str() {
        "" => vec![
            attribute("supportedControl", &[PAGED_RESULTS]),
            attribute("supportedCapabilities", &["1.2.840.113556.1.4.800"]),
            attribute("namingContexts", &["DC=fake,DC=test"]),
            attribute("highestCommittedUSN", &["4711"]),
            attribute("dsServiceName", &[SETTINGS]),
        ],
        SETTINGS => vec![attribute("invocationId", &[[0x77_u8; 16]])],
        _ => return None,
    };
    let bytes = entry(request.id, request.base.as_bytes(), &attributes);
    Some([bytes, done(request.id, None)].concat())
}

/// The bytes of the answer and what comes after them.
pub(crate) fn answer(fault: Fault, people: u32, connection: u32, request: &SearchRequest) -> (Vec<u8>, After) {
    let id = request.id;
    let whole = |bytes| (bytes, After::Continue);
    let counts_changes = matches!(
        fault,
        Fault::SearchesSlowlyForChanges | Fault::RefusesToSearchForChanges
    );
    if let Some(bytes) = of_the_server(request).filter(|_| counts_changes) {
        return whole(bytes);
    }
    match fault {
        Fault::RefusesToSearchForChanges if request.asks_for_changes() => {
            whole(result(id, DONE, 11, "too many to look at", &[]))
        }
        Fault::IsUnwillingOnTheFirstConnection if connection == 0 => whole(result(id, DONE, 53, "try again", &[])),
        Fault::NestsDeeply => whole(sequence(&[integer(2, id), tlv(0x64, &nested(200_000))])),
        Fault::AnnouncesAHugeMessage => whole(vec![0x30, 0x84, 0xc0, 0, 0, 0]),
        Fault::NeverEndsAPage | Fault::NeverEndsItsReferences => whole(Vec::new()),
        Fault::SendsAnUnexpectedOperation => whole(result(id, 0x6b, 0, "", &[])),
        Fault::SendsAnEntryWithoutParts => whole(sequence(&[integer(2, id), tlv(0x64, &[])])),
        Fault::SendsAResultWithoutACode => whole(sequence(&[integer(2, id), tlv(DONE, &[])])),
        Fault::GivesNoticeOfDisconnection => {
            let name = tlv(0x8a, b"1.3.6.1.4.1.1466.20036");
            let notice = [integer(0x0a, 52), octets(""), octets("shutting down"), name].concat();
            (sequence(&[integer(2, 0), tlv(0x78, &notice)]), After::Close)
        }
        Fault::RefersElsewhere => {
            let urls = tlv(0xa3, &octets("ldap://other.fake.test/DC=fake,DC=test"));
            let referral = [integer(0x0a, 10), octets(""), octets(""), urls].concat();
            whole(sequence(&[integer(2, id), tlv(DONE, &referral)]))
        }
        Fault::FindsNothing => whole(done(id, Some(String::new()))),
        _ if request.filter.contains("group") || request.base.starts_with("CN=big") => {
            whole(group(fault, people, request))
        }
        _ if request
            .page
            .as_ref()
            .is_some_and(|(_, cookie)| cookie.starts_with(EMPTY_PAGE)) =>
        {
            let next = request
                .page
                .as_ref()
                .map(|(_, cookie)| cookie[EMPTY_PAGE.len()..].to_owned());
            whole(done(id, next))
        }
        _ => Page::of(fault, people, connection, request).answer(),
    }
}

/// One page of people.
struct Page<'a> {
    fault: Fault,
    people: u32,
    connection: u32,
    request: &'a SearchRequest,
    start: u32,
    size: u32,
}

impl<'a> Page<'a> {
    fn of(fault: Fault, people: u32, connection: u32, request: &'a SearchRequest) -> Self {
        let (size, cookie) = request.page.clone().unwrap_or((1000, String::new()));
        let start = cookie.parse().unwrap_or(0);
        Self {
            fault,
            people,
            connection,
            request,
            start,
            size,
        }
    }

    fn answer(&self) -> (Vec<u8>, After) {
        let id = self.request.id;
        let size = if self.fault == Fault::IgnoresThePageSize {
            self.people
        } else {
            self.size
        };
        let repeats = self.fault == Fault::RepeatsTheLastEntryOfAPage && self.start > 0;
        let end = self.people.min(self.start + size - u32::from(repeats));
        let is_page_2 = self.start == self.size;
        let mut bytes = Vec::new();
        if repeats {
            bytes.extend(self.person(self.start - 1));
        }
        for index in self.start..end {
            if is_page_2 && index == self.start + self.size / 2 {
                match self.fault {
                    Fault::ClosesInPage2 => return (bytes, After::Close),
                    Fault::ResetsInPage2 => return (bytes, After::Reset),
                    Fault::HangsInPage2 => return (bytes, After::Hang),
                    Fault::EndsPage2Busy => {
                        bytes.extend(result(id, DONE, 51, "busy", &[]));
                        return (bytes, After::Continue);
                    }
                    _ => {}
                }
            }
            bytes.extend(self.person(index));
            if self.fault == Fault::SendsReferences && index % 100 == 0 {
                let reference = tlv(0x73, &octets(format!("ldap://x{index}.fake.test/DC=fake,DC=test")));
                bytes.extend(sequence(&[integer(2, id), reference]));
            }
        }
        let next = if end < self.people {
            end.to_string()
        } else {
            String::new()
        };
        bytes.extend(match self.fault {
            Fault::EndsPage1WithoutAControl => done(id, None),
            Fault::LosesTheCookieInPage2 if is_page_2 => done(id, None),
            Fault::SendsAMalformedControl => result(id, DONE, 0, "", &control(&[0x30, 9, 2, 1])),
            Fault::GoesInCircles => done(id, Some("0".to_owned())),
            Fault::SendsAnEmptyPageInBetween if self.start == 0 => done(id, Some(format!("{EMPTY_PAGE}{next}"))),
            _ => done(id, Some(next)),
        });
        (bytes, After::Continue)
    }

    fn person(&self, index: u32) -> Vec<u8> {
        let name = format!("u{index:05}");
        let mut dn = format!("CN={name},{PEOPLE}").into_bytes();
        if self.fault == Fault::SendsADnThatIsNotUtf8 && index == 5 {
            dn[3] = 0xff;
        }
        let salt = if self.fault == Fault::ChangesItsGuids {
            self.connection
        } else {
            0
        };
        let mut guid = [0xa5_u8; 16];
        guid[..4].copy_from_slice(&index.to_le_bytes());
        guid[4..8].copy_from_slice(&salt.to_le_bytes());
        let control = if index % 20 == 3 { "514" } else { "512" };
        let mut attributes = vec![attribute("cn", &[&name]), attribute("userAccountControl", &[control])];
        let has_guid = match self.fault {
            Fault::HasNoStableIds => false,
            Fault::HidesOneStableId => index != 7,
            _ => true,
        };
        if has_guid {
            attributes.push(attribute("objectGUID", &[guid]));
        }
        entry(self.request.id, &dn, &attributes)
    }
}

/// Some entries of 64 KiB, to be sent again and again.
pub(crate) fn endless_entries(id: u32) -> Vec<u8> {
    let photo = [
        attribute("objectGUID", &[[7; 16]]),
        attribute("jpegPhoto", &[vec![0xff; 65536]]),
    ];
    entry(id, b"CN=endless,DC=fake,DC=test", &photo).repeat(4)
}

/// Some references of 1 KiB, to be sent again and again.
pub(crate) fn endless_references(id: u32) -> Vec<u8> {
    let reference = tlv(0x73, &octets(format!("ldap://{}.fake.test/", "x".repeat(1024))));
    sequence(&[integer(2, id), reference]).repeat(64)
}

/// The group, with `member` in ranges as Active Directory sends it.
fn group(fault: Fault, people: u32, request: &SearchRequest) -> Vec<u8> {
    let wanted = request
        .attributes
        .iter()
        .find_map(|name| name.to_lowercase().strip_prefix("member;range=").map(str::to_owned));
    let mut first = wanted
        .as_deref()
        .and_then(|range| range.split('-').next()?.parse().ok())
        .unwrap_or(0);
    let mut last = people.min(first + VALUES_MAX);
    match fault {
        Fault::SkipsValuesInARange if first > 0 => first += 1,
        Fault::RepeatsARangeForEver if first > 0 => (first, last) = (0, VALUES_MAX),
        Fault::EndsARangeInTheMiddle if first > 0 => last = first,
        _ => {}
    }
    let is_last = last >= people;
    let end = if is_last {
        "*".to_owned()
    } else {
        (last.max(first + 1) - 1).to_string()
    };
    let members: Vec<String> = (first..last).map(|index| format!("CN=u{index:05},{PEOPLE}")).collect();
    let mut attributes = vec![attribute("cn", &["big"]), attribute("objectGUID", &[[0x5a; 16]])];
    if wanted.is_none() {
        attributes.push(attribute::<&str>("member", &[]));
    }
    attributes.push(attribute(&format!("member;range={first}-{end}"), &members));
    let mut bytes = entry(request.id, b"CN=big,OU=groups,DC=fake,DC=test", &attributes);
    bytes.extend(done(request.id, request.page.as_ref().map(|_| String::new())));
    bytes
}

fn attribute<V: AsRef<[u8]>>(name: &str, values: &[V]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(octets).collect();
    sequence(&[octets(name), tlv(0x31, &values)])
}

fn entry(id: u32, dn: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    let content = [octets(dn), sequence(attributes)].concat();
    sequence(&[integer(2, id), tlv(0x64, &content)])
}

/// SearchResultDone with success, and the paging control where there is a cookie.
fn done(id: u32, cookie: Option<String>) -> Vec<u8> {
    let controls = cookie.map(|cookie| control(&sequence(&[integer(2, 0), octets(cookie)])));
    result(id, DONE, 0, "", &controls.unwrap_or_default())
}

fn control(value: &[u8]) -> Vec<u8> {
    tlv(0xa0, &sequence(&[octets(PAGED_RESULTS), octets(value)]))
}

/// So many sequences in one another.
fn nested(levels: usize) -> Vec<u8> {
    let mut headers = Vec::with_capacity(levels);
    let mut length = 0_u32;
    for _ in 0..levels {
        let header = [vec![0x30, 0x84], length.to_be_bytes().to_vec()].concat();
        length += 6;
        headers.push(header);
    }
    headers.reverse();
    headers.concat()
}
