//! usher
fn main() {}
