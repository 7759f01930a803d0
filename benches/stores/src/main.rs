//! Embedded stores compared on the document log's own work

fn main() {}
