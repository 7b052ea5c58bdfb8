//! The `lobd` binary.
fn main() {}
