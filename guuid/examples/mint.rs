//! Mints three ids and prints them in each text form, with their time.

use guuid::Guuid;

fn main() {
    for id in [Guuid::now(), Guuid::now(), Guuid::now()] {
        println!(
            "{id}  {}  {}  {} ms",
            id.simple(),
            id.sortable(),
            id.unix_ms()
        );
    }
}
