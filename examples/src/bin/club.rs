//! The club: members chat over XMPP and SIP, watch a stream over RTSP, and every point and
//! cent of it is booked in a ledger that survives a kill.

use examples::club::{self, Failure, HouseOptions, outage};
use examples::ladder::Ladder;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
A membership club on loopback: an RTSP server, an XMPP server, a SIP home server and a
membership ledger in one process. By default its members spend a short evening there, over
real sockets: they enrol, load cards, chat, dine, rise, watch a stream for points, and send
something back; what goes over each wire is shown as a ladder. Then the ledger is killed
and reopened, and must have everything.

usage: club [OPTIONS]

  --serve        no evening: stay open, and say how to connect with ordinary programs
  --rtsp ADDR    where the RTSP server listens (127.0.0.1:0; with --serve 127.0.0.1:8554)
  --xmpp ADDR    where the XMPP server listens (127.0.0.1:0; with --serve 127.0.0.1:5222)
  --sip ADDR     where the SIP server listens (127.0.0.1:0; with --serve 127.0.0.1:5060)
  --status PORT  where on loopback the page that shows how it is doing (with --serve; 8080)
  --data DIR     where the ledger is kept; goes on where it was left. Without it, a new
                 temporary directory, which is removed when the evening went well
  --help         this text

exit status: 0 all went well, 1 something did not happen that should, 2 wrong usage
";

struct Arguments {
    serve: bool,
    house: HouseOptions,
    status: u16,
    data: Option<PathBuf>,
    victim: Option<PathBuf>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse(&words) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("club: {message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("club: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { serve, house, status, data, victim } = arguments;
    if let Some(data) = victim {
        return outage::be_the_victim(&data);
    }
    let ladder = Ladder::new(Box::new(std::io::stdout()));
    let temporary = data.is_none();
    let data = data.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("membership-club-{}", std::process::id()))
    });
    ladder.text(&format!("The ledger is kept in {}", data.display()));
    if serve {
        return club::serve(house, data, status, &ladder);
    }
    club::run(house, data.clone(), &ladder)?;
    finish(&data, temporary, &ladder)
}

fn finish(data: &Path, temporary: bool, ladder: &Ladder) -> Result<(), Failure> {
    if temporary {
        std::fs::remove_dir_all(data)?;
    }
    ladder.text("\nAll went well.");
    Ok(())
}

fn parse(words: &[String]) -> Result<Arguments, String> {
    let serve = words.iter().any(|word| word == "--serve");
    let mut house = HouseOptions::default();
    if serve {
        house.rtsp.set_port(8554);
        house.xmpp.set_port(5222);
        house.sip.set_port(5060);
    }
    let mut arguments = Arguments { serve, house, status: 8080, data: None, victim: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        let address = |text: &String| text.parse().map_err(|_| format!("{text} is no address"));
        match word.as_str() {
            "--serve" => {}
            "--rtsp" => arguments.house.rtsp = address(value()?)?,
            "--xmpp" => arguments.house.xmpp = address(value()?)?,
            "--sip" => arguments.house.sip = address(value()?)?,
            "--status" => {
                let port = value()?;
                arguments.status = port.parse().map_err(|_| format!("{port} is no port"))?;
            }
            "--data" => arguments.data = Some(value()?.into()),
            outage::VICTIM => arguments.victim = Some(value()?.into()),
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(arguments)
}
