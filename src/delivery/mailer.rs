//! The mailer: sends what the outbox holds, and ends invitations whose time has come.
//!
//! One mailer works at a time, whatever the number of nodes: it holds a lease of the gateway and renews it, and every word on
//! what became of a mail relies on the lease. A mailer that was asleep for too long may send a second copy, never overrule
//! the one that took over. It is woken by commits of its own process, and looks every few seconds for those of other nodes.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use lettre::message::Mailbox;
use metrics::counter;
use parking_lot::Mutex;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::letter;
use super::transport::{CONNECTIONS, Refused, Transport};
use crate::directory::invitation::ExpireInvitation;
use crate::directory::outbox::{DiscardMail, Due, MailFailed, MailPostponed, MailSent, Use};
use crate::directory::{Directory, DirectoryError, Operation, Permit, Principal, Unit, keys};
use crate::model::id::{MailId, OrganisationId};
use crate::model::mail::template::render;
use crate::model::mail::{LINK, MailState, PATH, QueuedMail, RetryPolicy};
use crate::provision::lease::Claim;

/// What is taken from the outbox at once.
const ROUND: usize = 64;
/// The longest sleep: how late a mail of another node may be.
const IDLE: Duration = Duration::from_secs(5);
/// The shortest sleep after a round that could not do what it should.
const BREATH: Duration = Duration::from_millis(500);
/// How long a mail to a suspended person rests.
const REST_MINUTES: i64 = 15;
/// How long what is being sent may take when the gateway stops.
const GRACE: Duration = Duration::from_secs(10);

/// What the mailer needs to know.
#[derive(Debug, Clone)]
pub struct MailerSettings {
    /// The address under which people reach the gateway: the start of every link.
    pub public_url: String,
    /// The sender.
    pub from: Mailbox,
    /// How long and how often a mail is tried.
    pub retry: RetryPolicy,
}

/// Sends mail.
pub struct Mailer {
    directory: Directory,
    transport: Transport,
    settings: MailerSettings,
    claim: Claim,
    /// What was sent and could not be marked: it is marked, not sent again.
    sent: Mutex<HashSet<MailId>>,
}

/// A word on a mail that relies on the lease.
struct Held<'a, O>(&'a Claim, O);

#[async_trait::async_trait]
impl<O: Operation> Operation for Held<'_, O> {
    type Outcome = O::Outcome;

    async fn attempt(&self, unit: &mut Unit) -> Result<O::Outcome, DirectoryError> {
        self.0.relied_on(unit).await?;
        self.1.attempt(unit).await
    }
}

impl Mailer {
    /// A mailer over this directory.
    #[must_use]
    pub fn new(directory: Directory, transport: Transport, settings: MailerSettings) -> Self {
        Self {
            directory,
            transport,
            settings,
            claim: Claim::of_gateway("mail", Uuid::new_v4()),
            sent: Mutex::default(),
        }
    }

