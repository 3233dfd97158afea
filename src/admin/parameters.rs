//! Query parameters that an address does not take are refused by name: one that has no effect would be taken for one that has. What
//! each address takes is what its description says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Query, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use super::openapi;
use super::problem::Problem;

/// How addresses begin outside of the document.
const PREFIX: &str = "/api/v1";

/// Parameters by address and method.
type Taken = BTreeMap<(String, String), BTreeSet<String>>;

/// Lets a request through that asks for nothing unknown.
pub(super) async fn check(request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(taken) = taken_by(&request) {
        let Query(asked) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())?;
        if let Some((name, _)) = asked.iter().find(|(name, _)| !taken.contains(name)) {
            let known: Vec<&str> = taken.iter().map(String::as_str).collect();
            let cure = match known.as_slice() {
                [] => "this address takes none".to_owned(),
                _ => format!("use one of {}", known.join(", ")),
            };
            return Err(Problem::bad_request(format!("{name}: is no parameter of this address: {cure}")));
        }
    }
    Ok(next.run(request).await)
}

/// What the address takes; `None` for one that is not described.
fn taken_by(request: &Request) -> Option<&'static BTreeSet<String>> {
    static TAKEN: LazyLock<Taken> = LazyLock::new(read);
    request.uri().query()?;
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let path = path.strip_prefix(PREFIX).unwrap_or(path).trim_end_matches('/');
    // A request for the head alone is answered as the whole would be (RFC 9110 section 9.3.2).
    let method = match *request.method() {
        Method::HEAD => &Method::GET,
        ref other => other,
    };
    TAKEN.get(&(path.to_owned(), method.as_str().to_ascii_lowercase()))
}

fn read() -> Taken {
    let paths = openapi::document()["paths"].as_object();
    let mut taken = Taken::new();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let names = parameters
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
            taken.insert((path.clone(), method.clone()), names.collect());
        }
    }
    taken
}
