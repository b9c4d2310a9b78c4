//! What a person is told when there is no connection: each mistake has its own text, which says what to do and shows no secret.

use crate::support::postgres::{SERVER, Schema};
use headwater_connectors::postgres::{Postgres, PostgresConfig, TlsMode};
use headwater_streams::connector::ConnectorError;
use headwater_streams::log::Secret;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const TLS_SERVER: &str = "HEADWATER_TEST_POSTGRES_TLS";
const WRONG_HOST: &str = "HEADWATER_TEST_POSTGRES_WRONG_HOST";
const CA: &str = "HEADWATER_TEST_CA";
const OTHER_CA: &str = "HEADWATER_TEST_OTHER_CA";

/// The server that this variable names.
fn config(variable: &str) -> Option<PostgresConfig> {
    Some(PostgresConfig::parse(&std::env::var(variable).ok()?).unwrap())
}

fn authority(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// Connecting fails, in these words; returns whether a person must do something.
fn fails(config: PostgresConfig, said: &str) -> bool {
    let password = config.password.clone();
    let error = Postgres::connect(config).expect_err("it must fail");
    let text = format!("{error} {error:?}");
    assert!(text.contains(said), "{said:?} is not in {text}");
    let is_shown = |password: &Secret| text.contains(password.expose());
    assert!(!password.as_ref().is_some_and(is_shown), "the password is shown");
    matches!(error, ConnectorError::Refused { .. })
}

#[test]
fn nobody_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = PostgresConfig::parse(&format!("postgresql://u:s3cret@127.0.0.1:{free}/d")).unwrap();
    assert!(!fails(config, &format!("nobody listens at 127.0.0.1:{free}: start the server, or correct the address")));
}

#[test]
fn somebody_else_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://u:s3cret@{}/d", listener.local_addr().unwrap());
    let silent = PostgresConfig { connect_timeout: Duration::from_millis(300), ..PostgresConfig::parse(&url).unwrap() };
    let started = Instant::now();
    assert!(!fails(silent, "did not answer within 300ms"));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_host_that_nobody_knows() {
    let config = PostgresConfig::parse("postgresql://u:s3cret@nowhere.invalid/d?sslmode=disable").unwrap();
    assert!(!fails(config, "nowhere.invalid:5432/d"));
}

#[test]
fn wrong_password_user_and_database() {
    let Some(config) = config(SERVER) else { return };
    let (user, place) = (config.user.clone(), format!("{}:{}", config.host, config.port));
    let wrong = config.clone().with_password(Secret::new("wr0ng-secret"));
    assert!(fails(wrong, &format!("refuses the password of user {user}: check both")));
    let none = PostgresConfig { password: None, ..config.clone() };
    assert!(fails(none, &format!("asks for the password of user {user}, and none was given")));
    let stranger = PostgresConfig { user: "stranger".into(), ..config.clone() };
    assert!(fails(stranger, "refuses the password of user stranger: check both (an unknown user looks the same)"));
    let nowhere = PostgresConfig { database: "nowhere".into(), ..config };
    assert!(fails(nowhere, &format!("{place}/nowhere: database nowhere does not exist: create it, or name another one")));
}

#[test]
fn what_is_printed_of_a_connection_holds_no_password() {
    let Some(schema) = Schema::new() else { return };
    let password = schema.config.password.as_ref().unwrap().expose();
    assert!(!format!("{:?} {:?}", schema.database, schema.config).contains(password));
}

#[test]
fn tls_that_the_server_does_not_offer() {
    let (Some(config), Some(ca)) = (config(SERVER), authority(CA)) else { return };
    assert!(fails(config.with_ca(ca), "does not offer TLS: switch it on there (ssl = on), or write sslmode=disable"));
}

#[test]
fn tls_with_the_right_authority_and_name_works() {
    let (Some(config), Some(ca)) = (config(TLS_SERVER), authority(CA)) else { return };
    let database = Postgres::connect(PostgresConfig { schema: "tls".into(), ..config.with_ca(ca) }).unwrap();
    let rows = database.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).unwrap();
    assert!(rows[0].get::<_, bool>(0));
}

#[test]
fn tls_with_the_wrong_authority_or_name() {
    let (Some(tls), Some(ca), Some(other)) = (config(TLS_SERVER), authority(CA), authority(OTHER_CA)) else { return };
    let file = other.display().to_string();
    assert!(fails(
        tls.clone().with_ca(other),
        &format!("is not signed by an authority in {file}: name the file of the one that signed it")
    ));
    let host = config(WRONG_HOST).unwrap();
    let said = format!("is not for host {}: connect by a name that it holds, or have one issued for it", host.host);
    assert!(fails(host.with_ca(ca.clone()), &said));
    assert!(fails(tls.clone().with_ca(ca.with_file_name("nowhere.pem")), "nowhere.pem: "));
    let wrong = tls.with_ca(ca).with_password(Secret::new("wr0ng-secret"));
    assert!(fails(wrong, "refuses the password"));
}

#[test]
fn tls_that_the_server_wants_and_was_not_asked_for() {
    let Some(config) = config(TLS_SERVER) else { return };
    assert!(fails(config.clone(), "does not let user"));
    let no_authority = PostgresConfig { tls: TlsMode::VerifyFull { ca: None }, ..config };
    assert!(fails(no_authority, "name its PEM file (sslrootcert=FILE in the URL)"));
}
