//! Synchronisation runs, against a real slapd.

mod adoption;
mod brakes;
mod changes;
mod failing;
mod full;
mod gateway;
mod interruptions;
mod leavers;
mod races;
mod seats;
mod servers;
mod turns;
