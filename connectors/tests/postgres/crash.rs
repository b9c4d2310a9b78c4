//! The server crashes and comes back: the writer goes on where the rows end. A server of its own, since it is taken from everybody.

use crate::support::postgres::SERVER;
use crate::support::{CATEGORY_SALES, rows, task};
use headwater_connectors::postgres::{Postgres, PostgresConfig, PostgresSink};
use headwater_streams::connector::{Connector, ConnectorError};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");

struct Server {
    directory: tempfile::TempDir,
}

impl Server {
    fn start() -> (Server, String) {
        let server = Server { directory: tempfile::tempdir().unwrap() };
        // The server runs as another user where root calls.
        set_permissions(server.directory.path(), Permissions::from_mode(0o711)).unwrap();
        let url = server.run("start");
        (server, url)
    }

    fn data(&self) -> impl AsRef<Path> {
        self.directory.path().join("server")
    }

    fn run(&self, command: &str) -> String {
        let done = Command::new(SCRIPT).arg(command).arg("--dir").arg(self.data().as_ref()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(SCRIPT).arg("kill").arg("--dir").arg(self.data().as_ref()).output();
    }
}

#[test]
fn every_batch_takes_effect_once_however_often_the_server_crashes() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let (server, url) = Server::start();
    let database = Postgres::connect(PostgresConfig::parse(&url).unwrap()).unwrap();
    let mut writer = PostgresSink::new("category_sales", database.clone(), CATEGORY_SALES).unwrap().open(&task()).unwrap();
    let mut next = writer.claim().unwrap().next_offset.unwrap_or(0);
    for round in 0..3 {
        for _ in 0..20 {
            let window = format!("{:03}", next % 50);
            writer.write(&rows(next, &[(&window, "Home", "1.00", next)]), next + 1).unwrap();
            next += 1;
        }
        server.run(if round == 1 { "kill" } else { "crash" });
        let lost = writer.write(&rows(next, &[("lost", "Home", "1.00", 0)]), next + 1);
        assert!(matches!(lost, Err(ConnectorError::Unavailable { .. })), "{lost:?}");
        assert!(matches!(writer.claim(), Err(ConnectorError::Unavailable { .. })));
        server.run("restart");
        assert_eq!(writer.claim().unwrap().next_offset, Some(next), "round {round}");
    }
    let stored = database.query("SELECT window_start, transaction_count FROM category_sales ORDER BY 2", &[]).unwrap();
    let stored: Vec<(String, i64)> = stored.iter().map(|row| (row.get(0), row.get(1))).collect();
    let expected: Vec<(String, i64)> = (next - 50..next).map(|n| (format!("{:03}", n % 50), n)).collect();
    assert_eq!(stored, expected);
}
