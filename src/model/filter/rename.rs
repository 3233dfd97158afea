//! A filter over other names.

use super::Filter;
use crate::model::attribute::AttributePath;

impl Filter {
    /// The same filter with every attribute of the resource under the name that `rename` answers. The names inside the brackets
    /// of a value path are sub-attributes and stay.
    ///
    /// # Errors
    /// The first error of `rename`, which is given the path and where it stands.
    pub fn rename<E>(self, rename: &impl Fn(AttributePath, usize) -> Result<AttributePath, E>) -> Result<Self, E> {
        let all = |parts: Vec<Self>| -> Result<Vec<Self>, E> {
            let renamed = parts.into_iter().map(|part| part.rename(rename));
            renamed.collect()
        };
        Ok(match self {
            Self::And(parts) => Self::And(all(parts)?),
            Self::Or(parts) => Self::Or(all(parts)?),
            Self::Not(part) => Self::Not(Box::new(part.rename(rename)?)),
            Self::Compare {
                path,
                operator,
                literal,
                at,
            } => Self::Compare {
                path: rename(path, at.0)?,
                operator,
                literal,
                at,
            },
            Self::Present { path, at } => Self::Present {
                path: rename(path, at.0)?,
                at,
            },
            Self::Values {
                path,
                filter,
                at,
                sub_after,
            } => Self::Values {
                path: rename(path, at.0)?,
                filter,
                at,
                sub_after,
            },
        })
    }
}
