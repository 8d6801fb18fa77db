//! Draws two ego networks side by side: a shop (a dandelion) and a private person (a ball of yarn).
//!
//! ```text
//! cargo run --release --example ego_networks -- docs/ego_networks.svg
//! cargo run --release --example ego_networks -- two.svg --transfers transfers.csv --accounts A1,A2
//! ```

#[path = "shared/mod.rs"]
mod shared;

use std::process::ExitCode;

use clap::Parser;
use dandelion_credit::graph::{GraphConfig, TransferGraph};
use dandelion_credit::synthetic::{AccountKind, Market, MarketConfig};
use dandelion_credit::{AccountDirectory, AccountIndex, Progress, Scale};
use plotters::coord::Shift;
use plotters::prelude::*;
use shared::transfers::{Needs, TransferFile};
use shared::{Failure, Outcome};

/// Draws the ego networks of two accounts as SVG.
#[derive(Parser)]
struct Args {
    /// The picture.
    out: String,
    /// Transfers with the header `payer,payee[,amount[,timestamp]]`; a synthetic town where absent.
    #[arg(long, requires = "accounts")]
    transfers: Option<String>,
    /// Two account ids, separated by a comma.
    #[arg(long, requires = "transfers", value_delimiter = ',', num_args = 1)]
    accounts: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    shared::run(|| draw(&args))
}

fn draw(args: &Args) -> Outcome {
    let (graph, picked) = match &args.transfers {
        Some(name) => from_file(name, &args.accounts)?,
        None => from_market()?,
    };
    let part = format!("{}.part", args.out);
    {
        let sheet = SVGBackend::new(&part, (920, 480)).into_drawing_area();
        sheet.fill(&WHITE).map_err(Failure::new)?;
        for (half, (account, caption)) in sheet.split_evenly((1, 2)).into_iter().zip(picked) {
            draw_ego(&half, &Ego::of(&graph, account), &caption)?;
        }
        sheet.present().map_err(Failure::new)?;
    }
    std::fs::rename(&part, &args.out).map_err(|e| Failure::new(e).at(&args.out))
}

type Picked = (TransferGraph, Vec<(u32, String)>);

fn from_file(name: &str, accounts: &[String]) -> Outcome<Picked> {
    let file = TransferFile::read(name, Needs::default(), Scale::CENTS)?;
    let [first, second] = accounts else { return Err(Failure::new("--accounts takes two ids")) };
    let graph =
        TransferGraph::build(&file.columns(), file.directory.len(), &GraphConfig::default(), Progress::silent())?;
    let find = |id: &String| {
        let row = known(&file.directory, id).ok_or_else(|| Failure::new(format!("no account '{id}'")).at(name))?;
        Ok::<_, Failure>((row.get(), id.clone()))
    };
    Ok((graph, vec![find(first)?, find(second)?]))
}

fn known(directory: &AccountDirectory, id: &str) -> Option<AccountIndex> {
    directory.index_of(id)
}

/// A shop with less clustering than nine in ten, and a person with more than 97 in a hundred, in a small town.
fn from_market() -> Outcome<Picked> {
    let config = MarketConfig { accounts: 20_000, days: 120, ..MarketConfig::default() };
    let market = Market::generate(&config)?;
    let columns = market.transfers().columns();
    let graph = TransferGraph::build(&columns, config.accounts as usize, &GraphConfig::default(), Progress::silent())?;
    let clear = |kind, degrees: std::ops::Range<usize>, percentile: usize, caption: &str| {
        let fits =
            |&account: &u32| market.kinds()[account as usize] == kind && degrees.contains(&graph.degree(account));
        let mut accounts: Vec<u32> = (0..config.accounts).filter(fits).collect();
        accounts.sort_by(|&a, &b| Ego::of(&graph, a).clustering().total_cmp(&Ego::of(&graph, b).clustering()));
        accounts.get(accounts.len() * percentile / 100).map(|&account| (account, caption.to_owned()))
    };
    let picked = [
        // Clear cases, not the clearest: the middle ones are closer together, since people shop and shopkeepers have friends.
        clear(AccountKind::Shop, 48..64, 10, "a shop: a dandelion"),
        clear(AccountKind::Person, 18..30, 97, "a person: a ball of yarn"),
    ];
    let picked: Option<Vec<(u32, String)>> = picked.into_iter().collect();
    let picked = picked.ok_or_else(|| Failure::new("the town has no account of a degree that can be drawn"))?;
    Ok((graph, picked))
}

/// The counterparties of one account and the relations among them.
struct Ego {
    alters: usize,
    links: Vec<(usize, usize)>,
}

