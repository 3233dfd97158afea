//! One request that the steps of the first days did not know: what, by whom, and whether it comes twice.

use proptest::prelude::*;

use super::world::World;
use super::{access, credentials, data, directory, lists, many, organisation, provider, resources, tree};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Access,
    Credentials,
    Data,
    Directory,
    Lists,
    Many,
    Organisation,
    Provider,
    Resources,
    Tree,
}

impl Area {
    const ALL: [Self; 10] = [
        Self::Access,
        Self::Credentials,
        Self::Data,
        Self::Directory,
        Self::Lists,
        Self::Many,
        Self::Organisation,
        Self::Provider,
        Self::Resources,
        Self::Tree,
    ];
}

/// One request. The log that a failed history prints says what it came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) area: Area,
    pub(super) verb: u8,
    pub(super) who: u8,
    pub(super) what: u8,
    pub(super) yes: bool,
    /// A person sends it with the person's own rights, where somebody was let in.
    pub(super) own: bool,
    /// It is sent with an idempotency key, and then again.
    pub(super) twice: bool,
}

impl Arbitrary for Act {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        let parts = (
            prop::sample::select(Area::ALL.to_vec()),
            any::<[u8; 3]>(),
            any::<bool>(),
            prop::bool::weighted(0.15),
            prop::bool::weighted(0.1),
        );
        parts
            .prop_map(|(area, [verb, who, what], yes, own, twice)| Self {
                area,
                verb,
                who,
                what,
                yes,
                own,
                twice,
            })
            .boxed()
    }
}

impl Act {
    /// Sends it.
    pub(super) async fn take(&self, world: &mut World) -> Result<(), TestCaseError> {
        world.begin(self.own, self.twice);
        let taken = match self.area {
            Area::Access => access::take(self, world).await,
            Area::Credentials => credentials::take(self, world).await,
            Area::Data => data::take(self, world).await,
            Area::Directory => directory::take(self, world).await,
            Area::Lists => lists::take(self, world).await,
            Area::Many => many::take(self, world).await,
            Area::Organisation => organisation::take(self, world).await,
            Area::Provider => provider::take(self, world).await,
            Area::Resources => resources::take(self, world).await,
            Area::Tree => tree::take(self, world).await,
        };
        world.begin(false, false);
        taken
    }

    /// One of some names.
    pub(super) fn one_of<'a>(&self, names: &[&'a str]) -> &'a str {
        names[usize::from(self.what) % names.len()]
    }
}
