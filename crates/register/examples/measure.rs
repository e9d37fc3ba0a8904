//! Reads a labelled folder and prints how well the drafts meet the labels; `entente bench register` does the same for people.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("give a folder with an index.tsv")?;
    let verbose = args.next().is_some();
    let labels = entente_register::labels(&std::fs::read_to_string(Path::new(&folder).join("index.tsv"))?)?;
    let bodies = labels.iter().map(|label| std::fs::read_to_string(Path::new(&folder).join(&label.file))).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<_> = labels.iter().zip(&bodies).map(|(label, body)| entente_register::Text { path: &label.file, body }).collect();
    let reading = entente_register::draft(&texts);
    if verbose {
        for event in &reading.events {
            println!(
                "{} {:?} {:?} {} {:?} {}",
                event.kind.code(),
                event.date_from,
                event.date_to,
                event.countries.join("-"),
                event.place,
                event.sources.join(" ")
            );
            event.joined_because.iter().for_each(|because| println!("    {because}"));
        }
        reading.silent.iter().for_each(|silent| println!("silent {}: {}", silent.source, silent.reason));
    }
    println!("{}", serde_json::to_string_pretty(&entente_register::quality(&labels, &reading))?);
    Ok(())
}
