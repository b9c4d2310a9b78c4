//! A proxy before the server that stops where it is told: at the client's COMMIT, or at the server's answer to it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What becomes of the next COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It and its answer pass.
    Passes,
    /// It is carried out, its answer is lost with the connection.
    AnswerLost,
    /// It never arrives; both ends stay connected.
    Stuck,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    fate: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) fn before(server: &str, port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), format!("{server}:{port}"));
        let fate = Arc::new(AtomicU8::new(Fate::Passes as u8));
        let next = fate.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, next, server) = (client.unwrap(), next.clone(), TcpStream::connect(&server));
                // A server that is away closes the door of its proxy as well.
                if let Ok(server) = server {
                    std::thread::spawn(move || carry(client, server, &next));
                }
            }
        });
        Proxy { port, fate }
    }

    pub(crate) fn next_commit(&self, fate: Fate) {
        self.fate.store(fate as u8, Ordering::SeqCst);
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, next: &AtomicU8) {
    let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let lost = Arc::new(AtomicU8::new(0));
    let is_lost = lost.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = from_server.read(&mut bytes) {
            if is_lost.load(Ordering::SeqCst) == 1 || to_client.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = from_server.shutdown(Shutdown::Both);
    });
    let mut bytes = [0; 1 << 16];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let sent = &bytes[..count];
        if sent.windows(7).any(|part| part == b"COMMIT\0") {
            match next.swap(Fate::Passes as u8, Ordering::SeqCst) {
                fate if fate == Fate::AnswerLost as u8 => lost.store(1, Ordering::SeqCst),
                fate if fate == Fate::Stuck as u8 => continue,
                _ => {}
            }
        }
        if server.write_all(sent).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}
