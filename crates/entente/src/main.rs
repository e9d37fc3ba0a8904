//! The program `entente`: all its parts are in the library beside this file (src/lib.rs); modules are declared there.

fn main() {
    // Scratch wiring until `entente::cli::main()` is declared in src/lib.rs: replace this whole function.
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "bench" {
        entente::bench::exchange(&entente::bench::ExchangeArgs { acts: args[2].parse().unwrap(), outstanding: args[3].split(',').map(|n| n.parse().unwrap()).collect(), dir: None, json: false }).unwrap();
        return;
    }
    let home = entente::home::Home::open(std::path::Path::new(&args[2])).unwrap();
    let key: [u8; 32] = std::fs::read(&args[5]).unwrap().try_into().unwrap();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    entente::serve::serve(&home, &seal::Lock::KeyFile(&key), |a| println!("{a:?}")).unwrap();
}
