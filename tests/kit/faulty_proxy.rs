//! A proxy before a real LDAP server that reads along and goes wrong in one chosen way, at will and at the same message
//! every time. Without a fault it passes everything on.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::ber::{elements, header, integer, number, octets, sequence, tlv};
use super::faulty_ldap::{After, result};
use super::faulty_message::{
    PAGED_RESULTS, find, holds, of_another_base, other_id, paging_without_more, referral, replaced, uuid_of,
};
use super::faulty_sync;

const ENTRY: u8 = 0x64;
const REFERENCE: u8 = 0x73;
const DONE: u8 = 0x65;
const BIND_RESPONSE: u8 = 0x61;
const SYNC_REQUEST: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.1";
const SYNC_STATE: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.2";
const SYNC_INFO: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.4";

/// How late each message is when entries drip.
pub(crate) const DRIP: Duration = Duration::from_millis(100);

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What goes wrong in a search of people, where no other is named. Every name completes "the proxy ...".
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ProxyFault { $($(#[$doc])* $name),+ }

        impl ProxyFault {
            /// Every one there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

faults! {
    AnnouncesAHugeMessage,
    AnswersAnotherRequest,
    AnswersTheBindWithGarbage,
    /// The server says of three people who are there that they are deleted.
    CallsPeopleGone,
    /// Every person has another id than before.
    ChangesTheIds,
    ClosesInTheGroups,
    ClosesInTheMiddle,
    /// Every entry comes a little late.
    Drips,
    DropsEveryControl,
    EndsInTheMiddleBusy,
    EndsTheGroupsBusy,
    EndsTwice,
    FindsNothing,
    /// `e-syncRefreshRequired`.
    ForgetsTheCookie,
    GivesACookieOfLongAgo,
    GivesACookieOfTheFuture,
    GivesAGarbageCookie,
    GivesAnEmptyCookie,
    GivesAnUnknownState,
    GivesNoCookie,
    GivesNoticeOfDisconnection,
    GivesShortIds,
    /// What changed is named by ids of nobody.
    GivesWrongIds,
    /// The connection breaks in the groups, and no other comes about.
    GoesAwayInTheGroups,
    HangsInTheMiddle,
    IsSlow,
    IsUnwillingAtFirst,
    /// Delete phase for present phase, or the other way round.
    LiesAboutThePhase,
    /// It accepts the connection and never says a word.
    NeverAnswers,
    NestsDeeply,
    RefersElsewhere,
    RefusesTheCookie,
    RefusesThePassword,
    RepeatsAnEntry,
    ResetsInTheMiddle,
    SendsADnThatIsNotUtf8,
    SendsAnEntryWithoutParts,
    SendsAnUnexpectedOperation,
    SendsAResultBeforeTheEntries,
    SendsAResultWithoutACode,
    SendsEntriesOfAnotherBase,
    SendsGarbage,
    SendsGarbageAboutTheSynchronisation,
    SendsReferences,
    SpellsThePagingControlWrongly,
    SpellsTheSyncStateWrongly,
    TellsEverythingTwice,
}

/// A listening proxy, gone when dropped.
#[derive(Debug)]
pub(crate) struct FaultyProxy {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    hits: Arc<AtomicU32>,
    known: Known,
    accepting: JoinHandle<()>,
}

/// The stable ids of people who passed by.
type Known = Arc<Mutex<BTreeSet<[u8; 16]>>>;

#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    fault: Option<ProxyFault>,
    /// The entry of people, counted over a connection from 1, at which "the middle" is.
    middle: u32,
    connections: u32,
    is_gone: bool,
}

impl FaultyProxy {
    /// Listens on any free port and passes every connection on to `target`.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (plan, hits) = (Arc::new(Mutex::new(Plan::default())), Arc::new(AtomicU32::new(0)));
        let known = Known::default();
        let shared = (Arc::clone(&plan), Arc::clone(&hits), Arc::clone(&known));
        let accepting = tokio::spawn(accept(listener, target, shared));
        Self {
            address,
            plan,
            hits,
            known,
            accepting,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many people passed by.
    pub(crate) fn people(&self) -> usize {
        self.known.lock().len()
    }

    /// Goes wrong from now on, on new connections; `middle` is the entry where "the middle" is.
    pub(crate) fn fail(&self, fault: ProxyFault, middle: u32) {
        self.hits.store(0, Ordering::Relaxed);
        *self.plan.lock() = Plan {
            fault: Some(fault),
            middle,
            ..Plan::default()
        };
    }

    /// Passes everything on again.
    pub(crate) fn heal(&self) {
        *self.plan.lock() = Plan::default();
    }

    /// How often the fault came about.
    pub(crate) fn hits(&self) -> u32 {
        self.hits.load(Ordering::Relaxed)
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, shared: (Arc<Mutex<Plan>>, Arc<AtomicU32>, Known)) {
    let (plan, hits, known) = shared;
    while let Ok((client, _)) = listener.accept().await {
        let now = {
            let mut plan = plan.lock();
            plan.connections += 1;
            *plan
        };
        if now.is_gone {
            reset(&client);
            continue;
        }
        let Ok(server) = TcpStream::connect(target).await else {
            return;
        };
        let searches = Arc::new(Mutex::new(HashMap::new()));
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let session = Session {
            plan: now,
            shared: Arc::clone(&plan),
            searches: Arc::clone(&searches),
            hits: Arc::clone(&hits),
            known: Arc::clone(&known),
            people: 0,
            swallowed: HashSet::new(),
        };
        tokio::spawn(requests(from_client, to_server, searches));
        tokio::spawn(session.answers(from_server, to_client));
    }
}

fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// What a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Search {
    place: Place,
    is_sync: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    People,
    Groups,
    Elsewhere,
}

/// Passes requests on and notes what each search looks for.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, searches: Arc<Mutex<HashMap<u32, Search>>>) {
    let mut buffer = Vec::new();
    while let Some(message) = receive(&mut from, &mut buffer).await {
        let (_, envelope) = elements(&message)[0];
        let parts = elements(envelope);
        if parts[1].0 == 0x63 {
            let base = String::from_utf8_lossy(elements(parts[1].1)[0].1).into_owned();
            let place = match () {
                () if base.contains("ou=people") => Place::People,
                () if base.contains("ou=groups") => Place::Groups,
                () => Place::Elsewhere,
            };
            let is_sync = holds(&message, SYNC_REQUEST);
            searches.lock().insert(number(parts[0].1), Search { place, is_sync });
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn receive(from: &mut OwnedReadHalf, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some((start, length)) = header(buffer)
            && buffer.len() >= start + length
        {
            let rest = buffer.split_off(start + length);
            return Some(std::mem::replace(buffer, rest));
        }
        match from.read_buf(buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
}

/// One connection's answers.
struct Session {
    plan: Plan,
    shared: Arc<Mutex<Plan>>,
    searches: Arc<Mutex<HashMap<u32, Search>>>,
    hits: Arc<AtomicU32>,
    known: Known,
    /// Entries of people so far.
    people: u32,
    /// Requests that were answered in the server's stead.
    swallowed: HashSet<u32>,
}

impl Session {
    async fn answers(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = Vec::new();
        while let Some(message) = receive(&mut from, &mut buffer).await {
            let (bytes, after) = self.change(&message);
            let delay = match self.plan.fault {
                Some(ProxyFault::IsSlow) => Duration::from_millis(2),
                Some(ProxyFault::Drips) => DRIP,
                _ => Duration::ZERO,
            };
            tokio::time::sleep(delay).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            match after {
                After::Continue => {}
                After::Close => return,
                After::Reset => return reset(to.as_ref()),
                After::Hang => std::future::pending().await,
            }
        }
    }

    /// What is sent in place of a message.
    fn change(&mut self, message: &[u8]) -> (Vec<u8>, After) {
        let as_it_is = (message.to_vec(), After::Continue);
        let Some(fault) = self.plan.fault else {
            self.known.lock().extend(uuid_of(message));
            return as_it_is;
        };
        let (_, envelope) = elements(message)[0];
        let parts = elements(envelope);
        let (id, tag) = (number(parts[0].1), parts[1].0);
        if self.swallowed.contains(&id) {
            return (Vec::new(), After::Continue);
        }
        if tag == BIND_RESPONSE {
            return self.change_bind(fault, id).unwrap_or(as_it_is);
        }
        let search = self.searches.lock().get(&id).copied();
        let Some(search) = search else { return as_it_is };
        if search.place == Place::People && tag == ENTRY {
            self.people += 1;
        }
        let moment = Moment { id, tag, search };
        let changed = match search.place {
            _ if fault == ProxyFault::IsUnwillingAtFirst => self.unwilling(moment),
            Place::People => self.change_people(fault, moment, message),
            Place::Groups => self.change_groups(fault, moment),
            Place::Elsewhere => None,
        };
        changed.map_or(as_it_is, |(bytes, after)| {
            self.hits.fetch_add(1, Ordering::Relaxed);
            (bytes, after)
        })
    }

    fn change_bind(&self, fault: ProxyFault, id: u32) -> Option<(Vec<u8>, After)> {
        let bytes = match fault {
            ProxyFault::RefusesThePassword => result(id, BIND_RESPONSE, 49, "", &[]),
            ProxyFault::NeverAnswers => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Some((Vec::new(), After::Hang));
            }
            ProxyFault::AnswersTheBindWithGarbage => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            _ => return None,
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some((bytes, After::Continue))
    }

    fn unwilling(&mut self, moment: Moment) -> Option<(Vec<u8>, After)> {
        (self.plan.connections == 1).then(|| self.end(moment.id, result(moment.id, DONE, 53, "try again", &[])))
    }

    /// Answers in the server's stead.
    fn end(&mut self, id: u32, bytes: Vec<u8>) -> (Vec<u8>, After) {
        self.swallowed.insert(id);
        (bytes, After::Continue)
    }

    fn change_groups(&mut self, fault: ProxyFault, moment: Moment) -> Option<(Vec<u8>, After)> {
        let nothing = Vec::new();
        match fault {
            ProxyFault::ClosesInTheGroups => Some((nothing, After::Close)),
            ProxyFault::EndsTheGroupsBusy => Some(self.end(moment.id, result(moment.id, DONE, 51, "busy", &[]))),
            ProxyFault::GoesAwayInTheGroups => {
                self.shared.lock().is_gone = true;
                Some((nothing, After::Reset))
            }
            _ => None,
        }
    }

    fn change_people(&mut self, fault: ProxyFault, moment: Moment, message: &[u8]) -> Option<(Vec<u8>, After)> {
        let Moment { id, tag, search } = moment;
        let is_middle = tag == ENTRY && self.people == self.plan.middle;
        let before = |bytes: Vec<u8>| Some(([bytes, message.to_vec()].concat(), After::Continue));
        let instead = |bytes: Vec<u8>| Some((bytes, After::Continue));
        if search.is_sync {
            let people: Vec<_> = self.known.lock().iter().take(3).copied().collect();
            if let Some(bytes) = faulty_sync::changed(fault, id, tag, message, &people) {
                return match faulty_sync::ends(fault) {
                    true => Some(self.end(id, bytes)),
                    false => instead(bytes),
                };
            }
        }
        match fault {
            ProxyFault::FindsNothing => {
                let controls = paging_without_more();
                Some(self.end(id, result(id, DONE, 0, "", &controls)))
            }
            ProxyFault::RefersElsewhere => Some(self.end(id, referral(id))),
            ProxyFault::SendsAResultWithoutACode => Some(self.end(id, sequence(&[integer(2, id), tlv(DONE, &[])]))),
            ProxyFault::SendsAResultBeforeTheEntries if self.people == 1 && tag == ENTRY => {
                before(result(id, DONE, 0, "", &paging_without_more()))
            }
            ProxyFault::DropsEveryControl if tag == DONE => instead(result(id, DONE, 0, "", &[])),
            ProxyFault::SpellsThePagingControlWrongly if tag == DONE && holds(message, PAGED_RESULTS) => {
                instead(replaced(message, PAGED_RESULTS))
            }
            ProxyFault::SpellsTheSyncStateWrongly if holds(message, SYNC_STATE) => {
                instead(replaced(message, SYNC_STATE))
            }
            ProxyFault::SendsGarbageAboutTheSynchronisation if search.is_sync => {
                let info = [tlv(0x80, SYNC_INFO), tlv(0x81, &[0xa1, 0x20, 0x04])].concat();
                before(sequence(&[integer(2, id), tlv(0x79, &info)]))
            }
            ProxyFault::ChangesTheIds if tag == ENTRY => other_id(message).and_then(instead),
            ProxyFault::SendsReferences if is_middle => {
                let reference = tlv(REFERENCE, &octets("ldap://elsewhere.example.com/ou=people"));
                before(sequence(&[integer(2, id), reference]))
            }
            ProxyFault::SendsEntriesOfAnotherBase if tag == ENTRY && !search.is_sync => {
                of_another_base(message).and_then(instead)
            }
            ProxyFault::EndsTwice if tag == DONE => instead(message.repeat(2)),
            ProxyFault::IsSlow | ProxyFault::Drips if tag == ENTRY => instead(message.to_vec()),
            _ if is_middle => self.change_middle(fault, id, message),
            _ => None,
        }
    }

    fn change_middle(&mut self, fault: ProxyFault, id: u32, message: &[u8]) -> Option<(Vec<u8>, After)> {
        let nothing = Vec::new();
        Some(match fault {
            ProxyFault::ClosesInTheMiddle => (nothing, After::Close),
            ProxyFault::ResetsInTheMiddle => (nothing, After::Reset),
            ProxyFault::HangsInTheMiddle => (nothing, After::Hang),
            ProxyFault::EndsInTheMiddleBusy => self.end(id, result(id, DONE, 51, "busy", &[])),
            ProxyFault::RepeatsAnEntry => ([message, message].concat(), After::Continue),
            ProxyFault::NestsDeeply => {
                let deep = (0..2_000).fold(nothing, |inner, _| tlv(0x30, &inner));
                (sequence(&[integer(2, id), tlv(ENTRY, &deep)]), After::Continue)
            }
            ProxyFault::AnnouncesAHugeMessage => (vec![0x30, 0x84, 0xc0, 0, 0, 0], After::Hang),
            ProxyFault::SendsGarbage => (vec![0x30, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff], After::Continue),
            ProxyFault::SendsADnThatIsNotUtf8 => {
                let mut message = message.to_vec();
                let place = find(&message, b"uid=").expect("a name");
                message[place] = 0xff;
                (message, After::Continue)
            }
            ProxyFault::SendsAnEntryWithoutParts => (sequence(&[integer(2, id), tlv(ENTRY, &[])]), After::Continue),
            ProxyFault::SendsAnUnexpectedOperation => (result(id, 0x6b, 0, "", &[]), After::Continue),
            ProxyFault::AnswersAnotherRequest => {
                let (_, envelope) = elements(message)[0];
                let rest = elements(envelope);
                let rest: Vec<u8> = rest[1..].iter().flat_map(|(tag, content)| tlv(*tag, content)).collect();
                (sequence(&[integer(2, id + 1_000), rest]), After::Continue)
            }
            ProxyFault::GivesNoticeOfDisconnection => {
                let name = tlv(0x8a, b"1.3.6.1.4.1.1466.20036");
                let notice = [integer(0x0a, 52), octets(""), octets("shutting down"), name].concat();
                (sequence(&[integer(2, 0), tlv(0x78, &notice)]), After::Close)
            }
            _ => return None,
        })
    }
}

/// A message on its way to the client.
#[derive(Clone, Copy)]
struct Moment {
    id: u32,
    tag: u8,
    search: Search,
}
