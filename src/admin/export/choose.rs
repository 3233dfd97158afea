//! What is asked of a table whose rows no single list shows: a filter and an order are put to the rows on their way.

use serde_json::Value;
use tokio::sync::mpsc;

use super::feed::{READ_AT_ONCE, Rows};
use crate::directory::DirectoryError;
use crate::directory::select::too_many_to_sort;
use crate::model::selection::Selection;
use crate::model::sort::SortKey;

/// The rows that satisfy the filter, in the order that is asked for. Rows in an order of the reader's own are kept until the last
/// one was read: `most` of them, and more are refused.
pub(super) fn chosen(rows: Rows, selection: Selection, most: usize) -> Rows {
    let (out, chosen) = mpsc::channel(1);
    tokio::spawn(async move {
        // Whoever has gone away needs no reason.
        drop(match selection.order() {
            None => filter(rows, &selection, &out).await,
            Some(_) => match in_order(rows, &selection, most).await {
                Ok(sorted) => send(sorted, &out).await,
                Err(error) => out.send(Err(error)).await,
            },
        });
    });
    chosen
}

type Out = mpsc::Sender<Result<Vec<Value>, DirectoryError>>;
type Unread = mpsc::error::SendError<Result<Vec<Value>, DirectoryError>>;

fn is_meant(row: &Value, selection: &Selection) -> bool {
    row.as_object().is_some_and(|row| selection.matches(row))
}

async fn filter(mut rows: Rows, selection: &Selection, out: &Out) -> Result<(), Unread> {
    while let Some(part) = rows.recv().await {
        let part = part.map(|mut part| {
            part.retain(|row| is_meant(row, selection));
            part
        });
        let is_empty = part.as_ref().is_ok_and(Vec::is_empty);
        if !is_empty {
            out.send(part).await?;
        }
    }
    Ok(())
}

async fn in_order(mut rows: Rows, selection: &Selection, most: usize) -> Result<Vec<Value>, DirectoryError> {
    let Some((_, order)) = selection.order() else {
        return Ok(Vec::new());
    };
    let mut kept: Vec<(SortKey, Value)> = Vec::new();
    while let Some(part) = rows.recv().await {
        for row in part? {
            let Some(members) = row.as_object().filter(|_| is_meant(&row, selection)) else {
                continue;
            };
            if let Some(key) = selection.key(members) {
                kept.push((key, row));
            }
        }
        if kept.len() > most {
            return Err(too_many_to_sort(most));
        }
    }
    // Stable: equal rows stay in the table's own order.
    kept.sort_by(|(left, _), (right, _)| left.compare(right, *order));
    Ok(kept.into_iter().map(|(_, row)| row).collect())
}

async fn send(rows: Vec<Value>, out: &Out) -> Result<(), Unread> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        out.send(Ok(rows.by_ref().take(READ_AT_ONCE).collect())).await?;
    }
    Ok(())
}
