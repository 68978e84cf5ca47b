//! The club.
fn main() {}
