//! Synchronisation runs, against a real slapd.

mod adoption;
mod advice;
mod brakes;
mod changes;
mod custom_attributes;
mod failing;
mod failover;
mod faults;
mod full;
mod gateway;
mod histories;
mod incremental;
mod interruptions;
mod isolation;

mod leavers;
mod logged;
mod names;
mod races;
mod rebuilt;
mod rule_teams;
mod seats;
mod servers;
mod servers_changes;
mod settings;
mod stays_connected;
mod turns;
mod two_sources;
