//! Histories with one thing wrong each.

use aetherflow_api::statesync::v1 as wire;
use guuid::Guuid;
use wire::OperationStatus as Status;
use wire::step::Kind as Step;
use wire::write::Kind as Write;

use super::sample::{
    WORD, answered_at, asked_at, audit, entries, fenced, grant, history, moment, sample, step,
    text_value, told_at, update,
};
use super::{assert_finds, assert_is_right};
use crate::check::Rule;
use crate::history::{Answer, Attempt, Event, History, Release};

/// The call for a version of the sample.
fn call(history: &mut History, version: u64) -> &mut crate::history::Call {
    let id = history.log[version as usize - 1].id.clone();
    let mut calls = history.calls.iter_mut();
    calls.find(|call| call.operation == id).unwrap()
}

fn attempt(answer: Answer) -> Attempt {
    Attempt {
        replica: 2,
        asked: asked_at(1),
        answered: answered_at(1),
        answer,
    }
}

fn unknown() -> Answer {
    Answer::Unknown("cut".to_owned())
}

/// An operation that is not in the log.
fn stray(history: &mut History, answer: Answer) {
    let mut call = history.calls[0].clone();
    call.operation = Guuid::now().to_string();
    call.attempts = vec![attempt(answer)];
    history.calls.push(call);
}

#[test]
fn what_is_right_is_right() {
    assert_is_right(&sample());
}

#[test]
fn an_operation_of_which_nobody_knows_may_be_there_or_not() {
    let mut one = sample();
    call(&mut one, 8).attempts.insert(0, attempt(unknown()));
    assert_is_right(&one);
    let refused = Answer::Refused("LOCKED".to_owned());
    stray(&mut one, refused.clone());
    one.calls
        .last_mut()
        .unwrap()
        .attempts
        .insert(0, attempt(unknown()));
    assert_is_right(&one);
    // The attempt that nobody answered was carried out, and a later one refused.
    let attempts = &mut call(&mut one, 8).attempts;
    attempts.pop();
    attempts.push(attempt(refused));
    assert_is_right(&one);
}

#[test]
fn an_acknowledged_operation_that_is_not_in_the_log_is_lost() {
    let mut lost = sample();
    stray(
        &mut lost,
        Answer::Accepted {
            version: 3,
            named: true,
            status: Status::Applied,
        },
    );
    assert_finds(Rule::Lost, &lost);
}

#[test]
fn an_operation_that_is_in_the_log_again_is_there_twice() {
    let mut log = entries();
    log.push(log[7].clone());
    let mut twice = history(log);
    // Nobody asked twice.
    twice.calls.pop();
    assert_finds(Rule::Twice, &twice);
}

#[test]
fn an_effect_that_is_more_than_was_asked_is_doubled() {
    let mut log = entries();
    let steps = &mut log[1].effect.as_mut().unwrap().steps;
    steps.push(steps[0].clone());
    assert_finds(Rule::Doubled, &history(log));

    let mut log = entries();
    log[2].effect.as_mut().unwrap().steps.clear();
    assert_finds(Rule::Doubled, &history(log));

    // The word again, in a field.
    let mut log = entries();
    let written = wire::FieldWrite {
        field: "note".to_owned(),
        write: Some(wire::Write {
            kind: Some(Write::Set(text_value(WORD))),
        }),
    };
    let effect = log[7].effect.as_mut().unwrap();
    effect.steps.push(step(Step::Write(written)));
    assert_finds(Rule::Doubled, &history(log));

    // Or not at all.
    let mut log = entries();
    log[3].effect = None;
    assert_finds(Rule::Doubled, &history(log));
}

#[test]
fn an_answer_tells_the_version_and_the_status_that_the_log_has() {
    let accepted = |version, named, status| Answer::Accepted {
        version,
        named,
        status,
    };
    for (answer, is_right) in [
        (accepted(7, true, Status::Applied), false),
        (accepted(8, true, Status::Conflict), false),
        (accepted(7, false, Status::Applied), false),
        (accepted(8, false, Status::Applied), true),
    ] {
        let mut other = sample();
        call(&mut other, 8).attempts[0].answer = answer;
        if is_right {
            assert_is_right(&other);
        } else {
            assert_finds(Rule::OtherAnswer, &other);
        }
    }
    // Asked again, it is answered otherwise.
    let mut other = sample();
    let mut again = attempt(accepted(7, true, Status::Applied));
    (again.asked, again.answered) = (moment(2_000), moment(2_001));
    call(&mut other, 8).attempts.push(again);
    assert_finds(Rule::OtherAnswer, &other);
}

