//! `init`: a new service.

use super::Global;
use super::fields::lang_text;
use super::locks::LockArgs;
use super::trouble::Trouble;
use crate::home::{Founding, Home};
use base::{Lang, Text};
use seal::Duty;
use serde_json::json;
use std::net::SocketAddr;

const EXAMPLES: &str = "Examples:
  entente init --dir ma --code ma --country MA --name fr=\"Bureau de liaison\" --name ar=\"مكتب الاتصال\" \\
      --endpoint liaison.example.ma:7400 --zone Africa/Casablanca --language fr --language ar \\
      --duty \"24/7 desk,+212500000000,desk@example.ma\"
  entente init --dir es --code es --country ES --name es=\"Oficina de enlace\" --endpoint 192.0.2.7:7400 --key-file es.key

What follows: entente serve --dir ma; entente card export ma.card --dir ma; hand ma.card to the partner and read the twelve words aloud.";

/// What an administrator says of a new service.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct InitArgs {
    /// Short name of the service, such as ma or es-pn
    #[arg(long)]
    code: String,
    /// Country, ISO 3166-1 alpha-2
    #[arg(long)]
    country: String,
    /// Name of the service in one language; repeat it for more
    #[arg(long = "name", value_name = "LANG=NAME", required = true)]
    names: Vec<String>,
    /// Where partners reach the node; repeat it for more, best first
    #[arg(long = "endpoint", value_name = "HOST:PORT", required = true)]
    endpoints: Vec<String>,
    /// Where the node listens for partners [default: all addresses, the port of the first endpoint]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// The place where officers work, as the tz database names it
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Working language, best first; repeat it for more [default: the languages of the names]
    #[arg(long = "language", value_name = "LANG", value_delimiter = ',')]
    languages: Vec<Lang>,
    /// A desk that answers; repeat it for more
    #[arg(long = "duty", value_name = "DESK,PHONE,MAIL")]
    duty: Vec<String>,
    /// Days for which the first card is valid
    #[arg(long, default_value_t = 365, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    valid_days: u32,
    /// Serve the desk to officers' browsers at this loopback address, such as 127.0.0.1:7402
    #[arg(long, value_name = "ADDRESS:PORT")]
    desk: Option<SocketAddr>,
    #[command(flatten)]
    lock: LockArgs,
}

impl InitArgs {
    /// Makes the service.
    pub fn run(self, global: &Global) -> Result<(), Trouble> {
        let dir = global.dir();
        let founding = self.founding(global.api)?;
        let secret = self.lock.make()?;
        let founded = Home::init(&dir, &founding, &secret.lock())?;
        let kept = dir.join("tokens").join("admin");
        let shown = json!({
            "dir": dir.display().to_string(), "service": founded.service, "code": founding.code, "fingerprint": founded.fingerprint,
            "officer": "admin", "token": founded.admin_token, "token_kept": kept.display().to_string(),
        });
        global.face().show(&shown, || {
            format!(
                "service {} is {}\nfingerprint  {}\n             read it aloud to every partner who takes the card\nofficer admin signs in with the token in {}\nnext: entente serve --dir {}\n",
                founding.code,
                founded.service,
                founded.fingerprint,
                kept.display(),
                dir.display()
            )
        })
    }

    fn founding(&self, api: Option<SocketAddr>) -> Result<Founding, Trouble> {
        let name: Vec<Text> = self.names.iter().map(|n| lang_text(n)).collect::<Result<_, _>>()?;
        let languages = match self.languages.is_empty() {
            false => self.languages.clone(),
            true => name.iter().filter_map(|t| t.lang.as_str().parse().ok()).collect(),
        };
        Ok(Founding {
            code: self.code.clone(),
            country: self.country.clone(),
            name,
            endpoints: self.endpoints.clone(),
            listen: match self.listen {
                Some(listen) => listen,
                None => ([0, 0, 0, 0], port(&self.endpoints[0])?).into(),
            },
            api: api.unwrap_or_else(|| ([127, 0, 0, 1], 7401).into()),
            zone: self.zone.clone(),
            languages,
            duty: self.duty.iter().map(|d| duty(d)).collect::<Result<_, _>>()?,
            valid_days: self.valid_days,
            desk: self.desk,
        })
    }
}

fn port(endpoint: &str) -> Result<u16, Trouble> {
    let port = endpoint.rsplit_once(':').and_then(|(host, port)| if host.is_empty() { None } else { port.parse().ok() });
    port.ok_or_else(|| Trouble::Usage(format!("--endpoint '{endpoint}' is not host:port, for example liaison.example.ma:7400")))
}

pub(super) fn duty(typed: &str) -> Result<Duty, Trouble> {
    match typed.split(',').map(str::trim).collect::<Vec<_>>()[..] {
        [desk, phone, mail] => Ok(Duty { desk: desk.to_owned(), phone: phone.to_owned(), mail: mail.to_owned() }),
        _ => Err(Trouble::Usage(format!("--duty '{typed}' is not DESK,PHONE,MAIL; phone or mail may be empty, the commas stay"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_port_and_a_desk_three_parts() {
        assert_eq!(port("liaison.example.ma:7400"), Ok(7400));
        assert_eq!(port("[2001:db8::1]:7400"), Ok(7400));
        assert!(["liaison.example.ma", ":7400", "host:99999"].iter().all(|e| port(e).is_err_and(|t| t.exit() == 64)));
        assert_eq!(duty("24/7, +212500000000 ,").unwrap().phone, "+212500000000");
        assert!(duty("desk").is_err() && duty("a,b,c,d").is_err());
    }
}
