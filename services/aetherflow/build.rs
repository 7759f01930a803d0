//! The user interface is embedded into the binary: build it again when the files changed.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
}
