use super::*;

fn job(name: &str, budget: Duration) -> Job {
    let folder = std::env::temp_dir().join(format!("aetherflow-dev-{}", std::process::id()));
    Job::start(folder.join(format!("{name}.log")), budget).unwrap()
}

fn shell(script: &str) -> Command {
    let mut command = command("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn output_of_one_command_is_told_from_that_of_the_one_before() {
    let mut job = job("two", Duration::from_secs(30));
    job.run(shell("echo first")).unwrap();
    let second = job
        .run(shell("echo second; echo error >&2; exit 3"))
        .unwrap();
    assert_eq!(second.output, "second\nerror\n");
    assert_eq!(second.status.code(), Some(3));
    assert!(second.required().is_err());
    let log = std::fs::read_to_string(job.log_path()).unwrap();
    assert!(
        log.starts_with("$ sh -c 'echo first'\nfirst\n$ sh -c "),
        "{log}"
    );
}

#[test]
fn captured_output_is_returned_and_stays_out_of_the_log() {
    let mut job = job("capture", Duration::from_secs(30));
    assert_eq!(
        job.capture(shell("echo data; echo warning >&2")).unwrap(),
        "data\n"
    );
    let log = std::fs::read_to_string(job.log_path()).unwrap();
    assert!(log.ends_with("\nwarning\n"), "{log}");
}

#[test]
fn a_command_over_its_budget_is_ended_with_everything_it_started() {
    let mut job = job("hang", Duration::from_millis(300));
    // The grandchild would keep the log open and the machine busy if it survived.
    let failure = job.run(shell("sleep 600 & echo $!; wait")).unwrap_err();
    assert!(
        failure.to_string().contains("not over after 0.3 s"),
        "{failure}"
    );
    let log = std::fs::read_to_string(job.log_path()).unwrap();
    let grandchild: i32 = log.lines().nth(1).unwrap().parse().unwrap();
    assert!(
        (0..LOOKS_MAX).any(|_| is_over(grandchild)),
        "process {grandchild} lives on"
    );
}

/// How often the test looks for the end of a process that was killed; each look is a system call.
const LOOKS_MAX: usize = 1_000_000;

fn is_over(process: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Gone, or a zombie that waits for its new parent to notice.
    state.is_empty() || state.contains(") Z") || state.contains(") X")
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let mut job = job("missing", Duration::from_secs(30));
    let failure = job.run(command("no-such-program-of-ours")).unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("cannot run `no-such-program-of-ours`"),
        "{failure}"
    );
}

#[test]
fn durations_are_short_words() {
    assert_eq!(duration(Duration::from_millis(1_234)), "1.2 s");
    assert_eq!(duration(Duration::from_secs(99)), "99.0 s");
    assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
    assert_eq!(duration(Duration::from_secs(600)), "10 min");
}
