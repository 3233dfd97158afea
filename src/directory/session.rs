//! Sessions of people: opened by a sign-in, looked at with each request, ended by the person, an administrator, time, a new
//! password or a block.
//!
//! A session that has a duty (a password that must be changed, a second factor that must be set up) opens nothing but that
//! duty. Duties are derived with each request, so that a change of the policy counts at once.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use crate::model::clock::Timestamp;
use crate::model::credential::{Credential, Duty};
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, TokenId, UserId};
use crate::model::password_policy::{PasswordPolicy, SessionLimits};
use crate::model::record;
use crate::model::session::Session;
use crate::model::user::User;
use crate::store::{Key, SCAN_ENTRIES_MAX, Scan, Versioned};

use super::credential::earlier;
use super::error::Denial;
use super::keys::credential as keys;
use super::password::impact::needs_second_factor;
use super::settings::OrganisationSettings;
use super::token::hash;
use super::{Directory, DirectoryError, Operation, Permit, Principal, Unit};

/// How a session's token begins.
const PREFIX: &str = "ushs_";

/// Sessions of one person at once; the oldest end for a further one.
const SESSIONS_MAX: usize = 50;

/// A new session with its token, which is shown once and stored nowhere.
#[derive(Debug, Clone)]
pub struct IssuedSession {
    /// What is stored.
    pub session: Session,
    /// What the person's program sends as a bearer token.
    pub text: String,
}

/// A session that is good, with everything that its person may need.
#[derive(Debug, Clone)]
pub struct LiveSession {
    /// The organisation with its settings.
    pub settings: Arc<OrganisationSettings>,
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// What they sign in with.
    pub credential: Credential,
    /// What must happen before it opens anything else.
    pub duties: Vec<Duty>,
}

impl LiveSession {
    /// The right to what is the person's own.
    #[must_use]
    pub fn permit(&self) -> Permit {
        Permit::own_account(self.settings.organisation.id, Some(self.user.id), Some(self.session.id))
    }

    /// Refuses while any duty is open.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`] that names the first.
    pub fn unburdened(&self) -> Result<(), DirectoryError> {
        match self.duties.first() {
            None => Ok(()),
            Some(Duty::ChangePassword) => Err(DirectoryError::Denied(Denial::PasswordMustChange)),
            Some(Duty::SetUpSecondFactor) => Err(DirectoryError::Denied(Denial::SecondFactorMissing)),
        }
    }

    /// Refuses a second factor while the password must be changed: that comes first.
    pub(super) fn may_set_up_factor(&self) -> Result<(), DirectoryError> {
        if self.duties.contains(&Duty::ChangePassword) {
            return Err(DirectoryError::Denied(Denial::PasswordMustChange));
        }
        Ok(())
    }

    fn policy(&self) -> &PasswordPolicy {
        &self.settings.organisation.password_policy
    }

    /// When it ends unless it is used.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.session.ends(&self.policy().session)
    }
}

/// What a person must do before anything else.
#[must_use]
pub fn duties(settings: &OrganisationSettings, user: &User, credential: &Credential, now: Timestamp) -> Vec<Duty> {
    let policy = &settings.organisation.password_policy;
    let must_change = credential.must_change_now(policy, now);
    let must_set_up = needs_second_factor(policy, settings, user) && credential.confirmed_factor().is_none();
    [
        (must_change, Duty::ChangePassword),
        (must_set_up, Duty::SetUpSecondFactor),
    ]
    .into_iter()
    .filter(|(is_due, _)| *is_due)
    .map(|(_, duty)| duty)
    .collect()
}

impl Unit {
    /// Opens a session for a user whose credential is being written in the same unit. Sessions that have ended are forgotten,
    /// and the oldest when there are too many.
    pub(super) async fn open_session(
        &mut self,
        credential: &Credential,
        limits: &SessionLimits,
        second_factor: bool,
    ) -> Result<IssuedSession, DirectoryError> {
        self.forget_ended_sessions(credential, limits).await?;
        let organisation = self.organisation();
        let secret = self.clock().secret();
        let session = Session {
            id: TokenId::new(self.clock().uuid()),
            user: credential.user,
            secret_hash: hash(&secret),
            created: self.now(),
            seen: self.now(),
            expires: self.now() + limits.lifetime(),
            version: credential.version,
            second_factor,
        };
        self.put(keys::session(organisation, session.id), &session);
        self.put_bytes(keys::session_of(organisation, session.user, session.id), "");
        let text = write(organisation, session.id, &secret);
        Ok(IssuedSession { session, text })
    }

