//! The program `entente`: all its parts are in the library beside this file (src/lib.rs); modules are declared there.

fn main() -> std::process::ExitCode {
    entente::cli::main()
}