#[test]
fn the_log_has_what_was_asked_for() {
    let mut other = sample();
    call(&mut other, 8).data = other_data();
    assert_finds(Rule::OtherOperation, &other);
    let mut other = sample();
    call(&mut other, 8).user = "mallory".to_owned();
    assert_finds(Rule::OtherOperation, &other);
    let mut other = sample();
    call(&mut other, 8).fence = Some(1);
    assert_finds(Rule::OtherOperation, &other);
}

fn other_data() -> wire::OperationData {
    update("alice", "votes", Write::Add(4)).data.unwrap()
}

#[test]
fn what_was_known_before_something_was_asked_for_is_before_it() {
    let mut reordered = sample();
    let early = &mut call(&mut reordered, 7).attempts[0];
    (early.asked, early.answered) = (moment(10_000), moment(10_001));
    assert_finds(Rule::Reordered, &reordered);
    // Nobody was answered in time, but somebody was told.
    call(&mut reordered, 8).attempts[0].answer = unknown();
    assert_finds(Rule::Reordered, &reordered);
}

#[test]
fn versions_follow_each_other() {
    let mut hole = sample();
    hole.log[7].version = 9;
    assert_finds(Rule::NotContiguous, &hole);
}

#[test]
fn nobody_is_in_the_log_who_was_not_let_in() {
    let mut uninvited = sample();
    uninvited.calls.pop();
    assert_finds(Rule::Uninvited, &uninvited);
    let mut refused = sample();
    call(&mut refused, 8).attempts[0].answer = Answer::Refused("LOCKED".to_owned());
    assert_finds(Rule::Uninvited, &refused);
}

#[test]
fn answers_that_should_not_be_are_found() {
    let mut reused = sample();
    stray(&mut reused, Answer::Refused("OPERATION_REUSED".to_owned()));
    assert_finds(Rule::UnexpectedAnswer, &reused);
    let mut ended = sample();
    let reason = "NOT_YET".to_owned();
    ended.told[0].events.push(Event::Ended { reason });
    assert_finds(Rule::UnexpectedAnswer, &ended);
    let mut silent = sample();
    stray(&mut silent, unknown());
    assert_finds(Rule::NeverAnswered, &silent);
}

#[test]
fn a_subscriber_is_told_everything_once_and_in_order() {
    let mut gap = sample();
    gap.told[0].events.remove(3);
    assert_finds(Rule::Gap, &gap);
    let mut end = sample();
    end.told[0].events.pop();
    assert_finds(Rule::Gap, &end);
    let mut twice = sample();
    let again = twice.told[1].events[3].clone();
    twice.told[1].events.insert(3, again);
    assert_finds(Rule::ToldTwice, &twice);
    let mut swapped = sample();
    swapped.told[0].events.swap(4, 5);
    assert_finds(Rule::Gap, &swapped);
    assert_finds(Rule::ToldTwice, &swapped);
}

#[test]
fn a_subscriber_is_told_what_the_log_has() {
    let mut other = sample();
    let Event::Operation { operation, .. } = &mut other.told[0].events[8] else {
        panic!("the sample is another one");
    };
    operation.data = Some(other_data());
    assert_finds(Rule::OtherEvent, &other);
    let mut beyond = sample();
    let mut one_more = beyond.log[7].clone();
    one_more.version = 9;
    beyond.told[0].events.push(Event::Operation {
        at: told_at(9),
        version: 9,
        operation: Box::new(one_more),
    });
    assert_finds(Rule::OtherEvent, &beyond);
    let mut broken = sample();
    let reason = "no Yjs update".to_owned();
    broken.told[0].events.push(Event::Broken { reason });
    assert_finds(Rule::OtherEvent, &broken);
}

