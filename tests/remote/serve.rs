//! The stand-in for flyte's backend as a program, for tests of editors, and for whoever wants to see a remote build.
//!
//! `cargo run --features live --example control-plane -- works|slow` writes its port. A line of standard input names a
//! method, and is answered with how often it was called; the end of standard input is the end.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a tool of tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[allow(dead_code, reason = "waiting, bodies and most scenarios are for the tests in Rust")]
mod control_plane;
#[allow(dead_code, reason = "as above")]
mod message;

use control_plane::{ControlPlane, Scenario};

fn main() {
    let scenario = match std::env::args().nth(1).as_deref() {
        Some("slow") => Scenario::Slow,
        _ => Scenario::Works,
    };
    let plane = ControlPlane::start(scenario);
    println!("{}", plane.port);
    for method in std::io::stdin().lines() {
        println!("{}", plane.count(&method.expect("standard input")));
    }
}