    async fn forget_ended_sessions(
        &mut self,
        credential: &Credential,
        limits: &SessionLimits,
    ) -> Result<(), DirectoryError> {
        let listed = self.list_sessions(credential.user).await?;
        let mut living = listed.len();
        // Oldest first: identifiers are in the order of time.
        for (id, session) in listed {
            let has_ended = session.is_none_or(|session| session.has_ended(limits, credential.version, self.now()));
            if has_ended || living >= SESSIONS_MAX {
                self.drop_session(credential.user, id);
                living -= 1;
            }
        }
        Ok(())
    }

    /// The sessions in a person's list. A hint, like every scan: whether one is good is asked when it is shown.
    async fn list_sessions(&mut self, user: UserId) -> Result<Vec<(TokenId, Option<Session>)>, DirectoryError> {
        let organisation = self.organisation();
        let list = Scan::prefix(&keys::sessions_of(organisation, user), SCAN_ENTRIES_MAX);
        let entries = self.scan(list).await?;
        let ids: Vec<TokenId> = listed(&entries).collect();
        self.fetch(
            ids.iter()
                .map(|id| keys::session(organisation, *id))
                .collect::<Vec<_>>(),
        )
        .await?;
        let mut sessions = Vec::with_capacity(ids.len());
        for id in ids {
            let stored = self.glance(&keys::session(organisation, id)).await?;
            sessions.push((id, stored.map(|bytes| record::decode(&bytes)).transpose()?));
        }
        Ok(sessions)
    }

    fn drop_session(&mut self, user: UserId, id: TokenId) {
        let organisation = self.organisation();
        self.delete(keys::session(organisation, id));
        self.delete(keys::session_of(organisation, user, id));
    }

    /// Lets one session live on over a change of the password that it made itself.
    pub(super) async fn keep_session(&mut self, id: TokenId, credential: &Credential) -> Result<(), DirectoryError> {
        let key = keys::session(self.organisation(), id);
        if let Some(session) = self.find::<Session>(&key).await? {
            let version = credential.version;
            self.put(key, &Session { version, ..session });
        }
        Ok(())
    }
}

/// Ends sessions of a user: one, or all of them. Answers how many were ended.
pub struct EndSessions {
    /// Whose.
    pub user: UserId,
    /// Which; all when absent.
    pub only: Option<TokenId>,
}

#[async_trait::async_trait]
impl Operation for EndSessions {
    type Outcome = usize;

    async fn attempt(&self, unit: &mut Unit) -> Result<usize, DirectoryError> {
        let listed = unit.list_sessions(self.user).await?;
        let chosen: Vec<TokenId> = listed
            .into_iter()
            .map(|(id, _)| id)
            .filter(|id| self.only.is_none_or(|only| only == *id))
            .collect();
        if let Some(only) = self.only.filter(|_| chosen.is_empty()) {
            return Err(DirectoryError::not_found("session", only));
        }
        for id in &chosen {
            // Relied on, so that a use at the same moment does not write it again.
            unit.bytes(&keys::session(unit.organisation(), *id)).await?;
            unit.drop_session(self.user, *id);
        }
        if !chosen.is_empty() {
            let data = json!({ "sessions": chosen.len() });
            unit.event(EventKind::SessionEnded, self.user, data);
        }
        Ok(chosen.len())
    }
}

/// Writes down that a session was used.
struct SeeSession(TokenId);

#[async_trait::async_trait]
impl Operation for SeeSession {
    type Outcome = ();

    async fn attempt(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        let key = keys::session(unit.organisation(), self.0);
        if let Some(session) = unit.find::<Session>(&key).await? {
            let seen = unit.now().max(session.seen);
            unit.put(key, &Session { seen, ..session });
        }
        Ok(())
    }
}

