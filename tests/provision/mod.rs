//! Synchronisation runs, against a real slapd.

mod adoption;
mod brakes;
mod changes;
mod full;
mod gateway;
mod interruptions;
mod leavers;
mod seats;
mod turns;
