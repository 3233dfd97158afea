//! In which order the operations of a bulk request run (RFC 7644 s3.7.1).

use std::collections::HashMap;

use super::request::Operation;

/// The order, and the references that cannot be there in time.
pub(super) struct Plan {
    /// Places of the operations in the request.
    pub(super) order: Vec<usize>,
    /// By place: the `bulkId`s that refer back to the operation, directly or over others.
    pub(super) circular: Vec<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// What it refers to is being put in front of it.
    Open,
    Placed,
}

impl Plan {
    /// The order of the request, with what an operation refers to in front of it. No recursion: the chain of references may
    /// be as long as the request.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let makers: HashMap<&str, usize> = operations
            .iter()
            .enumerate()
            .filter_map(|(at, operation)| Some((operation.made()?, at)))
            .collect();
        let references: Vec<Vec<(String, usize)>> = operations
            .iter()
            .map(|operation| {
                let named = operation.references().into_iter();
                named
                    .filter_map(|id| makers.get(id.as_str()).map(|maker| (id, *maker)))
                    .collect()
            })
            .collect();
        let mut states = vec![State::New; operations.len()];
        let mut plan = Self {
            order: Vec::with_capacity(operations.len()),
            circular: vec![Vec::new(); operations.len()],
        };
        for first in 0..operations.len() {
            let mut stack = vec![(first, 0)];
            while let Some((at, next)) = stack.pop() {
                if next == 0 && states[at] != State::New {
                    continue;
                }
                states[at] = State::Open;
                let Some((id, maker)) = references[at].get(next) else {
                    states[at] = State::Placed;
                    plan.order.push(at);
                    continue;
                };
                stack.push((at, next + 1));
                match states[*maker] {
                    State::New => stack.push((*maker, 0)),
                    State::Open => plan.circular[at].push(id.clone()),
                    State::Placed => {}
                }
            }
        }
        plan
    }
}
