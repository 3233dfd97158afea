//! What must be unique in the organisation and several entries of one reading ask for: the first in the order of application gets it.
//!
//! The plan says so, because application carries out many steps at once: of two who ask at once either might come first, and a dry run
//! would not say what the run does. User names as they are written are told apart before (`people.rs`); here are the same telephone
//! number written in two ways, values of the organisation's own unique attributes, and addresses by which people are matched. What
//! somebody else holds who is not in the plan is found when a step is carried out, or played through.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::directory::custom_attribute::{Holder, entries};
use crate::directory::keys::{self, Index, Unique, fold};
use crate::model::connection::MatchBy;
use crate::model::custom_attribute::{Bearer, IndexKind, extension_of};
use crate::model::login::dialled;
use crate::model::user::User;
use crate::provision::failure::FailureReason;
use crate::store::Key;

use super::Planner;
use super::preview::{nobody, preview};

/// Something unique that a person comes to have.
pub(super) struct Wish {
    digest: u128,
    attribute: Cow<'static, str>,
    /// Whether the person cannot be written when somebody else has it. An address is of no matter to those who are known.
    is_needed: bool,
}

/// What earlier steps have taken: 16 bytes of a hash, and which entry's step it was.
#[derive(Default)]
pub(super) struct Taken(HashMap<u128, u32>);

impl Taken {
    /// Refuses what somebody else asked for before.
    pub(super) fn check(&self, planner: &Planner<'_>, wishes: &[Wish]) -> Result<(), FailureReason> {
        let mut needed = wishes.iter().filter(|wish| wish.is_needed);
        let clash = needed.find_map(|wish| Some((wish, *self.0.get(&wish.digest)?)));
        match clash {
            None => Ok(()),
            Some((wish, by)) => Err(FailureReason::Duplicate {
                attribute: wish.attribute.to_string(),
                with: planner.snapshot.people()[by as usize].external_id.to_string(),
            }),
        }
    }

    /// Notes what an entry's step takes.
    pub(super) fn note(&mut self, wishes: Vec<Wish>, index: u32) {
        self.0.extend(wishes.into_iter().map(|wish| (wish.digest, index)));
    }
}

impl Planner<'_> {
    /// What a new user would come to have.
    pub(super) fn wishes_of_new(&self, index: u32) -> Vec<Wish> {
        let entry = &self.snapshot.people()[index as usize];
        if !self.matches_by_email() && !self.has_unique_attributes() {
            return self.number(&entry.user_name).into_iter().collect();
        }
        let before = nobody(self.now);
        let after = preview(self.context, &before, &self.snapshot.person(entry));
        self.wishes(&before, &after, true)
    }

    /// What a user has after a step and had not before it.
    pub(super) fn wishes(&self, before: &User, after: &User, is_new: bool) -> Vec<Wish> {
        let mut wishes = Vec::new();
        if before.user_name != after.user_name {
            let old = self.number(&before.user_name).map(|wish| wish.digest);
            let new = self.number(&after.user_name);
            wishes.extend(new.filter(|wish| Some(wish.digest) != old));
        }
        if self.matches_by_email() {
            self.wish_emails(before, after, is_new, &mut wishes);
        }
        self.wish_attributes(before, after, &mut wishes);
        wishes
    }

    fn matches_by_email(&self) -> bool {
        self.context.connection.matching.by.contains(&MatchBy::Email)
    }

    fn has_unique_attributes(&self) -> bool {
        let custom = self.context.organisation.custom(Bearer::User);
        custom.is_some_and(|custom| {
            let mut kept = custom.attributes.iter().map(|defined| defined.index.kept());
            kept.any(|kept| kept == Some(IndexKind::Unique))
        })
    }

    /// A telephone number that somebody signs in by.
    fn number(&self, user_name: &str) -> Option<Wish> {
        let number = dialled(user_name)?;
        let key = keys::unique(self.permit.organisation(), Unique::UserName, &fold(&number));
        Some(Wish {
            digest: digest(&key),
            attribute: "userName".into(),
            is_needed: true,
        })
    }

    fn wish_emails(&self, before: &User, after: &User, is_new: bool, wishes: &mut Vec<Wish>) {
        let verified = &self.context.organisation.organisation.verified_domains;
        for email in after
            .emails()
            .filter(|email| !before.emails().any(|known| known == *email))
        {
            let folded = fold(email);
            let domain = folded.rsplit_once('@').map(|(_, domain)| domain);
            if domain.is_some_and(|domain| verified.iter().any(|own| own == domain)) {
                let key = keys::index_entries(self.permit.organisation(), Index::UserEmail, &folded);
                wishes.push(Wish {
                    digest: digest(&key),
                    attribute: "emails".into(),
                    is_needed: is_new,
                });
            }
        }
    }

    fn wish_attributes(&self, before: &User, after: &User, wishes: &mut Vec<Wish>) {
        let Some(custom) = self.context.organisation.custom(Bearer::User) else {
            return;
        };
        let holder = Holder {
            bearer: Bearer::User,
            id: after.id.uuid(),
        };
        let unique = custom.attributes.iter();
        for defined in unique.filter(|defined| defined.index.kept() == Some(IndexKind::Unique)) {
            let keys_of = |user: &User| {
                let extension = extension_of(&user.attributes).map(|(_, extension)| extension);
                let organisation = self.permit.organisation();
                entries(organisation, holder, &defined.attribute, IndexKind::Unique, extension)
            };
            let old = keys_of(before);
            let new = keys_of(after).into_keys().filter(|key| !old.contains_key(key));
            wishes.extend(new.map(|key| Wish {
                digest: digest(&key),
                attribute: format!("{}:{}", custom.urn, defined.attribute.name).into(),
                is_needed: true,
            }));
        }
    }
}

fn digest(key: &Key) -> u128 {
    let hash = Sha256::digest(key.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(half)
}
