//! The stand-in as a program:
//! `livery-sandbox --api 8701 --checkout 8702 --provider 8703 --shop 8704 --livery http://127.0.0.1:8787`.
//!
//! Prints the four URLs as one line of JSON when ready. Ports left out are any free ones. `--settings` takes the fields of
//! [`livery_sandbox::Settings`] as JSON; with `--exit-with-stdin` it ends when its standard input does.

#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    io::{self, Read as _},
    process::ExitCode,
    thread,
};

use livery_sandbox::{Options, Sandbox};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("livery-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (options, exit_with_stdin) = arguments(env::args().skip(1))?;
    let sandbox = Sandbox::start(options)?;
    println!("{}", sandbox.urls_json());
    if exit_with_stdin {
        io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    loop {
        thread::park();
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Options, bool), Box<dyn Error>> {
    let (mut options, mut exit_with_stdin) = (Options::default(), false);
    while let Some(name) = given.next() {
        if name == "--exit-with-stdin" {
            exit_with_stdin = true;
            continue;
        }
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--api" => options.api = value.parse()?,
            "--checkout" => options.checkout = value.parse()?,
            "--provider" => options.provider = value.parse()?,
            "--shop" => options.shop = value.parse()?,
            "--livery" => value.trim_end_matches('/').clone_into(&mut options.livery),
            "--settings" => options.settings = serde_json::from_str(&value)?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok((options, exit_with_stdin))
}
