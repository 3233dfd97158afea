//! What is journalled of a write beside its answer.

use crate::model::deviation::Deviation;
use crate::provision::authority::Aside;

/// What other connections' say, and other people's names, made of a write.
pub(super) fn deviations(aside: Aside) -> impl Iterator<Item = Deviation> {
    let yielded = aside.yielded.into_iter();
    let unkept = aside.unkept.into_iter();
    let taken = aside.taken.into_keys();
    yielded
        .map(|attribute| Deviation::Yielded { attribute })
        .chain(unkept.map(|attribute| Deviation::Unkept { attribute }))
        .chain(taken.map(|attribute| Deviation::StillTaken { attribute }))
}
