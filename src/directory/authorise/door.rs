//! Through which program the admin API is asked.

use crate::model::event::Door;

use super::Principal;

impl Principal {
    /// The same, asking with the command line. Whoever says so of another program is believed: it changes what the logs call the
    /// door, and nothing that is allowed.
    #[must_use]
    pub fn at_command_line(mut self) -> Self {
        if self.actor.door == Door::Api {
            self.actor.door = Door::Cli;
        }
        self
    }
}
