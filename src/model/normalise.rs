//! From the body of a POST or PUT to the canonical form of a resource (RFC 7643 sections 2 and 3, RFC 7644 section 3.3
//! and 3.5.1).

mod body;
mod elements;
mod error;
mod immutable;
mod member;
mod opaque;
mod value;

pub use self::body::{Normalised, normalise};
pub use self::error::{MutabilityProblem, SchemaError, SyntaxProblem, ValueProblem};
pub use self::immutable::check_immutable;
pub use self::member::Member;
pub use self::opaque::OPAQUE_BYTES_MAX;
pub use self::value::MOST_VALUES;

pub(crate) use self::elements::{drop_duplicates, identity};
pub(crate) use self::member::members;
pub(crate) use self::opaque::{check_opaque, is_kept, opaque_key};
pub(crate) use self::value::{Partial, assigned, bounded, elements, kind, one, partial, single};
