//! A server that is told to stop while programs have streams open.

use rustix::process::Signal;
use tonic::Code;

use crate::editor::Editor;
use crate::grpc::{Reader, apply, connect, token, type_in};
use crate::patience::in_time;
use crate::rest::Person;
use crate::server::Setup;
use crate::socket::Knock;

#[tokio::test]
async fn open_streams_are_told_to_come_back_and_the_server_ends() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create("Notes").await;
    let mut program = connect(&server, token(&ada)).await;
    let mut reader = Reader::begin(&mut program, &document).await;
    let mut editor = Editor::open(&Knock::by(&ada, &document)).await;
    let (asking, asked) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    let answers = program.apply_operations(asked).await.unwrap();
    let mut answers = answers.into_inner();
    asking.send(type_in(&document, 0, "kept")).await.unwrap();
    let answer = in_time("an answer in the stream", answers.message());
    answer.await.unwrap().expect("an answer");
    reader.until("kept").await;

    server.signal(Signal::TERM);
    assert_eq!(reader.ended().await.code(), Code::Unavailable);
    let end = in_time("the end of the stream", answers.message()).await;
    assert_eq!(end.unwrap_err().code(), Code::Unavailable);
    assert_eq!(editor.ended().await, Some(1012));
    // The connection is still there, and so is the stream of requests.
    let (ending, setup) = server.stop(Signal::TERM).await;
    assert_eq!(ending.status.code(), Some(0), "{}", ending.stderr);
    drop((asking, program));

    let server = setup.start().await;
    let ada = Person::log_in(&server, "Ada").await;
    assert_eq!(ada.text(&document).await, "kept");
    let mut program = connect(&server, token(&ada)).await;
    apply(&mut program, type_in(&document, 4, " on"))
        .await
        .unwrap();
    assert_eq!(ada.text(&document).await, "kept on");
}
