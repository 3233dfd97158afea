//! Pure types and rules: no I/O, no async, no clock.

pub mod clock;
pub mod connection;
pub mod declaration;
pub mod event;
pub mod group;
pub mod id;
pub mod invitation;
pub mod licence;
pub mod lifecycle;
pub mod membership;
pub mod organisation;
pub mod origin;
pub mod record;
pub mod role;
pub mod slug;
pub mod token;
pub mod user;