impl Ego {
    fn of(graph: &TransferGraph, account: u32) -> Self {
        let alters = graph.neighbours(account);
        let mut links = Vec::new();
        for (place, &alter) in alters.iter().enumerate() {
            for other in graph.neighbours(alter) {
                match alters.binary_search(other) {
                    Ok(other) if other > place => links.push((place, other)),
                    _ => {}
                }
            }
        }
        Self { alters: alters.len(), links }
    }

    fn clustering(&self) -> f64 {
        2.0 * self.links.len() as f64 / (self.alters * (self.alters - 1)) as f64
    }

    /// Where each counterparty is drawn, in the unit square: springs along relations, repulsion otherwise (Fruchterman
    /// and Reingold 1991), the account itself held in the middle.
    fn layout(&self) -> Vec<(f64, f64)> {
        let n = self.alters;
        let golden = std::f64::consts::PI * (3.0 - 5f64.sqrt());
        let start = |i: usize| (0.4 * (golden * i as f64).cos(), 0.4 * (golden * i as f64).sin());
        let mut at: Vec<(f64, f64)> = (0..n).map(start).collect();
        let rest = 0.62 / (n as f64).sqrt();
        for round in 0..400 {
            let mut push = vec![(0.0, 0.0); n];
            let mut pull = |i: usize, dx: f64, dy: f64, force: f64| {
                let distance = dx.hypot(dy).max(1e-6);
                push[i].0 += dx / distance * force;
                push[i].1 += dy / distance * force;
            };
            for i in 0..n {
                for j in (0..n).filter(|&j| j != i) {
                    let (dx, dy) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
                    pull(i, dx, dy, rest * rest / dx.hypot(dy).max(1e-3));
                }
                let (dx, dy) = at[i];
                pull(i, dx, dy, 3.0 * rest * rest / dx.hypot(dy).max(1e-3) - 0.9 * (dx * dx + dy * dy) / rest * 0.2);
            }
            for &(i, j) in &self.links {
                let (dx, dy) = (at[j].0 - at[i].0, at[j].1 - at[i].1);
                let force = 0.35 * (dx * dx + dy * dy) / rest;
                pull(i, dx, dy, force);
                pull(j, -dx, -dy, force);
            }
            let most = 0.05 * (1.0 - f64::from(round) / 400.0);
            for (at, push) in at.iter_mut().zip(&push) {
                let length = push.0.hypot(push.1).max(1e-9);
                at.0 += push.0 / length * length.min(most);
                at.1 += push.1 / length * length.min(most);
            }
        }
        let reach = at.iter().map(|(x, y)| x.hypot(*y)).fold(1e-9, f64::max);
        at.into_iter().map(|(x, y)| (0.46 * x / reach, 0.46 * y / reach)).collect()
    }
}

fn draw_ego(area: &DrawingArea<SVGBackend<'_>, Shift>, ego: &Ego, caption: &str) -> Outcome {
    let (width, height) = area.dim_in_pixel();
    let side = f64::from(width.min(height - 70));
    let pixel = |(x, y): (f64, f64)| (f64::from(width).mul_add(0.5, x * side) as i32, (side * (0.5 + y)) as i32 + 52);
    let at: Vec<(i32, i32)> = ego.layout().into_iter().map(pixel).collect();
    let centre = pixel((0.0, 0.0));
    let stalk = RGBColor(196, 200, 204);
    let yarn = RGBColor(214, 92, 62);
    for &alter in &at {
        area.draw(&PathElement::new(vec![centre, alter], stalk.stroke_width(1))).map_err(Failure::new)?;
    }
    for &(i, j) in &ego.links {
        area.draw(&PathElement::new(vec![at[i], at[j]], yarn.stroke_width(1))).map_err(Failure::new)?;
    }
    for &alter in &at {
        area.draw(&Circle::new(alter, 4, RGBColor(64, 98, 138).filled())).map_err(Failure::new)?;
    }
    area.draw(&Circle::new(centre, 8, RGBColor(32, 36, 40).filled())).map_err(Failure::new)?;
    let write = |text: String, size: i32, y: i32| {
        let style = ("sans-serif", size).into_font().color(&RGBColor(32, 36, 40));
        let style = style.pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Center,
            plotters::style::text_anchor::VPos::Top,
        ));
        area.draw(&Text::new(text, (width as i32 / 2, y), style)).map_err(Failure::new)
    };
    write(caption.to_owned(), 20, 10)?;
    let (k, links, clustering) = (ego.alters, ego.links.len(), ego.clustering());
    write(format!("{k} counterparties, {links} relations among them, clustering {clustering:.3}"), 13, 36)
}
