//! Prints the drafts that the files named on the command line give, one JSON object a line.

fn main() -> std::io::Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let bodies = paths.iter().map(std::fs::read_to_string).collect::<std::io::Result<Vec<_>>>()?;
    let texts: Vec<_> = paths.iter().zip(&bodies).map(|(path, body)| entente_register::Text { path, body }).collect();
    let started = std::time::Instant::now();
    let reading = entente_register::draft(&texts);
    let took = started.elapsed();
    for event in &reading.events {
        println!("{}", serde_json::to_string(event)?);
    }
    for silent in &reading.silent {
        eprintln!("{}", serde_json::to_string(silent)?);
    }
    eprintln!("{} texts in {took:?}", texts.len());
    Ok(())
}
