use super::*;

/// What cargo prints of a program of which these tests fail, and of a hundred that pass after it.
fn log(failing: &[(&str, &str)]) -> String {
    let mut log = String::from("running 9 tests\ntest a ... ok\n\nfailures:\n\n");
    for (name, said) in failing {
        log += &format!("---- {name} stdout ----\n{said}\n\n");
    }
    log += "\nfailures:\n";
    for (name, _) in failing {
        log += &format!("    {name}\n");
    }
    log += "\ntest result: FAILED. 8 passed; 1 failed; 0 ignored; 0 measured\n\n";
    log += "error: test failed, to rerun pass `-p a --lib`\n";
    for count in 0..100 {
        log += &format!("     Running tests/later.rs\ntest later{count} ... ok\n");
    }
    log
}

const PANIC: &str = "\nthread 'order::a' panicked at a.rs:1:\nassertion failed: left == right\n  \
    left: 1\n right: 2\nstack backtrace:\n   0: __rustc::rust_begin_unwind\n             \
    at /rustc/library/std/src/panicking.rs:698:5\n   1: order::a\n             at ./a.rs:1\n\
    note: Some details are omitted";

#[test]
fn what_a_failing_test_said_is_shown_however_much_came_after_it() {
    let shown = of_log(&log(&[("order::a", PANIC)]));
    let said = [
        "---- order::a stdout ----",
        "",
        "thread 'order::a' panicked at a.rs:1:",
        "assertion failed: left == right",
        "  left: 1",
        " right: 2",
        "the last 15 lines:",
    ];
    assert_eq!(&shown[..said.len()], said);
    assert_eq!(shown.last().unwrap(), "test later99 ... ok");
    assert_eq!(shown.len(), said.len() + LAST_MIN);
}

#[test]
fn what_a_test_said_after_a_backtrace_is_not_taken_for_one() {
    let said = format!("{PANIC}\nthe seed was 7\n0: is a number");
    let shown = of_log(&log(&[("order::a", &said)]));
    assert!(shown.contains(&"the seed was 7".to_owned()), "{shown:?}");
    assert!(shown.contains(&"0: is a number".to_owned()));
}

#[test]
fn many_that_fail_share_the_place_and_none_takes_all_of_it() {
    let long = "said\n".repeat(1_000);
    let shown = of_log(&log(&[
        ("first", &long),
        ("second", PANIC),
        ("third", &long),
    ]));
    assert!(shown.len() <= SAID_MAX + LAST_MIN + 2, "{}", shown.len());
    for name in ["first", "second", "third"] {
        let head = format!("---- {name} stdout ----");
        assert!(shown.contains(&head), "{name} is missing");
    }
    assert!(shown.contains(&"assertion failed: left == right".to_owned()));
    assert!(shown.iter().any(|line| line.ends_with(" more lines")));
}

#[test]
fn however_many_fail_it_is_said_how_many_are_not_shown() {
    let names: Vec<_> = (0..100).map(|count| format!("test{count}")).collect();
    let failing: Vec<_> = names.iter().map(|name| (name.as_str(), PANIC)).collect();
    let shown = of_log(&log(&failing));
    let heads = shown
        .iter()
        .filter(|line| line.starts_with("---- "))
        .count();
    assert!(shown.contains(&format!(".. and {} more that failed", 100 - heads)));
    assert!(shown.len() <= SAID_MAX + LAST_MIN + 2, "{}", shown.len());
}

#[test]
fn a_program_that_died_is_shown_with_what_it_said_last() {
    let log = "running 1 test\nthread 'a' has overflowed its stack\nfatal runtime error\n\
               error: test failed, to rerun pass `-p a --lib`\n\nCaused by:\n  \
               process didn't exit successfully: `a` (signal: 6, SIGABRT)\n"
        .to_owned()
        + &"test b ... ok\n".repeat(80);
    let shown = of_log(&log);
    assert!(shown.contains(&"thread 'a' has overflowed its stack".to_owned()));
}

#[test]
fn a_round_that_failed_is_shown_with_what_was_found() {
    let log = "> kill-replica\n  FAILED: the history is in x.json\n    an operation is lost\n  \
               again: cargo chaos --fault kill-replica\n> kill-redis\n"
        .to_owned()
        + &"| row |\n".repeat(80);
    let shown = of_log(&log);
    assert_eq!(
        &shown[..3],
        [
            "  FAILED: the history is in x.json",
            "    an operation is lost",
            "  again: cargo chaos --fault kill-replica",
        ]
    );
}

#[test]
fn without_a_failing_test_the_end_of_the_log_is_shown() {
    let log = "error: could not compile\n".repeat(100);
    assert_eq!(of_log(&log).len(), LAST_MAX);
    assert_eq!(of_log(""), Vec::<String>::new());
}
