//! A thousand who listen to one account.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::audience::Audience;
use crate::options::Options;
use crate::report::{row, spread};
use crate::stage::Stage;
use crate::support::process::Process;

const LISTENERS: usize = 1000;
const EVENTS: usize = 100;
/// How long sessions are created, in tenths of a second.
const CREATING: usize = 40;

pub fn measure(options: &Options) -> String {
    let stage = Stage::start();
    let workerd = Process(stage.worker.pid());
    stage.create_many(500);
    let alone = created(&stage, options);
    let before = workerd.resident();
    let began = Instant::now();
    let mut audience = Audience::gather(&stage.worker.host(), &stage.some_session(), options.times(LISTENERS));
    let (took, with_them) = (began.elapsed().as_secs_f64(), workerd.resident());
    let elsewhere = while_read(&mut audience, || created(&stage, options));
    audience.subscribe();
    let times = told(&stage, &mut audience, options.times(EVENTS));
    let crowded = while_read(&mut audience, || created(&stage, options));
    let mut text = format!("| {} listeners | |\n|---|--:|\n", audience.count());
    let mebibytes = |kibibytes: u64| [format!("{:.0} MiB", kibibytes as f64 / 1024.0)];
    row(&mut text, "connected within", &[format!("{took:.1} s")]);
    row(&mut text, "memory of workerd without them", &mebibytes(before));
    row(&mut text, "with them", &mebibytes(with_them));
    row(&mut text, "after all that is measured here", &mebibytes(workerd.resident()));
    text += "\n| sessions are created, eight at a time | each second | CPU of workerd for one, ms |\n|---|--:|--:|\n";
    row(&mut text, "without listeners", &alone);
    row(&mut text, "each listener hears of one other session", &elsewhere);
    row(&mut text, "each hears everything", &crowded);
    text + "\n" + &moments(&times)
}

/// Sessions created each second, and what one costs.
fn created(stage: &Stage, options: &Options) -> [String; 2] {
    let cpu = stage.cpu_ms();
    let (asked, took) = stage.create_for(Duration::from_millis(100) * options.times(CREATING) as u32, None);
    let (count, cpu) = (asked.len() as f64, stage.cpu_ms() - cpu);
    [format!("{:.0}", count / took.as_secs_f64()), format!("{:.1}", cpu / count)]
}

/// How long it takes, one event after the other, until the caller, the first, half and the last know of it; in milliseconds.
fn told(stage: &Stage, audience: &mut Audience, events: usize) -> [Vec<f64>; 4] {
    let (mut client, mut times) = (stage.client(), [const { Vec::new() }; 4]);
    for _ in 0..events {
        let asked = Instant::now();
        let (answered, heard) = thread::scope(|scope| {
            let caller = scope.spawn(|| {
                stage.create(&mut client);
                Instant::now()
            });
            let heard = audience.hear();
            (caller.join().expect("a session"), heard)
        });
        let moments = [answered, heard[0], heard[heard.len() / 2], heard[heard.len() - 1]];
        for (times, moment) in times.iter_mut().zip(moments) {
            times.push(moment.duration_since(asked).as_secs_f64() * 1e3);
        }
    }
    times
}

fn moments(times: &[Vec<f64>; 4]) -> String {
    let mut text = "| a session is asked for → | p50 ms | p99 ms |\n|---|--:|--:|\n".to_owned();
    let words = ["the caller has the answer", "the first listener has heard of it", "half of them have", "the last has"];
    words.iter().zip(times).for_each(|(words, times)| row(&mut text, words, &spread(times)));
    text
}

/// Does that while they read what they are told.
fn while_read<T: Send>(audience: &mut Audience, work: impl FnOnce() -> T + Send) -> T {
    let is_done = AtomicBool::new(false);
    let done = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                audience.read(Duration::from_millis(50));
            }
        });
        let done = work();
        is_done.store(true, Ordering::Relaxed);
        reader.join().expect("listeners");
        done
    });
    audience.settle();
    done
}
