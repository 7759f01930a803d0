//! HTTP requests that no program of ours sends.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::Scene;
use crate::rest::{self, Answer, Person, ask, request};
use crate::server::Setup;

/// Sends a body as it is.
async fn post(person: &Person, path: &str, kind: &str, body: impl Into<Bytes>) -> Answer {
    let request = request(person.gateway, "POST", &format!("/api/v1{path}"))
        .header(AUTHORIZATION, format!("Bearer {}", person.access_token))
        .header(CONTENT_TYPE, kind)
        .body(Full::new(body.into()))
        .unwrap();
    rest::send(person.gateway, request).await.unwrap()
}

#[tokio::test]
async fn a_body_that_is_no_document_is_refused_with_a_reason() {
    let mut scene = Scene::set(Setup::default()).await;
    let bodies = [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#""name""#.to_owned(),
        "{}".to_owned(),
        r#"{"name":5}"#.to_owned(),
        r#"{"name":""}"#.to_owned(),
        r#"{"name":"   "}"#.to_owned(),
        r#"{"name":"a\u0000b"}"#.to_owned(),
        r#"{"name":"\ud800"}"#.to_owned(),
        r#"{"name":"a","name":"b"}"#.to_owned(),
        r#"{"name":"a","owner":"mallory"}"#.to_owned(),
        r#"{"name":"a","type":"spreadsheet"}"#.to_owned(),
        r#"{"name":"a","public":"all"}"#.to_owned(),
        r#"{"name":"a"} and more"#.to_owned(),
        json!({ "name": "x".repeat(300) }).to_string(),
        format!(r#"{{"name":{}}}"#, "[".repeat(20_000)),
    ];
    for body in bodies {
        let answer = post(&scene.owner, "/documents", "application/json", body.clone()).await;
        assert_eq!(answer.problem(400), "invalid_request", "{body:.60}");
    }
    let answer = post(
        &scene.owner,
        "/documents",
        "application/json",
        &b"\xff\xfe"[..],
    )
    .await;
    assert_eq!(answer.problem(400), "invalid_request");
    let answer = post(&scene.owner, "/documents", "text/plain", r#"{"name":"a"}"#).await;
    assert_eq!(answer.problem(415), "invalid_request");
    let documents = scene.owner.get("/documents").await.expect(200);
    assert_eq!(
        documents["documents"].as_array().unwrap().len(),
        1,
        "one was made after all"
    );
    scene.goes_on().await;
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    for bytes in [65 * 1024, 1024 * 1024, 32 * 1024 * 1024] {
        let body = json!({ "name": "x".repeat(bytes) }).to_string();
        let answer = post(&scene.owner, "/documents", "application/json", body).await;
        assert_eq!(answer.problem(413), "too_large", "{bytes} bytes");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn a_change_that_makes_no_sense_is_refused() {
    let mut scene = Scene::set(Setup::default()).await;
    let path = format!("/documents/{}", scene.document);
    let before = scene.owner.document(&scene.document).await;
    for change in [
        json!({}),
        json!({ "name": null, "state": null }),
        json!({ "state": "deleted" }),
        json!({ "state": "lost" }),
        json!({ "owner": "mallory" }),
        json!({ "version": 0 }),
        json!({ "editors": "bob" }),
        json!({ "editors": [""] }),
        json!({ "editors": ["a\nb"] }),
        json!({ "editors": (0..1_000).map(|number| format!("user-{number}")).collect::<Vec<_>>() }),
        json!({ "tags": ["x".repeat(100)] }),
        json!({ "description": "x".repeat(5_000) }),
    ] {
        let answer = scene.owner.call("PATCH", &path, change.clone()).await;
        assert_eq!(answer.problem(400), "invalid_request", "{change:.60}");
    }
    assert_eq!(scene.owner.document(&scene.document).await, before);
    scene.goes_on().await;
}

#[tokio::test]
async fn a_listing_takes_only_its_own_questions() {
    let mut scene = Scene::set(Setup::default()).await;
    for question in [
        "limit=many",
        "limit=-1",
        "cursor=nonsense",
        "state=lost",
        "user=mallory",
    ] {
        let answer = scene.owner.get(&format!("/documents?{question}")).await;
        assert_eq!(answer.problem(400), "invalid_request", "{question}");
    }
    for question in ["limit=0", "limit=999999999", "state=archived"] {
        scene
            .owner
            .get(&format!("/documents?{question}"))
            .await
            .expect(200);
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn a_name_to_log_in_with_is_a_name() {
    let mut scene = Scene::set(Setup::default()).await;
    for name in ["", "   ", "a\u{0}b", "\u{1b}[31mred", &"x".repeat(41)] {
        let answer = post_login(&scene, &json!({ "name": name })).await;
        assert_eq!(answer.problem(400), "invalid_request", "{name:?}");
    }
    for body in [
        json!({}),
        json!({ "name": 5 }),
        json!({ "name": "a", "admin": true }),
    ] {
        let answer = post_login(&scene, &body).await;
        assert_eq!(answer.problem(400), "invalid_request", "{body}");
    }
    let spaced = post_login(&scene, &json!({ "name": "  Ada \n Lovelace " }))
        .await
        .expect(200);
    assert_eq!(
        spaced["user"],
        json!({ "id": "ada-lovelace", "name": "Ada Lovelace" })
    );
    scene.goes_on().await;
}

async fn post_login(scene: &Scene, body: &Value) -> Answer {
    scene.owner.call("POST", "/auth/login", body.clone()).await
}

#[tokio::test]
async fn what_is_not_there_or_not_done_that_way_is_a_problem_too() {
    let mut scene = Scene::set(Setup::default()).await;
    for address in [scene.server.gateway, scene.server.ui] {
        for path in [
            "/api/v1",
            "/api/v1/",
            "/api/v1/nothing",
            "/api/v2/documents",
        ] {
            assert_eq!(
                ask(address, "GET", path).await.problem(404),
                "not_found",
                "{path}"
            );
        }
        for (method, path) in [
            ("GET", "/api/v1/auth/login"),
            ("PUT", "/api/v1/documents"),
            ("POST", "/api/v1/auth/me"),
            ("BREW", "/api/v1/documents"),
            ("POST", "/yjs/018f0000-0000-7000-8000-000000000000"),
            ("POST", "/livez"),
        ] {
            let answer = ask(address, method, path).await;
            assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
        }
        let answer = ask(address, "GET", "/yjs/018f0000-0000-7000-8000-000000000000").await;
        assert_eq!(answer.problem(400), "invalid_request");
    }
    assert_eq!(
        ask(scene.server.gateway, "GET", "/").await.problem(404),
        "not_found"
    );
    scene.goes_on().await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_pages() {
    let mut scene = Scene::set(Setup::default()).await;
    let up = [
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "....//",
        "..;/",
        "%252e%252e/",
    ];
    let targets = ["etc/passwd", "Cargo.toml", "package.json", "src/main.ts"];
    let inner = ["", "assets/", "./", "//", "%00/"];
    for inner in inner {
        for up in up {
            for target in targets {
                for depth in [1, 3, 12] {
                    let path = format!("/{inner}{}{target}", up.repeat(depth));
                    let answer = ask(scene.server.ui, "GET", &path).await;
                    let text = answer.text();
                    let leaked = ["root:", "[package]", "\"scripts\"", "import "];
                    let leaks = leaked.iter().any(|secret| text.contains(secret));
                    assert!(!leaks, "{path} leads to {text:.200}");
                }
            }
        }
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn pages_from_elsewhere_get_no_permission_and_listed_ones_do() {
    let setup = Setup::default().flags(["--allowed-origins", "https://app.example.com"]);
    let mut scene = Scene::set(setup).await;
    let gateway = scene.server.gateway;
    let call = async |method: &str, origin: &str| {
        let request = request(gateway, method, "/api/v1/auth/me")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .header(
                AUTHORIZATION,
                format!("Bearer {}", scene.owner.access_token),
            );
        rest::send(gateway, request.body(Full::default()).unwrap())
            .await
            .unwrap()
    };
    for origin in [
        "https://app.example.com",
        &format!("http://localhost:{}", scene.server.ui.port()),
    ] {
        let preflight = call("OPTIONS", origin).await;
        assert_eq!(preflight.status, 200);
        assert_eq!(preflight.header("access-control-allow-origin"), origin);
        assert!(
            preflight
                .header("access-control-allow-methods")
                .contains("PATCH")
        );
        let allowed = preflight.header("access-control-allow-headers").to_owned();
        assert!(allowed.contains("authorization") && allowed.contains("content-type"));
        assert_eq!(preflight.header("access-control-allow-credentials"), "");
        let answer = call("GET", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        answer.expect(200);
    }
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        let preflight = call("OPTIONS", origin).await;
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            "",
            "{origin}"
        );
        let answer = call("GET", origin).await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(answer.problem(403), "forbidden", "{origin}");
    }
    scene.goes_on().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let setup = Setup::default().flags(["--address-rate", "10"]);
    let mut scene = Scene::set(setup).await;
    let (gateway, ui) = (scene.server.gateway, scene.server.ui);
    let origin = format!("http://localhost:{}", ui.port());
    let refused = async {
        let mut number = 0_u8;
        loop {
            number += 1;
            // It is the connection that counts, not what somebody says about it.
            let forwarded = format!("10.0.0.{number}");
            let request = request(gateway, "GET", "/api/v1/auth/me")
                .header("origin", &origin)
                .header("x-forwarded-for", &forwarded)
                .header("forwarded", format!("for={forwarded}"));
            let request = request.body(Full::default()).unwrap();
            let answer = rest::send(gateway, request).await.unwrap();
            if answer.status != 401 {
                return answer;
            }
        }
    };
    let answer = crate::patience::in_time("the limit", refused).await;
    assert_eq!(answer.problem(429), "rate_limited");
    assert!(
        answer
            .header("retry-after")
            .parse::<u32>()
            .is_ok_and(|seconds| seconds > 0)
    );
    // The page that asked gets to read it.
    assert_eq!(answer.header("access-control-allow-origin"), origin);
    assert_eq!(
        answer.header("access-control-expose-headers"),
        "retry-after"
    );
    // Those who watch over the service are not counted, and who is connected is not concerned.
    for path in ["/livez", "/metrics", "/version"] {
        assert_eq!(ask(gateway, "GET", path).await.status, 200, "{path}");
    }
    scene.goes_on().await;
}
