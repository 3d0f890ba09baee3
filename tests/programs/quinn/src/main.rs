// SPDX-License-Identifier: MIT
//! quic - QUIC by quinn: sendmmsg with segments, recvmmsg, ECN and addresses as control data
//!
//!     quic serve ADDRESS PORT CERTIFICATE KEY   echoes each stream; both files are DER.
//!                                  "listening", and then each peer's address, by line
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
    let certificate = rustls::Certificate(std::fs::read(&words[2])?);
    let key = rustls::PrivateKey(std::fs::read(&words[3])?);
    let mut config = quinn::ServerConfig::with_single_cert(vec![certificate], key)?;
    config.transport_config(transport());
    let address = SocketAddr::new(words[0].parse()?, words[1].parse()?);
    let endpoint = quinn::Endpoint::server(config, address)?;
    println!("listening");
    while let Some(connecting) = endpoint.accept().await {
        tokio::spawn(async move {
            let _ = echo(connecting).await;
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
            Some("fetch") if words.len() == 7 => fetch(&words[1..]).await,
            _ => Err("see the head of main.rs".into()),
        }
    });
    if let Err(error) = outcome {
        println!("failed: {error}");
        std::process::exit(1);
    }
}
