//! Developer commands behind 'cargo up' and 'cargo verify'

fn main() {}
