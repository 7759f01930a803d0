//! Who is let in to a socket, and who is not.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::Scene;
use crate::rest::{self, Person};
use crate::server::Setup;
use crate::socket::{Knock, PLAIN, SAVED, closing};

const UNAUTHENTICATED: u16 = 4401;
const NOT_FOUND: u16 = 4404;

impl Scene {
    /// At the door of the document, with this token.
    fn with_token(&self, token: &str) -> Knock {
        let door = Knock::at(self.server.gateway, &self.document);
        door.header("authorization", format!("Bearer {token}"))
    }

    /// The server's own key.
    fn key(&self) -> Vec<u8> {
        fs::read(self.server.setup().data().join("token.key")).unwrap()
    }
}

/// The claims of a token, without looking at its signature.
fn claims_of(token: &str) -> Value {
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token);
    claims.expect("a JWT").claims
}

fn sign(claims: &Value, algorithm: Algorithm, key: &[u8]) -> String {
    let key = EncodingKey::from_secret(key);
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// Without a signature, as RFC 7519 section 6 allows and nobody should.
fn unsigned(signed: &str) -> String {
    let payload = signed.split('.').nth(1).unwrap();
    // {"alg":"none","typ":"JWT"}
    format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")
}

#[tokio::test]
async fn a_forged_token_opens_nothing() {
    let mut scene = Scene::set(Setup::default()).await;
    let good = scene.owner.access_token.clone();
    let (claims, key) = (claims_of(&good), scene.key());
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(&claims, Algorithm::HS256, &key)
    };
    assert_eq!(with("name", claims["name"].clone()).split('.').count(), 3);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let forged = [
        ("nothing", String::new()),
        ("nonsense", "nonsense".to_owned()),
        ("too long", format!("{good}{}", "x".repeat(5_000))),
        ("expired", with("exp", json!(now - 60))),
        ("not yet good", with("nbf", json!(now + 600))),
        ("good for ever, as a text", with("exp", json!("9999999999"))),
        ("another audience", with("aud", json!("somebody"))),
        ("another issuer", with("iss", json!("somebody"))),
        ("another user", with("sub", json!("mallory"))),
        (
            "no such session",
            with("sid", json!("018f0000-0000-7000-8000-000000000000")),
        ),
        ("another key", sign(&claims, Algorithm::HS256, &[7; 32])),
        ("another algorithm", sign(&claims, Algorithm::HS512, &key)),
        ("no algorithm", unsigned(&good)),
        ("a refresh token", scene.owner.refresh_token.clone()),
    ];
    for (what, token) in forged {
        assert_eq!(
            scene.with_token(&token).refused().await,
            UNAUTHENTICATED,
            "{what}"
        );
        let mut person = scene.owner.clone();
        person.access_token = token;
        let answer = person.get("/auth/me").await;
        assert_eq!(answer.problem(401), "unauthenticated", "{what}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn without_a_token_nothing_opens() {
    let mut scene = Scene::set(Setup::default()).await;
    let gateway = scene.server.gateway;
    let door = Knock::at(gateway, &scene.document);
    assert_eq!(door.refused().await, UNAUTHENTICATED);
    assert_eq!(door.clone().offer(PLAIN).refused().await, UNAUTHENTICATED);
    assert_eq!(
        door.clone()
            .offer("aetherflow.yjs, bearer.")
            .refused()
            .await,
        UNAUTHENTICATED
    );
    let basic = door.header("authorization", "Basic b3duZXI6");
    assert_eq!(basic.refused().await, UNAUTHENTICATED);
    for path in ["/api/v1/auth/me", "/api/v1/documents"] {
        assert_eq!(
            rest::ask(gateway, "GET", path).await.problem(401),
            "unauthenticated"
        );
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn a_token_in_the_address_is_refused_even_if_it_is_good() {
    let mut scene = Scene::set(Setup::default()).await;
    let token = scene.owner.access_token.clone();
    for name in ["token", "access_token", "jwt", "auth"] {
        let path = format!("{}?a=b&{name}={token}", scene.document);
        let by_address = Knock::at(scene.server.gateway, &path);
        assert_eq!(by_address.refused().await, UNAUTHENTICATED);
        assert_eq!(
            Knock::by(&scene.owner, &path).refused().await,
            UNAUTHENTICATED
        );
    }
    scene.goes_on().await;
    assert!(
        !scene.server.logged().contains(&token),
        "a token was logged"
    );
}

#[tokio::test]
async fn a_browser_sends_its_token_as_a_subprotocol() {
    let scene = Scene::set(Setup::default()).await;
    let token = &scene.owner.access_token;
    for ours in [PLAIN, SAVED] {
        let door = Knock::at(scene.server.gateway, &scene.document);
        let offered = format!("{ours}, bearer.{token}");
        let (_socket, response) = door.offer(&offered).try_open().await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], ours);
    }
}

#[tokio::test]
async fn logging_out_closes_the_sockets_of_that_session_and_spoils_its_token() {
    let mut scene = Scene::set(Setup::default()).await;
    let guest = Person::log_in(&scene.server, "Guest").await;
    let elsewhere = Person::log_in(&scene.server, "Guest").await;
    let mut sockets = [
        Knock::by(&guest, &scene.document).open().await,
        Knock::by(&guest, &scene.document).open().await,
    ];
    let mut other = crate::editor::Editor::open(&Knock::by(&elsewhere, &scene.document)).await;
    guest
        .call("POST", "/auth/logout", Value::Null)
        .await
        .expect(204);
    for socket in &mut sockets {
        assert_eq!(closing(socket).await.code, UNAUTHENTICATED.into());
    }
    assert_eq!(
        Knock::by(&guest, &scene.document).refused().await,
        UNAUTHENTICATED
    );
    assert_eq!(guest.get("/auth/me").await.problem(401), "unauthenticated");
    let refresh = json!({ "refresh_token": guest.refresh_token });
    assert_eq!(
        guest
            .call("POST", "/auth/refresh", refresh)
            .await
            .problem(401),
        "unauthenticated"
    );
    other.type_over(0, 0, "still here ").await;
    other.caught_up().await;
    scene.goes_on().await;
}

#[tokio::test]
async fn a_private_document_looks_like_none_at_all() {
    let mut scene = Scene::set(Setup::default()).await;
    let mallory = Person::log_in(&scene.server, "Mallory").await;
    let private = scene.owner.create("private").await;
    let nowhere = "018f0000-0000-7000-8000-000000000000".to_owned();
    let mut closings = Vec::new();
    let mut answers = Vec::new();
    for id in [&private, &nowhere] {
        let closing = closing(&mut Knock::by(&mallory, id).open().await).await;
        assert_eq!(closing.code, NOT_FOUND.into());
        closings.push(closing);
        let path = format!("/documents/{id}");
        for (method, path, body) in [
            ("GET", path.clone(), Value::Null),
            ("GET", format!("{path}/content"), Value::Null),
            ("PATCH", path.clone(), json!({ "name": "mine" })),
            ("DELETE", path, Value::Null),
        ] {
            let answer = mallory.call(method, &path, body).await;
            assert_eq!(answer.problem(404), "document_not_found");
            answers.push(answer.text());
        }
    }
    assert_eq!(closings[0], closings[1]);
    assert_eq!(answers[..4], answers[4..]);
    assert_eq!(scene.owner.document(&private).await["name"], "private");
    scene.goes_on().await;
}

#[tokio::test]
async fn what_is_no_id_names_no_document() {
    let mut scene = Scene::set(Setup::default()).await;
    let long = "x".repeat(5_000);
    let texts = [
        "nonsense",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff",
        "%",
        "018f",
        "' OR 1=1--",
        &long,
    ];
    for text in texts.map(|text| text.replace(' ', "%20").replace('\'', "%27")) {
        assert_eq!(
            Knock::by(&scene.owner, &text).refused().await,
            NOT_FOUND,
            "{text}"
        );
        let answer = scene.owner.get(&format!("/documents/{text}")).await;
        assert_eq!(answer.problem(404), "document_not_found", "{text}");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn every_form_of_an_id_names_the_same_document() {
    let mut scene = Scene::set(Setup::default()).await;
    let simple = scene.document.replace('-', "");
    for form in [
        scene.document.clone(),
        scene.document.to_uppercase(),
        simple,
    ] {
        let editor = crate::editor::Editor::open(&Knock::by(&scene.owner, &form)).await;
        assert_eq!(editor.text(), scene.reader.text());
        assert_eq!(
            scene.owner.document(&form).await["id"],
            scene.document.as_str()
        );
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn a_page_from_elsewhere_may_not_call() {
    let setup = Setup::default().flags(["--allowed-origins", "https://app.example.com"]);
    let mut scene = Scene::set(setup).await;
    let (ui, gateway) = (scene.server.ui.port(), scene.server.gateway.port());
    let own = [
        "https://app.example.com".to_owned(),
        format!("http://localhost:{ui}"),
        format!("http://127.0.0.1:{gateway}"),
    ];
    let from = |origin: &str| Knock::by(&scene.owner, &scene.document).header("origin", origin);
    for origin in own {
        from(&origin).open().await;
    }
    for origin in [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com.evil.example",
        "https://app.example.com:8443",
        "http://localhost",
        "null",
        "",
    ] {
        assert_eq!(from(origin).turned_away().await, 403, "{origin}");
    }
    scene.goes_on().await;
}
