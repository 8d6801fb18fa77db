//! One ring as a picture that a compliance officer can put into a file: who paid whom, how much, how often, and when.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt::Write as _;

use dandelion_credit::fraud::{Auditor, FraudAssessment, MarketAudit, Signal};
use dandelion_credit::{Money, Scale, TransferColumns};
use jiff::Timestamp;

use crate::shared::Outcome;

/// Signals whose evidence is a ring worth a picture; there and back between two comes last.
const RINGS: [Signal; 4] = [Signal::CircularFlow, Signal::AmountTrail, Signal::ScatterGather, Signal::RoundTrip];
/// Accounts in the picture; more cannot be read.
const MOST: usize = 12;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 860.0;
const CENTRE: (f64, f64) = (WIDTH / 2.0, 455.0);
const RADIUS: f64 = 255.0;
const DOT: f64 = 17.0;
const INK: &str = "#2b2b2b";
const GREY: &str = "#6b6b6b";
const FLOW: &str = "#b5382a";
const AUDITED: &str = "#e0a526";
const OTHER: &str = "#3f6b57";

/// The account with the strongest ring, by the kinds of rings in order, and by its suspicion within a kind.
pub fn most_suspicious_ring(auditor: &Auditor<'_>, market: &MarketAudit) -> Outcome<Option<(FraudAssessment, Signal)>> {
    for signal in RINGS {
        let telling = |account: &u32| {
            let score = market.scores[*account as usize][signal.index()];
            if score > 0.0 { market.suspicion[*account as usize] * score } else { -1.0 }
        };
        let best = (0..market.suspicion.len() as u32).max_by(|a, b| telling(a).total_cmp(&telling(b)));
        if let Some(best) = best.filter(|account| telling(account) > 0.0) {
            return Ok(Some((auditor.assess(best.into(), market)?, signal)));
        }
    }
    Ok(None)
}

pub fn no_ring() -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"320\" height=\"60\"><text x=\"20\" y=\"35\" \
     font-family=\"sans-serif\">No ring was found.</text></svg>\n"
        .to_owned()
}

/// What moved from one account to another.
#[derive(Default)]
struct Flow {
    sum_minor: i64,
    count: usize,
    first: Option<i64>,
    last: i64,
}

/// Accounts on a circle, one arrow for every pair that moved money.
pub fn draw(
    assessment: &FraudAssessment,
    signal: Signal,
    columns: &TransferColumns<'_>,
    id: &dyn Fn(u32) -> String,
    scale: Scale,
) -> String {
    let rows = assessment.signal(signal).map_or(&[][..], |finding| &finding.evidence);
    let audited = assessment.account().get();
    let (flows, places, shown) = flows(rows, audited, columns);
    let name = |account: u32| shortened(&id(account));
    let mut svg = heading(assessment, signal, &name(audited), scale);
    let at = |account: u32| {
        let place = places.iter().position(|&other| other == account).unwrap_or(0);
        let angle = TAU * place as f64 / places.len() as f64 - TAU / 4.0;
        (CENTRE.0 + RADIUS * angle.cos(), CENTRE.1 + RADIUS * angle.sin())
    };
    let largest = flows.values().map(|flow| flow.sum_minor.max(1)).max().unwrap_or(1) as f64;
    // Numbered in the order in which the money first moved, which is how a ring is read.
    let mut order: Vec<(&(u32, u32), &Flow)> = flows.iter().collect();
    order.sort_by_key(|(pair, flow)| (flow.first, **pair));
    let mut labels = String::new();
    for (number, &(&(payer, payee), flow)) in (1..).zip(&order) {
        let width = 1.2 + 3.0 * (flow.sum_minor.max(1) as f64 / largest).sqrt();
        let middle = arrow(&mut svg, at(payer), at(payee), width);
        let sum = Money::from_minor(flow.sum_minor).display(scale).to_string();
        let times = if flow.count > 1 { format!(" in {}", flow.count) } else { String::new() };
        write_text(&mut labels, middle, 13.0, "bold", FLOW, &format!("{number}. {sum}{times}"));
        write_text(&mut labels, (middle.0, middle.1 + 15.0), 11.0, "normal", GREY, &days(flow));
    }
    for &account in &places {
        let (x, y) = at(account);
        let fill = if account == audited { AUDITED } else { OTHER };
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{DOT}\" fill=\"{fill}\" stroke=\"#fff\" stroke-width=\"2\"/>"
        );
        // Names stand outside of the circle, where no arrow runs.
        let below = y >= CENTRE.1 - 1.0;
        let label = (x + (x - CENTRE.0) / RADIUS * 22.0, if below { y + DOT + 18.0 } else { y - DOT - 8.0 });
        write_text(&mut labels, label, 14.0, "bold", INK, &name(account));
    }
    svg.push_str(&labels);
    legend(&mut svg, shown, rows.len());
    svg.push_str("</svg>\n");
    svg
}

