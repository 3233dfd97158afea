//! Local changes: what an administrator may change of that which a connection manages (IPSIE AL1 s3.2.1). An organisation may
//! refuse them, so that the identity provider is the only source of its users, groups and memberships. What SCIM cannot
//! express stays possible: an administrator's block, invitations, licences, roles, tokens, settings.

use crate::model::event::Door;
use crate::model::group::Group;
use crate::model::organisation::{LocalChanges, Organisation};
use crate::model::user::User;

use super::error::Denial;
use super::{DirectoryError, Unit, keys};

impl Unit {
    /// Refuses a new user or group of an administrator's own.
    ///
    /// # Errors
    /// [`DirectoryError::Denied`]; as [`Unit::find`].
    pub(super) async fn may_create(&mut self) -> Result<(), DirectoryError> {
        self.refuse_local_change().await
    }

    /// Refuses an administrator's change of a managed user's identity. Whether a user may come in, and with what, is not
    /// part of it.
    ///
    /// # Errors
    /// As [`Unit::may_create`].
    pub(super) async fn may_change_user(&mut self, before: &User, after: &User) -> Result<(), DirectoryError> {
        let is_same = before.user_name == after.user_name
            && before.attributes == after.attributes
            && before.external_ids == after.external_ids
            && before.sources == after.sources;
        self.may_change(is_same || before.held_by().is_empty()).await
    }

    /// Refuses an administrator's deletion of a managed user.
    ///
    /// # Errors
    /// As [`Unit::may_create`].
    pub(super) async fn may_delete_user(&mut self, user: &User) -> Result<(), DirectoryError> {
        self.may_change(user.held_by().is_empty()).await
    }

    /// Refuses an administrator's change of a managed group. What its members are given is not part of it.
    ///
    /// # Errors
    /// As [`Unit::may_create`].
    pub(super) async fn may_change_group(&mut self, before: &Group, after: &Group) -> Result<(), DirectoryError> {
        let is_same = before.display_name == after.display_name
            && before.attributes == after.attributes
            && before.external_ids == after.external_ids
            && before.sources == after.sources;
        self.may_change(is_same || before.held_by().is_empty()).await
    }

    /// Refuses an administrator's deletion of a managed group, and of its members' being in it.
    ///
    /// # Errors
    /// As [`Unit::may_create`].
    pub(super) async fn may_touch_group(&mut self, group: &Group) -> Result<(), DirectoryError> {
        self.may_change(group.held_by().is_empty()).await
    }

    async fn may_change(&mut self, is_free: bool) -> Result<(), DirectoryError> {
        if is_free {
            Ok(())
        } else {
            self.refuse_local_change().await
        }
    }

    async fn refuse_local_change(&mut self) -> Result<(), DirectoryError> {
        // The command line on a store that no gateway serves comes as the system.
        let is_local = match self.actor().door {
            Door::Api | Door::Cli | Door::System => true,
            Door::Scim | Door::Ldap | Door::Invitee | Door::Guest | Door::Person => false,
        };
        if !is_local {
            return Ok(());
        }
        let key = keys::organisation(self.organisation());
        let organisation: Option<Organisation> = self.find_present(&key).await?;
        match organisation.map(|organisation| organisation.local_changes) {
            Some(LocalChanges::Refused) => Err(DirectoryError::Denied(Denial::LocalChange)),
            Some(LocalChanges::Allowed) | None => Ok(()),
        }
    }
}
