use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::*;

/// How long the other end may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both ends of a connection, before the handshake.
fn ends() -> (TlsStream, TcpStream, ClientConnection) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = certificate.self_signed(&key).expect("a certificate").der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a certificate");
    let provider = Arc::new(ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a pair");
    server.ticketer = ring::Ticketer::new().expect("tickets");
    server.send_tls13_tickets = 1;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let socket = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    let (accepted, peer) = listener.accept().expect("a connection");
    let session = ServerConnection::new(Arc::new(server)).expect("a session");
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(client), name).expect("a session");
    (TlsStream::new(accepted, peer, session, &[]), socket, client)
}

/// Waits until something has arrived at this end.
fn arrived(stream: &TlsStream) {
    stream.socket().peek(&mut [0]).expect("the socket waits, as only its calls do not");
}

#[test]
fn the_ticket_leaves_with_the_response() {
    let (mut stream, mut socket, mut client) = ends();
    client.write_tls(&mut socket).expect("sent");
    arrived(&stream);
    assert!(!stream.handshake().expect("a handshake"));
    while client.is_handshaking() {
        client.read_tls(&mut socket).expect("the server's flight");
        client.process_new_packets().expect("valid");
    }
    client.writer().write_all(b"request").expect("in memory");
    client.write_tls(&mut socket).expect("sent at once");
    arrived(&stream);
    assert!(stream.handshake().expect("a handshake"));
    socket.set_nonblocking(true).expect("set");
    let nothing = socket.peek(&mut [0]).expect_err("the ticket waits for the response");
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    let mut request = [0; 100];
    let count = stream.read(&mut request).expect("no error");
    assert_eq!(&request[..count], b"request");
    assert_eq!(stream.write(b"response", SendFlags::empty()).expect("no error"), 8);
    socket.set_nonblocking(false).expect("set");
    let mut response = Vec::new();
    while response.len() < 8 {
        client.read_tls(&mut socket).expect("an answer");
        client.process_new_packets().expect("valid");
        let mut bytes = [0; 100];
        let count = client.reader().read(&mut bytes).unwrap_or(0);
        response.extend_from_slice(&bytes[..count]);
    }
    assert_eq!((&response[..], client.tls13_tickets_received()), (&b"response"[..], 1));
}