/// The flows of the rows, the accounts in the order in which they stand on the circle, and how many rows are shown.
fn flows(rows: &[u32], audited: u32, columns: &TransferColumns<'_>) -> (BTreeMap<(u32, u32), Flow>, Vec<u32>, usize) {
    let mut flows: BTreeMap<(u32, u32), Flow> = BTreeMap::new();
    let mut members = vec![audited];
    let mut shown = 0;
    for &row in rows {
        let transfer = columns.get(row as usize);
        let ends = [transfer.payer.get(), transfer.payee.get()];
        let fresh = ends.iter().filter(|end| !members.contains(end)).count();
        if members.len() + fresh > MOST {
            continue;
        }
        members.extend(ends);
        members.sort_unstable();
        members.dedup();
        let flow = flows.entry((ends[0], ends[1])).or_default();
        flow.sum_minor += transfer.amount_minor;
        flow.count += 1;
        flow.last = transfer.at_seconds.max(flow.first.map_or(i64::MIN, |_| flow.last));
        flow.first = Some(flow.first.map_or(transfer.at_seconds, |first| first.min(transfer.at_seconds)));
        shown += 1;
    }
    // Walk along the largest flows, so that a circle is drawn as one.
    let mut places = vec![audited];
    while let Some(&last) = places.last() {
        let onward = flows.iter().filter(|((payer, payee), _)| *payer == last && !places.contains(payee));
        let Some(next) = onward.max_by_key(|(pair, flow)| (flow.sum_minor, *pair)).map(|(pair, _)| pair.1) else {
            break;
        };
        places.push(next);
    }
    places.extend(members.into_iter().filter(|member| !places.contains(member)).collect::<Vec<u32>>());
    (flows, places, shown)
}

fn heading(assessment: &FraudAssessment, signal: Signal, name: &str, scale: Scale) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"Helvetica, Arial, sans-serif\">\n<title>{}</title>\n<defs><marker id=\"tip\" viewBox=\"0 0 10 10\" \
         refX=\"8\" refY=\"5\" markerWidth=\"13\" markerHeight=\"13\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path d=\"M0 0L10 5L0 10z\" fill=\"{FLOW}\"/></marker></defs>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fffdf7\"/>\n\
         <text x=\"30\" y=\"44\" font-size=\"22\" font-weight=\"bold\" fill=\"{INK}\">{name}: {}</text>\n",
        signal.name(),
        signal.reason(),
    );
    let score = assessment.signal(signal).map_or(0.0, |finding| finding.score.get());
    let facts = [
        ("received", assessment.received().display(scale).to_string()),
        ("removed", assessment.removed().display(scale).to_string()),
        ("verified", assessment.verified().display(scale).to_string()),
        ("suspicion", format!("{:.2}", assessment.suspicion().get())),
        (signal.name(), format!("{score:.2}")),
    ];
    for (place, (what, figure)) in facts.into_iter().enumerate() {
        let x = 30.0 + 180.0 * place as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"72\" font-size=\"12\" fill=\"{GREY}\">{what}</text>\
             <text x=\"{x}\" y=\"92\" font-size=\"16\" fill=\"{INK}\">{figure}</text>"
        );
    }
    let _ = writeln!(svg, "<path d=\"M30 108H{}\" stroke=\"#ddd6c4\"/>", WIDTH - 30.0);
    svg
}

