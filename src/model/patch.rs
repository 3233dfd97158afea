//! PATCH (RFC 7644 section 3.5.2), as the RFC writes it and as real clients send it.
//!
//! [`patch`] works on a copy: either every operation holds, or nothing happened. Memberships are edges that are stored
//! elsewhere and never loaded whole, so they come back as a list of [`MemberChange`]s in the order of the operations.

mod apply;
mod elements;
mod error;
mod member_change;
mod opaque;
mod request;
mod single;
mod target;

pub use self::apply::{Patched, patch};
pub use self::error::{NoTargetProblem, PatchError, PathProblem, RequestProblem};
pub use self::member_change::MemberChange;
pub use self::request::{Op, Operation, PATCH_OP, PatchLimits, PatchPath, PatchRequest};
