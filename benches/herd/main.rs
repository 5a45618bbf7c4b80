//! Thousands of agents against one real master over loopback: joins at once, the load when nothing happens, and a
//! master that dies.
//!
//! `cargo bench --bench herd -- [--binary FILE] [--agents 5000] [--joins 500] [--idle 60] [--series FILE] [--plot FILE]`
//! founds a cluster with the program, in a directory of its own at 127.0.33.1. Its agents speak the real protocol over
//! real TLS, each from an address of its own, all from this process; of a real agent they lack what is on its disk, so
//! they apply a generation by saying so. The first joins come at the same instant, all others in a crowd after
//! that. Needs as many open descriptors as there are agents, and a quiet machine.
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod agent;
mod master;
mod series;

use agent::{Agent, Counts, Plan};
use anyhow::{Context, Result, ensure};
use master::Master;
use series::Series;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::interval;

/// How many of those that do not come at the same instant join at a time.
const CROWD: usize = 64;

struct Options {
    binary: PathBuf,
    agents: usize,
    joins: usize,
    idle: u64,
    series: Option<PathBuf>,
    plot: Option<PathBuf>,
}

fn options() -> Result<Options> {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let binary = package.join("target/release/eos");
    let mut options = Options { binary, agents: 5000, joins: 500, idle: 60, series: None, plot: None };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--binary" => options.binary = std::path::absolute(value)?,
            "--agents" => options.agents = value.parse()?,
            "--joins" => options.joins = value.parse()?,
            "--idle" => options.idle = value.parse()?,
            "--series" => options.series = Some(value.into()),
            "--plot" => options.plot = Some(value.into()),
            _ => anyhow::bail!("{word} is no option"),
        }
    }
    ensure!(options.agents >= options.joins, "there are fewer agents than joins");
    Ok(options)
}

fn main() -> Result<()> {
    let options = options()?;
    let wanted = options.agents as u64 * 2 + 1000;
    let allowed = eos::host::descriptors::allow(wanted);
    ensure!(allowed >= wanted, "{wanted} open descriptors are needed, and {allowed} allowed");
    tokio::runtime::Runtime::new()?.block_on(play(&options))
}

async fn play(options: &Options) -> Result<()> {
    let master = Arc::new(Master::found(&options.binary)?);
    let counts = Arc::new(Counts::default());
    let series = Series::begin(master.clone(), counts.clone());
    let plan = Arc::new(Plan::of(&master, counts.clone())?);
    println!("founded; the master has {:.1} MiB", master.resident_mib()?);

    let mut running = JoinSet::new();
    let took = join(&plan, 0..options.joins, options.joins, &mut running).await?;
    let (failed, asked) = (counts.failed.load(Ordering::Relaxed), counts.put_off.load(Ordering::Relaxed));
    println!(
        "{} joins at once: all confirmed after {:.1} s; {failed} failed, {asked} times told to ask later; {:.1} MiB",
        options.joins,
        took.as_secs_f64(),
        master.resident_mib()?
    );
    let took = join(&plan, options.joins..options.agents, CROWD, &mut running).await?;
    println!("{} more in a crowd of {CROWD}: {:.1} s", options.agents - options.joins, took.as_secs_f64());

    let began = Instant::now();
    until("all agents converged", || counts.converged(options.agents)).await?;
    println!(
        "{} agents connected and converged after {:.1} s",
        options.agents,
        began.elapsed().as_secs_f64()
    );
    idle(&master, &counts, options).await?;

    counts.forget();
    let began = Instant::now();
    master.kill()?;
    until("all agents are back", || counts.heard(options.agents)).await?;
    println!(
        "the master died: all {} agents are back after {:.1} s",
        options.agents,
        began.elapsed().as_secs_f64()
    );
    running.abort_all();
    let points = series.end();
    if let Some(file) = &options.series {
        std::fs::write(file, series::table(&points))?;
    }
    if let Some(file) = &options.plot {
        std::fs::write(file, series::plot(&points))?;
    }
    Ok(())
}

/// So many begin at the same instant, and another whenever one is a member and begins to work; the time until all are.
async fn join(
    plan: &Arc<Plan>,
    mut numbers: Range<usize>,
    crowd: usize,
    running: &mut JoinSet<()>,
) -> Result<Duration> {
    let began = Instant::now();
    let mut joining: JoinSet<Result<Agent>> =
        numbers.by_ref().take(crowd).map(|number| Agent::join(plan.clone(), number)).collect();
    while let Some(member) = joining.join_next().await {
        running.spawn(member??.work());
        if let Some(number) = numbers.next() {
            joining.spawn(Agent::join(plan.clone(), number));
        }
    }
    Ok(began.elapsed())
}

async fn idle(master: &Master, counts: &Counts, options: &Options) -> Result<()> {
    let (polls, processor) = (counts.polls.load(Ordering::Relaxed), master.processor()?);
    let mut end = interval(Duration::from_secs(options.idle));
    end.tick().await;
    end.tick().await;
    let polls = counts.polls.load(Ordering::Relaxed) - polls;
    let used = (master.processor()? - processor).as_secs_f64() / options.idle as f64;
    println!(
        "{} agents, nothing happens for {} s: master {:.1} MiB, {:.1} % of one core, {:.0} polls a second",
        options.agents,
        options.idle,
        master.resident_mib()?,
        100.0 * used,
        polls as f64 / options.idle as f64
    );
    Ok(())
}

async fn until(what: &str, done: impl Fn() -> bool) -> Result<()> {
    let (began, mut looks) = (Instant::now(), interval(Duration::from_millis(50)));
    while !done() {
        ensure!(began.elapsed() < Duration::from_secs(900), "not within 900 s: {what}");
        looks.tick().await;
    }
    Ok(())
}
