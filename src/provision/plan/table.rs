//! A plan as a table for people.

use std::fmt;

use super::{GroupAction, PersonAction, Plan};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "connection {}: {} people and {} groups read, {} and {} linked before, {} unchanged",
            self.connection, self.read.people, self.read.groups, self.linked.people, self.linked.groups, self.unchanged
        )?;
        if !self.proves_absence {
            writeln!(f, "some entries have no usable id: nobody is taken to be gone")?;
        }
        for step in &self.people {
            row(f, "person", step.action.as_str(), &step.name, &step.external_id)?;
        }
        for step in &self.groups {
            row(f, "group", step.action.as_str(), &step.name, &step.external_id)?;
            if !step.add.is_empty() || !step.remove.is_empty() {
                writeln!(
                    f,
                    "{:17}+{} members, -{} of {}",
                    "",
                    step.add.len(),
                    step.remove.len(),
                    step.present
                )?;
            }
        }
        for team in &self.teams {
            let what = if team.is_new { "new" } else { "by rule" };
            writeln!(f, "team    {what:16} {}: +{}, -{}", team.name, team.add, team.remove)?;
        }
        for seat in &self.seats {
            let limit = seat
                .limit
                .map_or_else(|| "no limit".to_owned(), |limit| format!("limit {limit}"));
            writeln!(
                f,
                "seats   {}: {} in use, {limit}, {} needed, {} freed, {} short, then {} in use",
                seat.licence, seat.used, seat.needed, seat.freed, seat.short, seat.after
            )?;
        }
        for change in &self.id_changes {
            row(f, change.kind.as_str(), "id_changed", &change.name, &change.external_id)?;
        }
        for failure in &self.failures {
            let name = failure.name.as_deref().unwrap_or("-");
            let id = failure.external_id.as_deref().unwrap_or("-");
            row(f, "failure", &failure.reason.to_string(), name, id)?;
        }
        if self.dangling.count > 0 {
            writeln!(f, "{} members of groups have no entry", self.dangling.count)?;
        }
        writeln!(f, "plan {}", self.hash())
    }
}

fn row(f: &mut fmt::Formatter<'_>, what: &str, action: &str, name: &str, id: &str) -> fmt::Result {
    writeln!(f, "{what:7} {action:16} {name}  ({id})")
}

impl PersonAction {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Unlink => "unlink",
            Self::SuspendMissing => "suspend_missing",
            Self::Miss => "miss",
            Self::Suspend => "suspend",
            Self::Rename => "rename",
            Self::Update => "update",
            Self::Reactivate => "reactivate",
            Self::Refresh => "refresh",
            Self::Adopt => "adopt",
            Self::Create => "create",
        }
    }
}

impl GroupAction {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Unlink => "unlink",
            Self::Empty => "empty",
            Self::Miss => "miss",
            Self::Rename => "rename",
            Self::Keep => "keep",
            Self::Adopt => "adopt",
            Self::Create => "create",
        }
    }
}
