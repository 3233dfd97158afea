//! Synchronisation runs, against a real slapd.

mod adoption;
mod brakes;
mod changes;
mod custom_attributes;
mod failing;
mod full;
mod gateway;
mod histories;
mod incremental;
mod interruptions;
mod leavers;
mod names;
mod races;
mod rebuilt;
mod rule_teams;
mod seats;
mod servers;
mod turns;
mod two_sources;
