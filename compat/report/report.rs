//! The rows of a client written in Rust: each check prints one line, PASS or FAIL, its name, and what was seen.

use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(60);

pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Prints the row of a check that sees nothing worth a word.
pub async fn check(name: &str, attempt: impl Future<Output = Outcome>) {
    sees(name, async { attempt.await.map(|()| String::new()) }).await;
}

/// Prints the row of a check that says what the client saw.
pub async fn sees(name: &str, attempt: impl Future<Output = Outcome<String>>) {
    match timeout(LIMIT, attempt).await {
        Ok(Ok(seen)) => row("PASS", name, &seen),
        Ok(Err(error)) => row("FAIL", name, &error.to_string()),
        Err(_) => row("FAIL", name, &format!("not done after {LIMIT:?}")),
    }
}

fn row(verdict: &str, name: &str, seen: &str) {
    let words: Vec<_> = [verdict, name].into_iter().chain(seen.split_whitespace()).collect();
    println!("{}", short(&words.join(" "), 300));
}

fn short(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

pub fn equal<T: PartialEq + Debug>(found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    let [found, expected] = [found, expected].map(|value| short(&format!("{value:?}"), 120));
    Err(format!("found {found}, expected {expected}").into())
}

/// Waits for what a broker may show a moment after it said so, such as a change of a setting; the check has a limit.
pub async fn soon(mut holds: impl AsyncFnMut() -> Outcome<bool>) -> Outcome {
    while !holds().await? {
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "no part of the broker, which has a clock of its own")]
pub fn now_ms() -> Outcome<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

pub fn compressible() -> Vec<String> {
    vec!["again and again ".repeat(20); 50]
}

/// The values of a batch that is nearly as large as it may be.
pub fn large_batch() -> Vec<String> {
    vec!["x".repeat(100); 5000]
}

/// A value that no broker takes unless it is told to. The programs send it without compression.
pub fn too_large() -> Vec<u8> {
    vec![b'x'; 2_000_000]
}
