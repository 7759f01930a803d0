//! See the library of this package.

fn main() -> Result<(), bench_stores::Failure> {
    bench_stores::run()
}
