//! AetherFlow in one process

fn main() {}
