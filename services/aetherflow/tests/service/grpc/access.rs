//! Who may call the document service: whoever the gateway lets in, with the same proof.

use std::fs;

use serde_json::Value;
use tonic::Code;

use crate::grpc::client::Credentials;
use crate::grpc::{Reader, apply, connect, content, token, type_in};
use crate::rest::Person;
use crate::server::{Server, Setup};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Calls in the name of this user, as a program that has this secret.
fn in_the_name_of(user: &str, secret: Option<&str>) -> Credentials {
    let credentials = Credentials::default()
        .with("x-user-id", user)
        .with("x-session-id", "of a program");
    match secret {
        Some(secret) => credentials.with("authorization", &format!("Bearer {secret}")),
        None => credentials,
    }
}

/// What somebody with these credentials gets to read, or why not.
async fn reading(server: &Server, credentials: Credentials, document: &str) -> Result<(), Code> {
    let mut client = connect(server, credentials).await;
    let content = content(&mut client, document).await;
    content.map(drop).map_err(|status| status.code())
}

#[tokio::test]
async fn only_a_good_access_token_lets_in_and_only_to_what_its_user_may_see() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create("Private").await;
    let bob = Person::log_in(&server, "Bob").await;
    assert_eq!(reading(&server, token(&ada), &document).await, Ok(()));
    let private = reading(&server, token(&bob), &document).await;
    assert_eq!(private, Err(Code::NotFound));

    let forged = Person {
        access_token: format!("{}x", ada.access_token),
        ..ada.clone()
    };
    for (what, credentials) in [
        ("nothing", Credentials::default()),
        ("a forged token", token(&forged)),
        ("a name alone", in_the_name_of("ada", None)),
        (
            "a secret that there is not",
            in_the_name_of("ada", Some(SECRET)),
        ),
        (
            "another scheme",
            Credentials::default().with("authorization", "Basic YTpi"),
        ),
    ] {
        let refused = reading(&server, credentials, &document).await;
        assert_eq!(refused, Err(Code::Unauthenticated), "{what}");
    }
    // A token speaks for its own user, whatever else is claimed.
    let pretending = token(&bob).with("x-user-id", "ada");
    let private = reading(&server, pretending, &document).await;
    assert_eq!(private, Err(Code::NotFound));
}

#[tokio::test]
async fn with_the_service_secret_a_program_calls_in_the_name_of_users() {
    let setup = Setup::default();
    let file = setup.beside("secret");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let setup = setup.flags(["--service-secret-file".into(), file.into_os_string()]);
    let server = setup.start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create("Private").await;
    for (credentials, expected) in [
        (token(&ada), Ok(())),
        (in_the_name_of("ada", Some(SECRET)), Ok(())),
        (in_the_name_of("bob", Some(SECRET)), Err(Code::NotFound)),
        (in_the_name_of("ada", None), Err(Code::Unauthenticated)),
        (
            in_the_name_of("ada", Some(&ada.access_token)),
            Err(Code::Unauthenticated),
        ),
        (
            Credentials::default().with("authorization", &format!("Bearer {SECRET}")),
            Err(Code::Unauthenticated),
        ),
    ] {
        let what = format!("{credentials:?}");
        assert_eq!(
            reading(&server, credentials, &document).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test]
async fn whoever_logs_out_is_cut_off_here_too() {
    let server = Setup::default().start().await;
    let ada = Person::log_in(&server, "Ada").await;
    let document = ada.create_public("Notes", "edit").await;
    let bob = Person::log_in(&server, "Bob").await;
    let mut bobs = connect(&server, token(&bob)).await;
    let mut reader = Reader::begin(&mut bobs, &document).await;
    apply(&mut bobs, type_in(&document, 0, "x")).await.unwrap();
    reader.until("x").await;
    let (asking, asked) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(asked);
    let mut answers = bobs.apply_operations(asked).await.unwrap().into_inner();

    bob.call("POST", "/auth/logout", Value::Null)
        .await
        .expect(204);
    assert_eq!(reader.ended().await.code(), Code::Unauthenticated);
    let end = answers.message().await.unwrap_err();
    assert_eq!(end.code(), Code::Unauthenticated);
    drop(asking);
    let refused = reading(&server, token(&bob), &document).await;
    assert_eq!(refused, Err(Code::Unauthenticated));
    // Of others nothing ends.
    assert_eq!(reading(&server, token(&ada), &document).await, Ok(()));
}