/// Draws an arrow that bends to its left, so that there and back run apart; gives the place of its label.
fn arrow(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), width: f64) -> (f64, f64) {
    let (dx, dy) = (x2 - x1, y2 - y1);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    // Outwards for neighbours on the circle, who stand in the order of the flow.
    let bend = 0.16 * length;
    let (cx, cy) = ((x1 + x2) / 2.0 + uy * bend, (y1 + y2) / 2.0 - ux * bend);
    let towards = |(x, y): (f64, f64), by: f64| {
        let far = (cx - x).hypot(cy - y).max(1.0);
        (x + (cx - x) / far * by, y + (cy - y) / far * by)
    };
    let ((sx, sy), (ex, ey)) = (towards((x1, y1), DOT + 3.0), towards((x2, y2), DOT + 5.0));
    let _ = writeln!(
        svg,
        "<path d=\"M{sx:.1} {sy:.1}Q{cx:.1} {cy:.1} {ex:.1} {ey:.1}\" fill=\"none\" stroke=\"{FLOW}\" \
         stroke-opacity=\"0.85\" stroke-width=\"{width:.1}\" marker-end=\"url(#tip)\"/>"
    );
    ((x1 + x2) / 4.0 + cx / 2.0, (y1 + y2) / 4.0 + cy / 2.0)
}

/// Centred text on a pale rim, which keeps it readable across a line.
fn write_text(svg: &mut String, (x, y): (f64, f64), size: f64, weight: &str, fill: &str, text: &str) {
    for paint in ["fill=\"none\" stroke=\"#fffdf7\" stroke-width=\"5\"".to_owned(), format!("fill=\"{fill}\"")] {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" \
             text-anchor=\"middle\" stroke-linejoin=\"round\" {paint}>{text}</text>"
        );
    }
}

fn days(flow: &Flow) -> String {
    let day = |seconds: i64| {
        let date = Timestamp::from_second(seconds).map(|at| jiff::tz::Offset::UTC.to_datetime(at).date());
        date.map_or_else(|_| seconds.to_string(), |date| date.to_string())
    };
    let (first, last) = (day(flow.first.unwrap_or(flow.last)), day(flow.last));
    if first == last { first } else { format!("{first} to {last}") }
}

fn legend(svg: &mut String, shown: usize, of: usize) {
    let y = HEIGHT - 40.0;
    for (x, fill, text) in [(40.0, AUDITED, "the account under audit"), (240.0, OTHER, "others in the ring")] {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"8\" fill=\"{fill}\"/>\
             <text x=\"{}\" y=\"{}\" font-size=\"12\" fill=\"{INK}\">{text}</text>",
            x + 14.0,
            y + 4.0,
        );
    }
    let rest =
        if shown < of { format!("{shown} of {of} transfers of the evidence") } else { format!("{shown} transfers") };
    let _ = writeln!(
        svg,
        "<path d=\"M410 {y}H440\" stroke=\"{FLOW}\" stroke-width=\"3\" marker-end=\"url(#tip)\"/>\
         <text x=\"454\" y=\"{}\" font-size=\"12\" fill=\"{INK}\">money moved, numbered in order of time: sum in how many \
         transfers,</text><text x=\"454\" y=\"{}\" font-size=\"12\" fill=\"{INK}\">days in UTC; {rest}</text>",
        y - 4.0,
        y + 12.0,
    );
}

/// An id that fits beside a dot, as text of an SVG.
fn shortened(id: &str) -> String {
    let short: String =
        if id.chars().count() > 18 { id.chars().take(17).chain(['…']).collect() } else { id.to_owned() };
    short.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
