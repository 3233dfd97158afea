//! What is asked of a list that takes more than the others do.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::admin::openapi::schema;
use crate::admin::problem::Problem;

use super::Listing;

/// What is asked of any list, and what is asked of this one alone. Unknown parameters are refused by the structure that reads the
/// others.
pub struct AskedWith<T>(
    /// What any list is asked.
    pub Listing,
    /// What only this one is asked.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for AskedWith<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = parts.uri.query().unwrap_or_default().split('&');
        let pairs = pairs.filter(|pair| !pair.is_empty());
        let (of_any, of_this): (Vec<&str>, Vec<&str>) = pairs.partition(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            members().contains(name)
        });
        Ok(Self(read(&of_any)?, read(&of_this)?))
    }
}

fn read<T: DeserializeOwned>(pairs: &[&str]) -> Result<T, Problem> {
    let uri: Uri = format!("/?{}", pairs.join("&"))
        .parse()
        .map_err(|_| Problem::bad_request("the query is not well formed"))?;
    Ok(Query::try_from_uri(&uri)?.0)
}

/// The names of the parameters that every list takes.
#[must_use]
pub fn members() -> &'static BTreeSet<String> {
    static MEMBERS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let schema = schema::of::<Listing>();
        let members = schema["properties"].as_object().into_iter().flatten();
        members.map(|(name, _): (&String, &Value)| name.clone()).collect()
    });
    &MEMBERS
}
