//! Answers that come line by line while the work goes on (`application/x-ndjson`): one JSON object a line, the last of them
//! `{"done": ...}` or `{"failed": problem}`. An answer without a last line was cut off.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::problem::Problem;

/// Lines on their way to a client who reads slowly: the work waits for it above this many.
const AHEAD: usize = 64;

/// Answers at once, and then with each item that `work` sends, and last with how it ended.
pub fn answer<T, W, F>(work: W) -> Response
where
    T: Serialize + Send + 'static,
    W: FnOnce(mpsc::Sender<T>) -> F + Send + 'static,
    F: Future<Output = Result<Value, Problem>> + Send + 'static,
{
    let (items, received) = mpsc::channel::<T>(AHEAD);
    let (last, ended) = mpsc::channel::<Value>(1);
    tokio::spawn(async move {
        let line = match work(items).await {
            Ok(done) => json!({ "done": done }),
            Err(problem) => json!({ "failed": problem.document() }),
        };
        // Nobody reads any more: nobody needs to know.
        last.send(line).await.is_ok()
    });
    let progress = ReceiverStream::new(received).map(|item| line(&item));
    let lines = progress.chain(ReceiverStream::new(ended).map(|value| line(&value)));
    let mut response = Body::from_stream(lines).into_response();
    let kind = axum::http::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn line(item: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(item)?;
    line.push(b'\n');
    Ok(line.into())
}
