//! Saved views: kept, found, dropped (S004-11, S004-12).

use serde_json::json;

use crate::model::effective::Target;
use crate::model::event::EventKind;
use crate::model::id::{OrganisationId, UserId, ViewId};
use crate::model::list::List;
use crate::model::record;
use crate::model::selection::Selection;
use crate::model::view::{COLUMNS_MAX, FILTER_BYTES_MAX, NAME_MAX, SavedView, VIEWS_MAX, ViewDraft, Views};

use super::authorise::Authority;
use super::error::Denial;
use super::settings::OrganisationSettings;
use super::{Directory, DirectoryError, Operation, Permit, Unit, keys};

/// What lets a person keep views for everyone.
const SHARE: &str = "view.share";

/// Whose views are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A person's own.
    Person(UserId),
    /// The organisation's: everyone's.
    Shared,
}

impl Owner {
    /// The person behind a permit; the organisation for everybody else.
    #[must_use]
    pub fn of(permit: &Permit) -> Self {
        match permit.authority() {
            Authority::Person(effective) => Self::Person(effective.user),
            Authority::Gateway | Authority::Organisation | Authority::Connection | Authority::Invitee => Self::Shared,
        }
    }

    const fn person(self) -> Option<UserId> {
        match self {
            Self::Person(user) => Some(user),
            Self::Shared => None,
        }
    }
}

/// A view, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedView {
    /// The view.
    pub view: SavedView,
    /// Whose.
    pub owner: Owner,
}

/// What becomes of the views of an owner.
enum Change {
    Make(ViewDraft),
    Replace(ViewId, ViewDraft),
    Remove(ViewId),
    /// Every view of a list (S004-12).
    Reset(List),
}

struct ChangeViews {
    owner: Owner,
    change: Change,
}

#[async_trait::async_trait]
impl Operation for ChangeViews {
    /// The view as it is or last was; for a reset, none. And how many are gone.
    type Outcome = (Option<SavedView>, usize);

    async fn attempt(&self, unit: &mut Unit) -> Result<Self::Outcome, DirectoryError> {
        self.may(unit).await?;
        let key = keys::people::views(unit.organisation(), self.owner.person());
        let mut views: Views = unit.find(&key).await?.unwrap_or_default();
        let before = views.views.len();
        let outcome = match &self.change {
            Change::Make(draft) => {
                refuse_taken(&views, draft, None)?;
                if before >= VIEWS_MAX {
                    let reason = format!("{VIEWS_MAX} views are kept already, which is the most: delete one first");
                    return Err(DirectoryError::invalid("views", reason));
                }
                let view = SavedView {
                    id: ViewId::new(unit.clock().uuid()),
                    says: draft.clone(),
                    created: unit.now(),
                    last_modified: unit.now(),
                };
                views.views.push(view.clone());
                unit.event(EventKind::ViewSaved, view.id, json!({ "list": draft.list }));
                Some(view)
            }
            Change::Replace(id, draft) => {
                refuse_taken(&views, draft, Some(*id))?;
                let now = unit.now();
                let view = views.views.iter_mut().find(|view| view.id == *id);
                let view = view.ok_or_else(|| DirectoryError::not_found("view", id))?;
                if view.says != *draft {
                    view.says = draft.clone();
                    view.last_modified = now;
                    unit.event(EventKind::ViewSaved, id, json!({ "list": draft.list }));
                }
                Some(view.clone())
            }
            Change::Remove(id) => {
                let at = views.views.iter().position(|view| view.id == *id);
                let at = at.ok_or_else(|| DirectoryError::not_found("view", id))?;
                unit.event(EventKind::ViewDeleted, id, json!({}));
                Some(views.views.remove(at))
            }
            Change::Reset(list) => {
                let (gone, kept) = views.views.into_iter().partition(|view| view.says.list == *list);
                views.views = kept;
                let gone: Vec<SavedView> = gone;
                for view in &gone {
                    unit.event(EventKind::ViewDeleted, view.id, json!({}));
                }
                None
            }
        };
        let gone = before.saturating_sub(views.views.len());
        if views.views.is_empty() {
            if before > 0 {
                unit.delete(key);
            }
        } else {
            unit.put(key, &views);
        }
        Ok((outcome, gone))
    }
}

impl ChangeViews {
    async fn may(&self, unit: &mut Unit) -> Result<(), DirectoryError> {
        match (self.owner, unit.authority()) {
            (Owner::Person(user), Authority::Person(effective)) if effective.user == user => {
                // Who is deleted at the same moment leaves no views behind.
                let key = keys::user(unit.organisation(), user);
                let present = unit.find_present::<crate::model::user::User>(&key).await?;
                present.map(|_| ()).ok_or(DirectoryError::Unauthenticated)
            }
            (Owner::Shared, Authority::Gateway | Authority::Organisation) => Ok(()),
            (Owner::Shared, Authority::Person(effective))
                if effective.allows(SHARE, &Target::organisation()).is_allowed() =>
            {
                Ok(())
            }
            _ => Err(DirectoryError::Denied(Denial::NoRight)),
        }
    }
}

fn refuse_taken(views: &Views, draft: &ViewDraft, but: Option<ViewId>) -> Result<(), DirectoryError> {
    let mut others = views.views.iter().filter(|view| Some(view.id) != but);
    if others.any(|view| view.says.is_named(draft.list, &draft.name)) {
        return Err(DirectoryError::Uniqueness {
            attribute: "name".into(),
            value: draft.name.clone(),
        });
    }
    Ok(())
}

