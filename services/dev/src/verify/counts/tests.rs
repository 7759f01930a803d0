use super::*;

#[test]
fn all_programs_of_a_cargo_run_are_added_up() {
    let tests = Tests::of_cargo(
        "running 2 tests\n\
         test order::a ... ok\n\
         test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
         test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.0s\n\
         test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 9s\n",
    );
    assert_eq!((tests.passed, tests.failed, tests.skipped), (9, 0, 1));
}

#[test]
fn failing_cargo_tests_are_named_once() {
    let tests = Tests::of_cargo(
        "test order::a ... FAILED\n\
         failures:\n\
         \n\
         ---- order::a stdout ----\n\
         thread panicked\n\
         \n\
         failures:\n    order::a\n\n\
         test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
    );
    assert_eq!((tests.passed, tests.failed), (1, 1));
    assert_eq!(tests.failing, ["order::a"]);
}

#[test]
fn output_without_a_summary_counts_nothing() {
    assert_eq!(
        Tests::of_cargo("Compiling a\nerror: could not compile\n"),
        Tests::default()
    );
    assert_eq!(
        Tests::of_node("> vite build\nbuilt in 2s\n"),
        Tests::default()
    );
}

#[test]
fn vitest_counts_tests_and_not_files() {
    let tests = Tests::of_node(
        " FAIL  src/state.test.ts > says saved\n\
         \u{1b}[2m Test Files \u{1b}[22m 1 failed | 3 passed (4)\n\
         \u{1b}[2m      Tests \u{1b}[22m \u{1b}[31m1 failed\u{1b}[39m | 11 passed | 2 skipped (14)\n",
    );
    assert_eq!((tests.passed, tests.failed, tests.skipped), (11, 1, 2));
    assert_eq!(tests.failing, ["src/state.test.ts > says saved"]);
    assert_eq!(Tests::of_node("      Tests  12 passed (12)\n").passed, 12);
}

#[test]
fn node_counts_its_closing_lines_in_both_styles() {
    let plain = Tests::of_node("not ok 2 - converge\n# tests 5\n# pass 4\n# fail 1\n# skipped 0\n");
    assert_eq!((plain.passed, plain.failed), (4, 1));
    assert_eq!(plain.failing, ["converge"]);
    let terminal = Tests::of_node("\u{2139} tests 5\n\u{2139} pass 5\n\u{2139} todo 0\n");
    assert_eq!((terminal.passed, terminal.failed), (5, 0));
}

#[test]
fn playwright_counts_flaky_tests_as_failed_and_unreached_ones_as_skipped() {
    let tests = Tests::of_node(
        "Running 6 tests using 1 worker\n  1) two.spec.ts:3:1 \u{203a} they type \u{2500}\u{2500}\n\
         \n  1 failed\n    two.spec.ts:3:1 \u{203a} they type \u{2500}\u{2500}\n  1 flaky\n\
         \n  2 did not run\n  3 passed (34.5s)\n",
    );
    assert_eq!((tests.passed, tests.failed, tests.skipped), (3, 2, 2));
    assert_eq!(tests.failing, ["two.spec.ts:3:1 \u{203a} they type"]);
}

#[test]
fn criterion_prints_one_success_for_each_bench() {
    assert_eq!(
        Tests::of_criterion("Testing mint\nSuccess\n\nTesting parse\nSuccess\n"),
        2
    );
}
