// SPDX-License-Identifier: MIT
//! quic - QUIC by quinn: sendmmsg with segments, recvmmsg, ECN and addresses as control data
//!
//!     quic serve ADDRESS PORT CERTIFICATE KEY   echoes each stream; both files are DER.
//!                                  "listening", and then each peer's address, by line
//!     quic doq ADDRESS PORT CERTIFICATE KEY     a name server (RFC 9250), to whom every name
//!                                  is 192.0.2.7
//!     quic fetch HOST PORT CERTIFICATE NAME STREAMS BYTES
//!                                  that many streams of so many bytes at once, from a
//!                                  socket that is not connected; says "same", or what failed,
//!                                  and the address that it talked to

use std::error::Error;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

type Outcome = Result<(), Box<dyn Error>>;

fn transport() -> Arc<quinn::TransportConfig> {
    let mut transport = quinn::TransportConfig::default();
    transport.max_idle_timeout(Some(Duration::from_secs(10).try_into().unwrap()));
    Arc::new(transport)
}

fn server(words: &[String], protocols: &[&[u8]]) -> Result<quinn::Endpoint, Box<dyn Error>> {
    let certificate = rustls::Certificate(std::fs::read(&words[2])?);
    let key = rustls::PrivateKey(std::fs::read(&words[3])?);
    let mut tls = rustls::ServerConfig::builder()
        .with_safe_defaults()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    tls.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(transport());
    let address = SocketAddr::new(words[0].parse()?, words[1].parse()?);
    let endpoint = quinn::Endpoint::server(config, address)?;
    println!("listening");
    Ok(endpoint)
}

async fn echo(connecting: quinn::Connecting) -> Outcome {
    let connection = connecting.await?;
    println!("{}", connection.remote_address());
    loop {
        let (mut send, mut receive) = connection.accept_bi().await?;
        tokio::spawn(async move {
            let mut chunk = vec![0; 1 << 16];
            while let Ok(Some(n)) = receive.read(&mut chunk).await {
                if send.write_all(&chunk[..n]).await.is_err() {
                    return;
                }
            }
            let _ = send.finish().await;
        });
    }
}

async fn serve(words: &[String]) -> Outcome {
    let endpoint = server(words, &[])?;
    while let Some(connecting) = endpoint.accept().await {
        tokio::spawn(async move {
            let _ = echo(connecting).await;
        });
    }
    Ok(())
}

/// The query's header and question, and an answer; both with the length that streams have.
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    let message = query.get(2..)?;
    let name = message.get(12..)?.iter().position(|&byte| byte == 0)?;
    let mut reply = message.get(..12 + name + 1 + 4)?.to_vec();
    reply[2] |= 0x80;
    reply[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    let mut framed = (reply.len() as u16).to_be_bytes().to_vec();
    framed.extend(reply);
    Some(framed)
}

async fn answer(connecting: quinn::Connecting) -> Outcome {
    let connection = connecting.await?;
    println!("{}", connection.remote_address());
    loop {
        let (mut send, receive) = connection.accept_bi().await?;
        let query = receive.read_to_end(4096).await?;
        send.write_all(&reply(&query).ok_or("no query")?).await?;
        send.finish().await?;
    }
}

async fn doq(words: &[String]) -> Outcome {
    let endpoint = server(words, &[b"doq"])?;
    while let Some(connecting) = endpoint.accept().await {
        tokio::spawn(async move {
            let _ = answer(connecting).await;
        });
    }
    Ok(())
}

async fn stream(connection: quinn::Connection, number: usize, size: usize) -> Outcome {
    let data: Vec<u8> = (0..size).map(|i| ((i * 7 + number) >> 3) as u8).collect();
    let (mut send, receive) = connection.open_bi().await?;
    let copy = data.clone();
    let sender = tokio::spawn(async move {
        send.write_all(&copy).await?;
        send.finish().await
    });
    let echoed = receive.read_to_end(size + 1).await?;
    sender.await??;
    if echoed != data {
        return Err("other bytes came back".into());
    }
    Ok(())
}

async fn fetch(words: &[String]) -> Outcome {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(&rustls::Certificate(std::fs::read(&words[2])?))?;
    let mut config = quinn::ClientConfig::with_root_certificates(roots);
    config.transport_config(transport());
    let (streams, size) = (words[4].parse::<usize>()?, words[5].parse::<usize>()?);
    let to = (words[0].as_str(), words[1].parse::<u16>()?)
        .to_socket_addrs()?
        .next()
        .ok_or("no address")?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let mut endpoint = quinn::Endpoint::client(any.parse()?)?;
    endpoint.set_default_client_config(config);
    let connection = endpoint.connect(to, &words[3])?.await?;
    let tasks: Vec<_> = (0..streams)
        .map(|number| {
            let connection = connection.clone();
            tokio::spawn(async move {
                stream(connection, number, size).await.map_err(|e| e.to_string())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    println!("same {}", connection.remote_address());
    connection.close(0u32.into(), b"");
    endpoint.wait_idle().await;
    Ok(())
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        match words.first().map(String::as_str) {
            Some("serve") if words.len() == 5 => serve(&words[1..]).await,
            Some("doq") if words.len() == 5 => doq(&words[1..]).await,
            Some("fetch") if words.len() == 7 => fetch(&words[1..]).await,
            _ => Err("see the head of main.rs".into()),
        }
    });
    if let Err(error) = outcome {
        println!("failed: {error}");
        std::process::exit(1);
    }
}