impl Directory {
    /// Whether a text is a session's token, good or not.
    #[must_use]
    pub fn is_session(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The session of this token, whatever it must do first.
    ///
    /// # Errors
    /// [`DirectoryError::Unauthenticated`] for one that has ended or never was; as the store's read.
    pub async fn live_session(&self, text: &str) -> Result<LiveSession, DirectoryError> {
        let refused = || DirectoryError::Unauthenticated;
        let (organisation, id, secret) = parse(text).ok_or_else(refused)?;
        let stored = self.store.get(keys::session(organisation, id)).await?;
        let session = stored
            .map(|found| record::decode::<Session>(&found.value))
            .transpose()?;
        // An unknown id costs the same comparison as a known one.
        let expected = session
            .as_ref()
            .map_or_else(|| "0".repeat(64), |session| session.secret_hash.clone());
        let is_same: bool = hash(&secret).as_bytes().ct_eq(expected.as_bytes()).into();
        let mut session = session.filter(|_| is_same).ok_or_else(refused)?;
        let wanted = vec![
            super::keys::user(organisation, session.user),
            keys::credential(organisation, session.user),
        ];
        let mut found = self.store.get_many(wanted).await?.into_iter();
        let user = found.next().flatten().ok_or_else(refused)?;
        let user: User = record::decode(&user.value)?;
        let credential = found.next().flatten();
        let credential = credential.map(|found| record::decode(&found.value)).transpose()?;
        let credential: Credential = credential.unwrap_or_else(|| earlier(&user));
        let settings = self.load_organisation(organisation).await?;
        let (limits, now) = (&settings.organisation.password_policy.session, self.clock.now());
        if !user.is_active() || session.has_ended(limits, credential.version, now) {
            return Err(refused());
        }
        if session.is_stale(limits, now) {
            let permit = Permit::own_account(organisation, Some(user.id), Some(id));
            self.run(&permit, &SeeSession(id)).await?;
            session.seen = now;
        }
        let duties = duties(&settings, &user, &credential, now);
        Ok(LiveSession {
            settings,
            session,
            user,
            credential,
            duties,
        })
    }

    /// Who has this session, for everything but its duties.
    ///
    /// # Errors
    /// As [`Directory::live_session`]; [`DirectoryError::Denied`] while a duty is open.
    pub(super) async fn authenticate_session(&self, text: &str) -> Result<Principal, DirectoryError> {
        let live = self.live_session(text).await?;
        live.unburdened()?;
        Ok(Principal::person(
            live.settings.organisation.id,
            live.user.id,
            Some(live.session.id),
        ))
    }

    /// A user's sessions that are good, oldest first.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_sessions(
        &self,
        organisation: OrganisationId,
        user: &User,
    ) -> Result<Vec<Session>, DirectoryError> {
        let settings = self.load_organisation(organisation).await?;
        let limits = &settings.organisation.password_policy.session;
        let version = self.browse_credential(organisation, user).await?.version;
        let list = Scan::prefix(&keys::sessions_of(organisation, user.id), SCAN_ENTRIES_MAX);
        let entries = self.store.scan(list).await?;
        let wanted = listed(&entries).map(|id| keys::session(organisation, id)).collect();
        let mut sessions = Vec::new();
        for stored in self.store.get_many(wanted).await?.into_iter().flatten() {
            let session: Session = record::decode(&stored.value)?;
            if user.is_active() && !session.has_ended(limits, version, self.clock.now()) {
                sessions.push(session);
            }
        }
        Ok(sessions)
    }
}

fn listed(entries: &[(Key, Versioned)]) -> impl Iterator<Item = TokenId> + '_ {
    entries
        .iter()
        .filter_map(|(key, _)| keys::listed_session(key))
        .map(|(_, id)| id)
}

/// Prefix, organisation and id, secret, checksum: as a lasting token, with the organisation in front.
fn write(organisation: OrganisationId, id: TokenId, secret: &[u8; 32]) -> String {
    let whose = [organisation.uuid().as_bytes().as_slice(), id.uuid().as_bytes(), secret].concat();
    let body = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(whose));
    let checksum = crc32fast::hash(body.as_bytes());
    format!("{body}_{checksum:08x}")
}

fn parse(text: &str) -> Option<(OrganisationId, TokenId, Vec<u8>)> {
    let (body, checksum) = text.rsplit_once('_')?;
    if format!("{:08x}", crc32fast::hash(body.as_bytes())) != checksum {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(body.strip_prefix(PREFIX)?).ok()?;
    let (organisation, rest) = bytes.split_at_checked(16)?;
    let (id, secret) = rest.split_at_checked(16)?;
    let uuid = |bytes| uuid::Uuid::from_slice(bytes).ok();
    Some((
        OrganisationId::new(uuid(organisation)?),
        TokenId::new(uuid(id)?),
        secret.to_vec(),
    ))
}
