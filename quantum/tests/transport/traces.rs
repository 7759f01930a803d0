use std::fs;

use quantum::Endpoint;

use crate::fixture::{client_config, connect, loopback, server_config};

#[tokio::test]
async fn each_end_of_a_connection_has_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("made/on/demand");
    let builder = Endpoint::builder().with_client(client_config());
    let client_endpoint = builder.with_qlog(&inner).bind(loopback()).unwrap();
    let builder = Endpoint::builder().with_server(server_config());
    let server_endpoint = builder.with_qlog(&inner).bind(loopback()).unwrap();

    let (client, server) = connect(&client_endpoint, &server_endpoint).await;
    client.send_message(&b"hello"[..]).await.unwrap();
    server.receive_message().await.unwrap();
    client.shut_down(0, b"done");
    server.closed().await;
    tokio::join!(client_endpoint.wait_idle(), server_endpoint.wait_idle());

    let files = fs::read_dir(&inner).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_by_key(|name| name.rsplit('_').next().map(str::to_owned));
    let [client, server] = &names[..] else {
        panic!("{names:?}");
    };
    let id = |name: &str| name.split('_').nth(1).map(str::to_owned);
    assert!(client.ends_with("_client.sqlog") && server.ends_with("_server.sqlog"));
    assert_eq!(id(client), id(server));
    for name in [client, server] {
        let trace = fs::read_to_string(inner.join(name)).unwrap();
        let records = trace.split('\u{1e}').skip(1);
        let records: Vec<serde_json::Value> = records
            .map(|record| serde_json::from_str(record).unwrap())
            .collect();
        assert_eq!(records[0]["qlog_version"], "0.3");
        // Since 1970, in milliseconds: some time after this was written.
        let fields = &records[0]["trace"]["common_fields"];
        assert!(fields["reference_time"].as_f64().unwrap() > 1.7e12);
        let end = records.last().unwrap();
        assert_eq!(end["data"]["new"], "closed", "{end}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_the_callers_fault() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let builder = Endpoint::builder().with_client(client_config());
    assert!(builder.with_qlog(file.path()).bind(loopback()).is_err());
}
