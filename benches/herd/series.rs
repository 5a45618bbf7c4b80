//! What the master used and how many agents were there, twice a second, as a table and as a picture.

use crate::agent::Counts;
use crate::master::Master;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(500);

/// One look.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    second: f64,
    members: usize,
    answered: usize,
    resident_mib: f64,
    /// Of one core, in percent.
    processor: f64,
}

/// Looks until it is ended.
pub struct Series {
    stop: Sender<()>,
    looks: JoinHandle<Vec<Point>>,
}

impl Series {
    /// Begins.
    pub fn begin(master: Arc<Master>, counts: Arc<Counts>) -> Self {
        let (stop, stopped) = channel();
        let looks = std::thread::spawn(move || {
            let (began, mut points) = (Instant::now(), Vec::new());
            let (mut at, mut used) = (began, master.processor().unwrap_or_default());
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                // A master that was just killed has no process.
                let (Ok(resident_mib), Ok(now)) = (master.resident_mib(), master.processor()) else {
                    continue;
                };
                let passed = at.elapsed().as_secs_f64();
                let processor = 100.0 * now.saturating_sub(used).as_secs_f64() / passed;
                (at, used) = (Instant::now(), now);
                points.push(Point {
                    second: began.elapsed().as_secs_f64(),
                    members: counts.joined.load(Ordering::Relaxed),
                    answered: counts.answered(),
                    resident_mib,
                    processor,
                });
            }
            points
        });
        Self { stop, looks }
    }

    /// Ends, with all that was seen.
    pub fn end(self) -> Vec<Point> {
        drop(self.stop);
        self.looks.join().expect("looking does not panic")
    }
}

/// Comma-separated values.
pub fn table(points: &[Point]) -> String {
    let mut text = "second,members,answered,resident_mib,processor_percent\n".to_owned();
    for Point { second, members, answered, resident_mib, processor } in points {
        writeln!(text, "{second:.1},{members},{answered},{resident_mib:.1},{processor:.1}")
            .expect("a text takes all");
    }
    text
}

struct Curve {
    what: &'static str,
    unit: &'static str,
    color: &'static str,
    of: fn(&Point) -> f64,
}

const CURVES: [Curve; 4] = [
    Curve { what: "members", unit: "", color: "#1b6ca8", of: |point| point.members as f64 },
    Curve { what: "agents answered", unit: "", color: "#2e8b57", of: |point| point.answered as f64 },
    Curve { what: "master resident", unit: " MiB", color: "#b5651d", of: |point| point.resident_mib },
    Curve { what: "master, of one core", unit: " %", color: "#a83232", of: |point| point.processor },
];

/// Four curves, each as high as its highest point, which its legend tells.
pub fn plot(points: &[Point]) -> String {
    let (width, height, left) = (900.0, 320.0, 10.0);
    let end = points.last().map_or(1.0, |point| point.second);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 920 400\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"920\" height=\"400\" fill=\"white\"/>\n\
         <text x=\"{left}\" y=\"340\">0 s</text><text x=\"860\" y=\"340\">{end:.0} s</text>\n"
    );
    for (index, Curve { what, unit, color, of }) in CURVES.into_iter().enumerate() {
        let most = points.iter().map(of).fold(1.0, f64::max);
        let at = |point: &Point| {
            let (x, y) = (left + width * point.second / end, 10.0 + height * (1.0 - of(point) / most));
            format!("{x:.1},{y:.1}")
        };
        let line: Vec<String> = points.iter().map(at).collect();
        let (x, y) = (left + 230.0 * index as f64, 370);
        writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" points=\"{}\"/>\n\
             <text x=\"{x}\" y=\"{y}\" fill=\"{color}\">{what}: up to {most:.0}{unit}</text>",
            line.join(" ")
        )
        .expect("a text takes all");
    }
    text + "</svg>\n"
}
