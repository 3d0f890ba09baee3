// SPDX-License-Identifier: MIT
// main.rs - "connects KIND COUNT HOST PORT TAG": COUNT connections at once by Rust's
// own ways: tokio (an edge-triggered epoll and worker threads), current (the same and
// one thread), std (a thread and a blocking socket for each) or timeout (the same
// with a time limit)
//
// Prints how often each result came: "ok" is a page, else the error's kind. TAG is
// in the request, for the server's log.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

const PAGE: &str = "hello from the world\n";
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Target {
    host: String,
    port: u16,
    tag: String,
}

impl Target {
    fn request(&self) -> Vec<u8> {
        format!("GET /slow?{} HTTP/1.0\r\n\r\n", self.tag).into_bytes()
    }
}

fn judge(outcome: Result<String, Error>) -> String {
    match outcome {
        Ok(text) if text.ends_with(PAGE) => "ok".to_string(),
        Ok(_) => "cut".to_string(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

async fn one(target: &Target) -> Result<String, Error> {
    let mut stream =
        tokio::net::TcpStream::connect((target.host.as_str(), target.port)).await?;
    let mut text = String::new();
    stream.write_all(&target.request()).await?;
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

async fn one_in_time(target: Target) -> String {
    judge(match tokio::time::timeout(PATIENCE, one(&target)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(ErrorKind::TimedOut.into()),
    })
}

fn by_tokio(runtime: Runtime, count: usize, target: &Target) -> Vec<String> {
    let tasks: Vec<_> = (0..count)
        .map(|_| runtime.spawn(one_in_time(target.clone())))
        .collect();
    tasks
        .into_iter()
        .map(|task| runtime.block_on(task).expect("a task"))
        .collect()
}

fn connect(target: &Target, limited: bool) -> Result<TcpStream, Error> {
    let address = (target.host.as_str(), target.port);
    if !limited {
        return TcpStream::connect(address);
    }
    let first = address.to_socket_addrs()?.next().expect("an address");
    TcpStream::connect_timeout(&first, PATIENCE)
}

fn blocking(target: Target, limited: bool) -> Result<String, Error> {
    let mut stream = connect(&target, limited)?;
    let mut text = String::new();
    stream.write_all(&target.request())?;
    stream.read_to_string(&mut text)?;
    Ok(text)
}

fn by_threads(count: usize, target: &Target, limited: bool) -> Vec<String> {
    let threads: Vec<_> = (0..count)
        .map(|_| target.clone())
        .map(|target| std::thread::spawn(move || blocking(target, limited)))
        .collect();
    threads
        .into_iter()
        .map(|thread| judge(thread.join().expect("a thread")))
        .collect()
}

fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().collect();
    let count = words[2].parse().expect("a number");
    let target = Target {
        host: words[3].clone(),
        port: words[4].parse().expect("a port"),
        tag: words[5].clone(),
    };
    let results = match words[1].as_str() {
        "tokio" => by_tokio(
            Builder::new_multi_thread().worker_threads(4).enable_all().build()?,
            count,
            &target,
        ),
        "current" => by_tokio(
            Builder::new_current_thread().enable_all().build()?,
            count,
            &target,
        ),
        "std" => by_threads(count, &target, false),
        "timeout" => by_threads(count, &target, true),
        other => panic!("unknown kind {}", other),
    };
    let mut tally = BTreeMap::new();
    for result in results {
        *tally.entry(result).or_insert(0) += 1;
    }
    for (result, times) in tally {
        println!("{} {}", times, result);
    }
    Ok(())
}
