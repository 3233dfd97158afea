//! What a PATCH says of attributes over which another connection has the say (design.md section 5).
//!
//! The client sees the other one's values, and its operations are answered for what it sees. But what they make of another one's
//! value is nobody's word. So they are applied once more to what the client's own connection has of these attributes, and what comes
//! of that waits for its turn.

use std::collections::BTreeSet;

use crate::model::Object;
use crate::model::deviation::Deviation;
use crate::model::patch::{PatchRequest, patch};
use crate::model::schema::SchemaSet;
use crate::model::user::User;
use crate::provision::authority::{at, own_view, set_at};
use crate::provision::person::Context;

use super::changed_names;

/// Puts the connection's own words in the place of what a PATCH made of others' values, and names them among what changed. Answers
/// of what nothing is kept, because it makes no sense without another one's value.
pub(super) fn words(
    (context, schemas): (Context<'_>, &SchemaSet),
    before: &User,
    (shown, request): (&Object, &PatchRequest),
    attributes: &mut Object,
    changed: &mut BTreeSet<String>,
) -> Vec<Deviation> {
    let Some((start, others)) = own_view(before, shown, context.connection, context.organisation) else {
        return Vec::new();
    };
    let (mut own, mut is_whole) = (start.clone(), true);
    for operation in &request.operations {
        let mut one = request.clone();
        one.operations = vec![operation.clone()];
        match patch(schemas, &own, &one, context.connection) {
            Ok(patched) => own = patched.resource,
            Err(_) => is_whole = false,
        }
    }
    let said = changed_names(&start, &own);
    let mut deviations = Vec::new();
    for name in others {
        let is_said = said.contains(&name);
        if !is_said && !changed.contains(&name) {
            continue;
        }
        if !is_said && !is_whole {
            let attribute = name.clone();
            deviations.push(Deviation::Unkept { attribute });
        }
        set_at(attributes, &name, at(&own, &name).cloned());
        changed.insert(name);
    }
    deviations
}
