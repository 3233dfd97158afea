//! Operations on `members`: edges that are stored elsewhere and never loaded whole.

use serde_json::Value;

use super::error::{PatchError, RequestProblem};
use super::request::Op;
use super::target::AttributeTarget;
use crate::model::deviation::{Deviation, Journal};
use crate::model::filter::ElementFilter;
use crate::model::normalise::{Member, MutabilityProblem, SchemaError, members};

/// A change of the members of a group. All of them are idempotent.
#[derive(Debug, Clone, PartialEq)]
pub enum MemberChange {
    /// These become members; those who already are stay as they are.
    Add(Vec<Member>),
    /// These ids are no longer members; an id that is none is no error.
    Remove(Vec<String>),
    /// The members that satisfy the filter go.
    RemoveWhere(ElementFilter),
    /// All members go.
    RemoveAll,
    /// Exactly these are members.
    Replace(Vec<Member>),
}

impl MemberChange {
    /// The change that an operation on `members` asks for; `None` when it asks for nothing.
    pub(super) fn of(
        journal: &mut Journal,
        op: Op,
        target: &AttributeTarget<'_>,
        value: Option<Value>,
    ) -> Result<Option<Self>, PatchError> {
        let path = target.resolved.path();
        // RFC 7643 section 4.2: what a member is does not change; a member can only come and go.
        if target.resolved.sub.is_some() {
            return Err(SchemaError::mutability(path, MutabilityProblem::Immutable).into());
        }
        let attribute = target.resolved.attribute;
        match (op, &target.filter, value) {
            (Op::Remove, Some(filter), _) => Ok(Some(filter.listed_values().map_or_else(
                || Self::RemoveWhere(filter.clone()),
                |ids| Self::Remove(ids.into_iter().map(str::to_owned).collect()),
            ))),
            (Op::Remove, None, None) => {
                journal.note(Deviation::RemovedAll {
                    attribute: path.to_string(),
                });
                Ok(Some(Self::RemoveAll))
            }
            (Op::Remove, None, Some(value)) => {
                if !journal.is_lenient() {
                    return Err(PatchError::request(RequestProblem::RemoveWithValue));
                }
                journal.note(Deviation::RemoveListed {
                    attribute: path.to_string(),
                });
                let ids: Vec<_> = members(journal, attribute, &path, value)?
                    .into_iter()
                    .map(|member| member.value)
                    .collect();
                Ok((!ids.is_empty()).then_some(Self::Remove(ids)))
            }
            // A value path in front of what becomes a member: the filter names it, or the value does.
            (Op::Add | Op::Replace, Some(filter), value) => {
                let listed = match filter.listed_values() {
                    Some(ids) => ids
                        .into_iter()
                        .map(|id| Member {
                            value: id.to_owned(),
                            type_: None,
                        })
                        .collect(),
                    None => members(journal, attribute, &path, value.unwrap_or_default())?,
                };
                if !journal.is_lenient() || listed.is_empty() {
                    return Err(PatchError::no_match(format!("{path}[{filter}]")));
                }
                journal.note(Deviation::CreatedFromFilter {
                    attribute: path.to_string(),
                });
                Ok(Some(Self::Add(listed)))
            }
            (Op::Add, None, value) => {
                let listed = members(journal, attribute, &path, value.unwrap_or_default())?;
                Ok((!listed.is_empty()).then_some(Self::Add(listed)))
            }
            (Op::Replace, None, value) => Ok(Some(Self::Replace(members(
                journal,
                attribute,
                &path,
                value.unwrap_or_default(),
            )?))),
        }
    }
}