/// What a view says must be what the list can answer.
fn check(settings: &OrganisationSettings, draft: &mut ViewDraft) -> Result<(), DirectoryError> {
    draft.name = draft.name.trim().to_owned();
    let length = draft.name.chars().count();
    if length == 0 || length > NAME_MAX || draft.name.chars().any(char::is_control) {
        let reason = format!("has 1 to {NAME_MAX} characters and no control characters");
        return Err(DirectoryError::invalid("name", reason));
    }
    if let Some(filter) = draft.filter.as_ref().filter(|filter| filter.len() > FILTER_BYTES_MAX) {
        let reason = format!("has {} bytes, at most {FILTER_BYTES_MAX} are kept", filter.len());
        return Err(DirectoryError::invalid("filter", reason));
    }
    if draft.columns.len() > COLUMNS_MAX {
        let reason = format!("are {}, at most {COLUMNS_MAX} are kept", draft.columns.len());
        return Err(DirectoryError::invalid("columns", reason));
    }
    if draft.page_size.is_some_and(|size| !(1..=1000).contains(&size)) {
        return Err(DirectoryError::invalid("page_size", "is between 1 and 1000"));
    }
    if !draft.list.has_views() {
        let reason = format!("{} are not an organisation's: there are no views of them", draft.list);
        return Err(DirectoryError::invalid("list", reason));
    }
    Selection::read(draft.list, &settings.schemas, &draft.asked())?;
    draft.list.check_columns(&settings.schemas, &draft.columns)?;
    Ok(())
}

impl Directory {
    /// Keeps a view.
    ///
    /// # Errors
    /// [`DirectoryError::InvalidValue`] for a filter, an order or columns that the list does not know;
    /// [`DirectoryError::Uniqueness`]; [`DirectoryError::Denied`] for a shared view without the right; as [`Directory::run`].
    pub async fn make_view(
        &self,
        permit: &Permit,
        owner: Owner,
        mut draft: ViewDraft,
    ) -> Result<OwnedView, DirectoryError> {
        let settings = self.load_organisation(permit.organisation()).await?;
        check(&settings, &mut draft)?;
        let change = Change::Make(draft);
        self.change_view(permit, owner, change, "").await
    }

    /// Puts another view in the place of one.
    ///
    /// # Errors
    /// As [`Directory::make_view`]; [`DirectoryError::NotFound`].
    pub async fn replace_view(
        &self,
        permit: &Permit,
        (owner, id): (Owner, ViewId),
        mut draft: ViewDraft,
    ) -> Result<OwnedView, DirectoryError> {
        let settings = self.load_organisation(permit.organisation()).await?;
        check(&settings, &mut draft)?;
        let change = Change::Replace(id, draft);
        self.change_view(permit, owner, change, &id.to_string()).await
    }

    async fn change_view(
        &self,
        permit: &Permit,
        owner: Owner,
        change: Change,
        named: &str,
    ) -> Result<OwnedView, DirectoryError> {
        let (view, _) = self.run(permit, &ChangeViews { owner, change }).await?;
        let view = view.ok_or_else(|| DirectoryError::not_found("view", named))?;
        Ok(OwnedView { view, owner })
    }

    /// Drops a view.
    ///
    /// # Errors
    /// [`DirectoryError::NotFound`]; [`DirectoryError::Denied`] for a shared view without the right; as [`Directory::run`].
    pub async fn delete_view(&self, permit: &Permit, (owner, id): (Owner, ViewId)) -> Result<(), DirectoryError> {
        let change = Change::Remove(id);
        self.run(permit, &ChangeViews { owner, change }).await.map(|_| ())
    }

    /// Drops every view of a list that somebody has; answers how many there were (S004-12).
    ///
    /// # Errors
    /// As [`Directory::delete_view`].
    pub async fn reset_views(&self, permit: &Permit, owner: Owner, list: List) -> Result<usize, DirectoryError> {
        let change = Change::Reset(list);
        Ok(self.run(permit, &ChangeViews { owner, change }).await?.1)
    }

    /// The views that somebody may use: one's own, then the shared ones.
    ///
    /// # Errors
    /// As the store's read.
    pub async fn browse_views(
        &self,
        organisation: OrganisationId,
        reader: Owner,
    ) -> Result<Vec<OwnedView>, DirectoryError> {
        let owners: &[Owner] = match reader {
            Owner::Person(_) => &[reader, Owner::Shared],
            Owner::Shared => &[Owner::Shared],
        };
        let keys = owners
            .iter()
            .map(|owner| keys::people::views(organisation, owner.person()));
        let found = self.store.get_many(keys.collect()).await?;
        let mut all = Vec::new();
        for (owner, stored) in owners.iter().zip(found) {
            let Some(stored) = stored else { continue };
            let views: Views = record::decode(&stored.value)?;
            let owned = views.views.into_iter().map(|view| OwnedView { view, owner: *owner });
            all.extend(owned);
        }
        Ok(all)
    }
}

impl Unit {
    /// A deleted person's own views go with the person.
    pub(super) async fn drop_views(&mut self, user: UserId) -> Result<(), DirectoryError> {
        let key = keys::people::views(self.organisation(), Some(user));
        // Relied on: a view that is kept at the same moment must not stay behind.
        if self.bytes(&key).await?.is_some() {
            self.delete(key);
        }
        Ok(())
    }
}
