//! What a client sent that the RFCs do not allow, and how it was read all the same.
//!
//! Strictness is a property of the connection. A lenient connection tolerates what real clients send and journals each
//! case; a strict one refuses it with the RFC's error.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::connection::{Connection, UnknownExtensions};

/// How a connection treats deviations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// Known deviations are read as they were meant.
    #[default]
    Lenient,
    /// The RFCs to the letter.
    Strict,
}

/// What a connection tolerates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tolerance {
    /// How it treats deviations.
    pub strictness: Strictness,
    /// What it does with extension objects that no schema defines, when it is lenient.
    pub unknown_extensions: UnknownExtensions,
}

impl From<Strictness> for Tolerance {
    fn from(strictness: Strictness) -> Self {
        Self {
            strictness,
            ..Self::default()
        }
    }
}

impl From<&Connection> for Tolerance {
    fn from(connection: &Connection) -> Self {
        Self {
            strictness: connection.strictness,
            unknown_extensions: connection.unknown_extensions,
        }
    }
}

/// One tolerated deviation. The text is for the journal: it names the place and how it was read, and no value of a
/// person except the words `true` and `false`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum Deviation {
    /// `Add`, `Replace`, `Remove`.
    #[error("read the operation \"{op}\" in any case")]
    OperationCase {
        /// As it was written.
        op: String,
    },
    /// `operations` instead of `Operations`, or `Path` instead of `path`.
    #[error("read the key {key:?} in any case")]
    OperationsKey {
        /// As it was written.
        key: String,
    },
    /// A PATCH body without its `schemas`.
    #[error("took a body without the PatchOp schema for a PATCH request")]
    PatchSchemaMissing,
    /// A URN in `schemas` that the resource type does not have.
    #[error("ignored the unknown schema {urn:?} in \"schemas\"")]
    UnknownSchema {
        /// The URN.
        urn: String,
    },
    /// `schemas` does not name the core schema.
    #[error("added {urn} to \"schemas\"")]
    CoreSchemaMissing {
        /// The URN.
        urn: String,
    },
    /// An extension object whose URN is not in `schemas`.
    #[error("added {urn} to \"schemas\"")]
    UndeclaredExtension {
        /// The URN.
        urn: String,
    },
    /// `"True"` or `"False"`.
    #[error("read \"{text}\" as a boolean in attribute \"{attribute}\"")]
    BooleanText {
        /// The attribute.
        attribute: String,
        /// As it was written.
        text: String,
    },
    /// One value where an array is due.
    #[error("read a single value as an array in attribute \"{attribute}\"")]
    SingleForMany {
        /// The attribute.
        attribute: String,
    },
    /// An array of one where a single value is due.
    #[error("read an array of one as a single value in attribute \"{attribute}\"")]
    ArrayForSingle {
        /// The attribute.
        attribute: String,
    },
    /// A text where an object with a `value` is due.
    #[error("read a text as the \"value\" of attribute \"{attribute}\"")]
    BareValue {
        /// The attribute.
        attribute: String,
    },
    /// `""` for "unassigned".
    #[error("read an empty text as no value in attribute \"{attribute}\"")]
    EmptyText {
        /// The attribute.
        attribute: String,
    },
    /// A read-only attribute inside the value of a PATCH operation.
    #[error("ignored the read-only attribute \"{attribute}\"")]
    ReadOnlyIgnored {
        /// The attribute.
        attribute: String,
    },
    /// `name.givenName`, `urn:...:department` or a value path as the key of an object.
    #[error("read the key {key:?} as a path")]
    KeyIsPath {
        /// As it was written, up to a filter, which could hold personal data.
        key: String,
    },
    /// A value path that selects nothing created the element.
    #[error("created the element of attribute \"{attribute}\" that the path selects")]
    CreatedFromFilter {
        /// The attribute; the filter could hold personal data.
        attribute: String,
    },
    /// An element that holds nothing but a label after its last value went.
    #[error("removed the elements of \"{attribute}\" that had lost their values")]
    HollowElementRemoved {
        /// The attribute.
        attribute: String,
    },
    /// `remove` with the values to be removed.
    #[error("removed only the listed values of attribute \"{attribute}\"")]
    RemoveListed {
        /// The attribute.
        attribute: String,
    },
    /// `remove` of a whole multi-valued edge: as the RFC says, and worth a line.
    #[error("removed all values of attribute \"{attribute}\"")]
    RemovedAll {
        /// The attribute.
        attribute: String,
    },
    /// An extension that the resource type does not have.
    #[error("ignored the unknown extension {urn:?}")]
    UnknownExtension {
        /// The URN, or the key that starts with it.
        urn: String,
    },
    /// An attribute that no schema defines.
    #[error("ignored the unknown attribute {attribute:?}")]
    UnknownAttribute {
        /// As it was written.
        attribute: String,
    },
    /// More than one `primary: true`.
    #[error("kept only the last primary value of attribute \"{attribute}\"")]
    SeveralPrimaries {
        /// The attribute.
        attribute: String,
    },
    /// Members that do not exist were left out: by the connection's policy, not by the RFC.
    #[error("left out {count} members that are no user or group of this organisation")]
    UnknownMembers {
        /// How many.
        count: usize,
    },
    /// Another connection has the say over the attribute: by the organisation's rules, not by the RFC.
    #[error("left attribute \"{attribute}\" as it was, because another connection has the say over it")]
    Yielded {
        /// The attribute.
        attribute: String,
    },
    /// The same, and the value does not wait for its turn either: too much waits already.
    #[error(
        "forgot a value of attribute \"{attribute}\" over which another connection has the say: too much of the person waits already, so send it again when it is to count"
    )]
    Unkept {
        /// The attribute.
        attribute: String,
    },
    /// A value that waited, and that came back when the one before it went, is somebody else's by now: by the organisation's rules.
    #[error("left attribute \"{attribute}\" without the value that waited for it, which somebody else has by now")]
    StillTaken {
        /// The attribute.
        attribute: String,
    },
    /// An app role as JSON text.
    #[error("read the JSON text in attribute \"{attribute}\" as an object")]
    JsonText {
        /// The attribute.
        attribute: String,
    },
    /// `manager eq "..."`: an attribute of an extension without its URN (RFC 7644 section 3.10).
    #[error("took the attribute \"{attribute}\" for the one of the extension that defines it")]
    UnqualifiedAttribute {
        /// As it was written.
        attribute: String,
    },
    /// `urn:...:User.department`: a dot where the colon is due.
    #[error("read the dot after the schema in the path as a colon, for attribute \"{attribute}\"")]
    DotForColon {
        /// The canonical path.
        attribute: String,
    },
    /// A complex attribute where one of its sub-attributes is due: in a comparison (RFC 7644 section 3.4.2.2) or as
    /// `sortBy` (section 3.4.2.3).
    #[error("took the complex attribute \"{attribute}\" for its \"value\"")]
    BareComplex {
        /// The canonical path.
        attribute: String,
    },
    /// `emails[type eq "work"].value eq "..."`: the grammar of a filter ends at the bracket (RFC 7644 figure 1).
    #[error("read the sub-attribute after the brackets of attribute \"{attribute}\" as a part of their filter")]
    SubAfterBrackets {
        /// The canonical path.
        attribute: String,
    },
    /// `managerId`, as templates older than SCIM 2.0 write `value`.
    #[error("read \"{name}\" as attribute \"{attribute}\"")]
    OldName {
        /// As it was written.
        name: String,
        /// The canonical path.
        attribute: String,
    },
    /// The replacement of an element keeps what the path says about it, such as its `type`.
    #[error("kept what the path says of the replaced elements of attribute \"{attribute}\"")]
    LabelsKept {
        /// The attribute.
        attribute: String,
    },
    /// `startIndex` beside `cursor` (RFC 9865).
    #[error("ignored \"startIndex\" beside \"cursor\"")]
    IndexWithCursor,
    /// A page by cursor larger than the largest (RFC 9865: `invalidCount`).
    #[error("gave a page of {limit} results, the largest there is")]
    CountTooLarge {
        /// The largest page.
        limit: usize,
    },
    /// An extension that no schema defines was stored as it is: the connection's setting says so.
    #[error("kept the unknown extension {urn:?} as it is")]
    KeptExtension {
        /// The URN.
        urn: String,
    },
    /// Values that name no role or licence that the connection can give: by its setting, not by the RFC.
    #[error("granted nothing for {count} values of attribute \"{attribute}\" that the connection cannot grant")]
    UnknownGrants {
        /// `roles` or `entitlements`.
        attribute: &'static str,
        /// How many.
        count: usize,
    },
}