    /// Works until `shutdown` is ready; what is being sent then is given a few seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        if let Transport::Folder(folder) = &self.transport {
            info!(
                folder = %folder.display(),
                "mails are written to files: set mail.host in the configuration to send them"
            );
        }
        let mailer = Arc::new(self);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                () = mailer.await_turn() => {}
            }
            let permit = gateway();
            let Ok(permit) = permit else { return };
            let keeping = mailer.claim.keep(&mailer.directory, &permit);
            let is_over = mailer.work(shutdown.as_mut()).await;
            drop(keeping);
            if let Err(error) = mailer.claim.release(&mailer.directory, &permit).await {
                debug!(%error, "the mailer's lease could not be given back; it ends by itself");
            }
            if is_over {
                return;
            }
        }
    }

    /// Waits until no other mailer works.
    async fn await_turn(&self) {
        loop {
            match gateway() {
                Ok(permit) => match self.claim.acquire(&self.directory, &permit).await {
                    Ok(Ok(())) => return,
                    Ok(Err(lease)) => debug!(until = %lease.expires, "another mailer works"),
                    Err(error) => warn!(%error, "the mailer's lease cannot be read; trying again"),
                },
                Err(error) => warn!(%error, "the mailer may not work"),
            }
            tokio::time::sleep(IDLE).await;
        }
    }

    /// Rounds until the lease is lost (false) or the gateway stops (true).
    async fn work(&self, mut shutdown: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
        while !self.claim.is_lost() {
            let mut round = std::pin::pin!(self.round());
            let pause = tokio::select! {
                pause = &mut round => pause,
                () = &mut shutdown => {
                    if tokio::time::timeout(GRACE, round).await.is_err() {
                        warn!("a mail was being sent when the gateway stopped: it may be sent a second time");
                    }
                    return true;
                }
            };
            tokio::select! {
                () = &mut shutdown => return true,
                () = self.directory.mail_rings() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        false
    }

    /// Does what is due, and answers how long there is nothing more to do.
    async fn round(&self) -> Duration {
        match self.do_due().await {
            Ok(pause) => pause,
            Err(error) => {
                warn!(%error, "the outbox cannot be worked on; trying again");
                IDLE
            }
        }
    }

    async fn do_due(&self) -> Result<Duration, DirectoryError> {
        let now_ms = u64::try_from(self.directory.clock().now().timestamp_millis()).unwrap_or_default();
        let mails = self.directory.next_mails(ROUND).await?;
        let ends = self.directory.next_ends(ROUND).await?;
        let due = mails.iter().copied().filter(|mail| mail.due_ms <= now_ms);
        let done: Vec<Result<(), DirectoryError>> = futures_util::stream::iter(due)
            .map(|mail| self.deliver(mail))
            .buffer_unordered(CONNECTIONS as usize)
            .collect()
            .await;
        for (_, organisation, invitation) in ends.iter().filter(|(end_ms, ..)| *end_ms <= now_ms) {
            let expire = Held(&self.claim, ExpireInvitation(*invitation));
            self.directory.run(&permit(*organisation)?, &expire).await?;
        }
        let has_done = !done.is_empty() || ends.first().is_some_and(|(end_ms, ..)| *end_ms <= now_ms);
        for outcome in done {
            outcome?;
        }
        if has_done {
            // There may be more; and what could not be taken away must not make this turn fast.
            return Ok(BREATH.min(IDLE));
        }
        let next = mails.first().map(|mail| mail.due_ms).into_iter();
        let next = next.chain(ends.first().map(|(end_ms, ..)| *end_ms)).min();
        let wait = next.map_or(IDLE, |next| Duration::from_millis(next.saturating_sub(now_ms)));
        Ok(wait.clamp(Duration::from_millis(10), IDLE))
    }

    async fn deliver(&self, due: Due) -> Result<(), DirectoryError> {
        let permit = permit(due.organisation)?;
        if !self.sent.lock().contains(&due.id) {
            let Some(mail) = self.directory.queued_mail(due.organisation, due.id).await? else {
                return Ok(());
            };
            match self.directory.mail_use(due.organisation, &mail).await? {
                Use::Now => {}
                Use::Never => {
                    return self.tell(&permit, DiscardMail(mail.id)).await.map(drop);
                }
                Use::Later => {
                    let rest = MailPostponed {
                        id: mail.id,
                        pause: TimeDelta::minutes(REST_MINUTES),
                    };
                    return self.tell(&permit, rest).await;
                }
            }
            if let Err(refused) = self.send(due.organisation, &mail).await? {
                return self.failed(&permit, &mail, refused).await;
            }
            self.sent.lock().insert(due.id);
        }
        if !self.tell(&permit, MailSent(due.id)).await? {
            // Withdrawn while it was sent, with the person perhaps: nothing of it may stay.
            self.transport.take_back(due.id).await;
        }
        self.sent.lock().remove(&due.id);
        Ok(())
    }

    async fn tell<O: Operation>(&self, permit: &Permit, word: O) -> Result<O::Outcome, DirectoryError> {
        self.directory.run(permit, &Held(&self.claim, word)).await
    }

    async fn failed(&self, permit: &Permit, mail: &QueuedMail, refused: Refused) -> Result<(), DirectoryError> {
        let failed = MailFailed {
            id: mail.id,
            reason: refused.reason,
            is_final: refused.is_final,
            policy: self.settings.retry,
        };
        let (template, attempts) = (mail.message.template.as_str(), mail.attempts + 1);
        if self.tell(permit, failed).await? == Some(MailState::Dead) {
            counter!("usher_mail_total", "outcome" => "dead").increment(1);
            warn!(mail.id = %mail.id, template, attempts, code = refused.code, "the mail is given up: see usher mail list");
        } else {
            counter!("usher_mail_total", "outcome" => "failed").increment(1);
            info!(mail.id = %mail.id, template, attempts, code = refused.code, "the mail was not taken; it is tried again");
        }
        Ok(())
    }

    /// Fills the mail in and hands it over.
    async fn send(
        &self,
        organisation: OrganisationId,
        mail: &QueuedMail,
    ) -> Result<Result<(), Refused>, DirectoryError> {
        let message = &mail.message;
        let language = self.directory.reader_language(organisation, mail).await?;
        let wording = self
            .directory
            .wording(organisation, message.template, language.as_deref())
            .await?;
        let mut values = message.variables.clone();
        if let Some(path) = values.remove(PATH) {
            values.insert(LINK.to_owned(), format!("{}{path}", self.settings.public_url));
        }
        let unusable = |reason: String, is_final| Refused {
            reason,
            code: None,
            is_final,
        };
        let rendered = match render(&wording, &values) {
            Ok(rendered) => rendered,
            // The wording can be put right, and the mail goes then.
            Err(error) => return Ok(Err(unusable(format!("the template: {error}"), false))),
        };
        let letter = letter::write(mail.id, &self.settings.from, &message.to, rendered, mail.created);
        let letter = match letter {
            Ok(letter) => letter,
            Err(error) => return Ok(Err(unusable(error.to_string(), true))),
        };
        let template = message.template.as_str();
        Ok(match self.transport.hand_over(mail.id, mail.people(), letter).await {
            Ok(file) => {
                counter!("usher_mail_total", "outcome" => "sent").increment(1);
                match file {
                    Some(file) => {
                        info!(mail.id = %mail.id, template, file = %file.display(), "the mail is in a file");
                    }
                    None => info!(mail.id = %mail.id, template, "the mail server took the mail"),
                }
                Ok(())
            }
            Err(refused) => Err(refused),
        })
    }
}

fn gateway() -> Result<Permit, DirectoryError> {
    Principal::system().administer_gateway(keys::GATEWAY)
}

fn permit(organisation: OrganisationId) -> Result<Permit, DirectoryError> {
    Principal::system().administer(organisation)
}
