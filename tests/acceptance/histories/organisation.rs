//! Organisation files: other licences, roles, attributes, settings, cost centres and types.

use axum::http::Method;
use proptest::prelude::*;

use super::act::Act;
use super::world::World;

/// What the file of a history says beyond the first one's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant {
    /// Seats of the scarce licence.
    pub(super) limit: u8,
    /// Its policy.
    pub(super) policy: u8,
    /// Further licences, roles, types and attributes.
    pub(super) more: bool,
    /// Which of the settings are other ones.
    pub(super) settings: u8,
}

impl Variant {
    /// With two seats of the scarce licence, which refuses.
    pub(super) const fn first() -> Self {
        Self {
            limit: 2,
            policy: 0,
            more: false,
            settings: 0,
        }
    }
}

pub(super) async fn take(act: &Act, world: &mut World) -> Result<(), TestCaseError> {
    match act.verb % 4 {
        0 => {
            let variant = Variant {
                more: act.yes,
                ..world.variant
            };
            world.apply(variant).await
        }
        1 => {
            let variant = Variant {
                settings: act.what,
                ..world.variant
            };
            world.apply(variant).await
        }
        2 => {
            let variant = Variant {
                limit: act.what % 5,
                policy: act.who,
                ..world.variant
            };
            world.apply(variant).await
        }
        _ => world.admin(Method::GET, "licences/forecast", None).await,
    }
}

/// An organisation whose connection gives a scarce licence, and another to leads; and a directory beside it.
pub(super) fn file(slug: &str, variant: Variant, directory: &str) -> String {
    let Variant {
        limit,
        policy,
        more,
        settings,
    } = variant;
    let when_full = match policy % 4 {
        0 => "\"refuse\"".to_owned(),
        1 => "\"wait\"".to_owned(),
        2 => "{ fallback = \"basic\" }".to_owned(),
        _ => format!("{{ overage = {} }}", limit + 1),
    };
    let mut file = format!(
        "[organisation]\nslug = \"{slug}\"\n{settings}\
         [organisation.groups]\ndepth = 3\n\
         [[permissions]]\nkey = \"call.make\"\n[[permissions]]\nkey = \"call.listen\"\n\
         [[roles]]\nkey = \"member\"\nname = \"Member\"\n\
         [[roles]]\nkey = \"agent\"\nname = \"Agent\"\nincludes = [\"member\"]\npermissions = [\"user.view\", \"group.members@group\"]\n\
         [[roles]]\nkey = \"boss\"\nname = \"Boss\"\nadministers = true\n\
         [[roles]]\nkey = \"operator\"\nname = \"Operator\"\nscope = \"group\"\n\
         [[roles]]\nkey = \"head\"\nname = \"Head\"\nmax_holders = 2\n\
         [[licences]]\nkey = \"basic\"\nname = \"Basic\"\nlimit = 4\n\
         [[licences]]\nkey = \"pro\"\nname = \"Pro\"\nlimit = {limit}\nwhen_full = {when_full}\nthresholds = [50, 100]\n\
         [[licences]]\nkey = \"lead\"\nname = \"Lead\"\nlimit = 1\nwhen_full = \"wait\"\n\
         [[cost_centres]]\nkey = \"main\"\nname = \"Main\"\ndefault = true\n[[cost_centres]]\nkey = \"north\"\nname = \"North\"\n\
         [[resource_types]]\nkey = \"room\"\nname = \"Room\"\n\
         [[resource_types]]\nkey = \"number\"\nname = \"Number\"\nassignable = [\"user\"]\nexclusive = true\n\
         [[group_attributes]]\nname = \"floor\"\ntype = \"integer\"\nsearchable = true\n\
         [[user_attributes]]\nname = \"badge\"\ntype = \"string\"\nunique = true\n",
        settings = self::settings(settings),
    );
    if more {
        file.push_str(
            "[[licences]]\nkey = \"extra\"\nname = \"Extra\"\nlimit = 1\nconsumes_from = \"active\"\nrequired_for_roles = [\"agent\"]\n\
             [[roles]]\nkey = \"seated\"\nname = \"Seated\"\nrequires_licence = \"basic\"\n\
             [[user_attributes]]\nname = \"floor\"\ntype = \"integer\"\nsearchable = true\n",
        );
    }
    file.push_str(
        "[[connections]]\nname = \"entra\"\nkind = \"scim\"\nonboarding = \"prepared\"\nlicences = [\"pro\"]\nroles = [\"member\"]\n\
         grantable_roles = [\"agent\"]\n\
         [[connections.grants]]\nwhen = \"'leads' in groups\"\nlicences = [\"lead\"]\n",
    );
    file.push_str(directory);
    file
}

fn settings(pick: u8) -> &'static str {
    match pick % 4 {
        0 => "",
        1 => "local_changes = \"refused\"\n",
        2 => "invite_new_users = true\ninvitation_hours = 1\n",
        _ => "features = [\"more\"]\naudit_days = 30\n",
    }
}