impl Deviation {
    /// Whether an operator should hear of it at once: what was asked for is rarely what was meant.
    #[must_use]
    pub fn is_loud(&self) -> bool {
        matches!(self, Self::RemovedAll { .. })
    }

    /// A stable word for counting.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OperationCase { .. } => "operationCase",
            Self::OperationsKey { .. } => "operationsKey",
            Self::PatchSchemaMissing => "patchSchemaMissing",
            Self::UnknownSchema { .. } => "unknownSchema",
            Self::CoreSchemaMissing { .. } => "coreSchemaMissing",
            Self::UndeclaredExtension { .. } => "undeclaredExtension",
            Self::BooleanText { .. } => "booleanText",
            Self::SingleForMany { .. } => "singleForMany",
            Self::ArrayForSingle { .. } => "arrayForSingle",
            Self::BareValue { .. } => "bareValue",
            Self::EmptyText { .. } => "emptyText",
            Self::ReadOnlyIgnored { .. } => "readOnlyIgnored",
            Self::KeyIsPath { .. } => "keyIsPath",
            Self::CreatedFromFilter { .. } => "createdFromFilter",
            Self::HollowElementRemoved { .. } => "hollowElementRemoved",
            Self::RemoveListed { .. } => "removeListed",
            Self::RemovedAll { .. } => "removedAll",
            Self::UnknownExtension { .. } => "unknownExtension",
            Self::UnknownAttribute { .. } => "unknownAttribute",
            Self::SeveralPrimaries { .. } => "severalPrimaries",
            Self::UnknownMembers { .. } => "unknownMembers",
            Self::Yielded { .. } => "yielded",
            Self::Unkept { .. } => "unkept",
            Self::StillTaken { .. } => "stillTaken",
            Self::JsonText { .. } => "jsonText",
            Self::UnqualifiedAttribute { .. } => "unqualifiedAttribute",
            Self::DotForColon { .. } => "dotForColon",
            Self::BareComplex { .. } => "bareComplex",
            Self::SubAfterBrackets { .. } => "subAfterBrackets",
            Self::OldName { .. } => "oldName",
            Self::LabelsKept { .. } => "labelsKept",
            Self::IndexWithCursor => "indexWithCursor",
            Self::CountTooLarge { .. } => "countTooLarge",
            Self::KeptExtension { .. } => "keptExtension",
            Self::UnknownGrants { .. } => "unknownGrants",
        }
    }
}

/// The deviations of one request, as they are met.
#[derive(Debug)]
pub(crate) struct Journal {
    tolerance: Tolerance,
    deviations: Vec<Deviation>,
}

impl Journal {
    pub(crate) fn new(tolerance: impl Into<Tolerance>) -> Self {
        Self {
            tolerance: tolerance.into(),
            deviations: Vec::new(),
        }
    }

    pub(crate) fn is_lenient(&self) -> bool {
        self.tolerance.strictness == Strictness::Lenient
    }

    pub(crate) fn keeps_extensions(&self) -> bool {
        self.is_lenient() && self.tolerance.unknown_extensions == UnknownExtensions::Keep
    }

    /// Journals a deviation, or refuses it when the connection is strict.
    pub(crate) fn tolerate<E>(&mut self, deviation: Deviation, refusal: E) -> Result<(), E> {
        if !self.is_lenient() {
            return Err(refusal);
        }
        self.note(deviation);
        Ok(())
    }

    /// Journals what was done, once.
    pub(crate) fn note(&mut self, deviation: Deviation) {
        if self.deviations.last() != Some(&deviation) {
            self.deviations.push(deviation);
        }
    }

    pub(crate) fn into_deviations(self) -> Vec<Deviation> {
        self.deviations
    }
}