#[test]
fn everybody_has_in_the_end_what_the_log_adds_up_to() {
    let mut told = sample();
    told.told[0].board.text.push('!');
    assert_finds(Rule::Diverged, &told);
    let mut read = sample();
    read.readings[2].board.objects.clear();
    assert_finds(Rule::Diverged, &read);
    let mut behind = sample();
    behind.readings[2].version = 7;
    assert_finds(Rule::Diverged, &behind);
    let mut content = sample();
    let Event::Content { board, .. } = &mut content.told[1].events[1] else {
        panic!("the sample is another one");
    };
    board.objects.clear();
    assert_finds(Rule::Diverged, &content);
}

#[test]
fn who_has_lost_a_lock_writes_nothing_under_it() {
    // Nobody was granted it.
    let mut nobody = sample();
    nobody.grants.remove(0);
    assert_finds(Rule::Fenced, &nobody);
    // It is somebody else's.
    let mut other = sample();
    other.grants[0].lock.user_id = "carol".to_owned();
    assert_finds(Rule::Fenced, &other);
    // It is about something else.
    let mut elsewhere = sample();
    elsewhere.grants[0].lock.object_id = "circle".to_owned();
    assert_finds(Rule::Fenced, &elsewhere);
    // The next holder has written already.
    let mut log = entries();
    log.swap(5, 6);
    let mut late = history(log);
    late.grants[1].answered = moment(9_000);
    assert_finds(Rule::Fenced, &late);
    // The next holder was granted it before this was asked for.
    let mut asleep = sample();
    asleep.grants[1].answered = moment(599);
    assert_finds(Rule::Fenced, &asleep);
}

#[test]
fn nobody_writes_where_somebody_else_has_a_lock() {
    let mut log = entries();
    let blue = update("alice", "fill", Write::Set(text_value("red")));
    log.insert(6, fenced(blue, 1));
    assert_is_right(&history(log.clone()).with_later_grant(790));
    let intruder = update("carol", "fill", Write::Set(text_value("black")));
    log.insert(6, intruder);
    assert_finds(Rule::Fenced, &history(log).with_later_grant(890));
}

#[test]
fn two_do_not_hold_one_lock() {
    let mut early = sample();
    early.grants[1] = grant("bob", 2, 1_299, 1_600);
    early.grants[1].answered = moment(690);
    assert_finds(Rule::HeldByTwo, &early);
    // It was given back before.
    early.releases.push(Release {
        fence: 1,
        asked: moment(660),
    });
    assert_is_right(&early);
    let mut renewed = sample();
    let mut longer = renewed.grants[0].clone();
    longer.lock.expires_at = grant("alice", 1, 1_000, 1_500).lock.expires_at;
    renewed.grants.push(longer);
    assert_finds(Rule::HeldByTwo, &renewed);
    let mut same = sample();
    let mut other = same.grants[0].clone();
    other.lock.id = Guuid::now().to_string();
    same.grants.push(other);
    assert_finds(Rule::HeldByTwo, &same);
    let mut backwards = sample();
    backwards.grants[0].lock.acquired_at = grant("alice", 1, 1_400, 1_500).lock.acquired_at;
    assert_finds(Rule::HeldByTwo, &backwards);
}

#[test]
fn the_audit_log_is_a_chain_about_the_log() {
    let mut changed = sample();
    changed.audit[3].digest = vec![8; 32].into();
    assert_finds(Rule::AuditBroken, &changed);
    let mut cut = sample();
    cut.audit.pop();
    assert_finds(Rule::AuditBroken, &cut);
    let mut head = sample();
    head.audit_hash[0] ^= 1;
    assert_finds(Rule::AuditBroken, &head);
    // A chain of its own, about another log.
    let mut other = sample();
    other.log[4].user_id = "mallory".to_owned();
    audit(&mut other);
    other.log[4].user_id = "carol".to_owned();
    assert_finds(Rule::AuditBroken, &other);
}

impl History {
    /// The second lock is granted later.
    fn with_later_grant(mut self, number: u64) -> Self {
        self.grants[1].answered = moment(number);
        self
    }
}
