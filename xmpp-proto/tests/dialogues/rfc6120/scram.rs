//! What §9.1.2 prints of SCRAM.

use super::{CLIENT_NONCE, PASSWORD, SALT, SERVER_NONCE};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmpp_proto::sasl::{
    ClientBinding, ClientStep, Credentials, Mechanism, SaslClient, SaslServer, Secret,
    ServerContext, ServerStep, derive,
};

/// §9.1.2, steps 9 to 12: the decoded data that the specification prints, from both sides.
#[test]
fn section_9_1_2_scram_gives_the_bytes_of_the_specification() {
    const FIRST: &str = "n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA";
    const CHALLENGE: &str = "r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e,\
        s=NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz,i=4096";
    const RESPONSE: &str = "c=biws,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA\
        e124695b-69a9-4de6-9c30-b51b3808c59e,p=UA57tM/SvpATBkH2FXs0WDXvJYw=";
    const FINAL: &str = "v=pNNDFVEQxuXxCoSEiW8GEZ+1RSo=";
    // The base64 of the elements is that of these texts.
    for (text, printed) in [
        (FIRST, "biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ=="),
        (
            CHALLENGE,
            "cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTViLTY5YTktNGRlNi05YzMwLWI1MWIzODA4\
             YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRsbU5UTm1ORE5rTURNeixpPTQwOTY=",
        ),
        (
            RESPONSE,
            "Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUFlMTI0Njk1Yi02OWE5LTRkZTYtOWMzMC1i\
             NTFiMzgwOGM1OWUscD1VQTU3dE0vU3ZwQVRCa0gyRlhzMFdEWHZKWXc9",
        ),
        (FINAL, "dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289"),
    ] {
        assert_eq!(STANDARD.encode(text), printed);
    }
    let password = Secret::new(PASSWORD);
    let (mut client, step) = SaslClient::start(
        Mechanism::ScramSha1,
        "juliet",
        Some(&password),
        CLIENT_NONCE,
        ClientBinding::Unsupported,
    )
    .unwrap();
    let sent = |step: ClientStep| match step {
        ClientStep::Send(bytes) => String::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent(step), FIRST);
    let context = ServerContext::new(SERVER_NONCE);
    let (mut server, _) =
        SaslServer::start(Mechanism::ScramSha1, FIRST.as_bytes(), context).unwrap();
    let known = Credentials::Password(password.clone());
    let ServerStep::Challenge(challenge) = server.credentials(&known, SALT, 4096).unwrap() else {
        panic!("a challenge")
    };
    assert_eq!(String::from_utf8(challenge).unwrap(), CHALLENGE);
    let step = client.challenge(CHALLENGE.as_bytes(), 4096..=4096).unwrap();
    let ClientStep::Derive { hash, salt, iterations } = step else { panic!("{step:?}") };
    let salted = derive(hash, PASSWORD, &salt, iterations).unwrap();
    assert_eq!(sent(client.derived(&salted).unwrap()), RESPONSE);
    let ServerStep::Success { user, data } = server.response(RESPONSE.as_bytes()).unwrap() else {
        panic!("success")
    };
    assert_eq!((user.as_str(), String::from_utf8(data).unwrap().as_str()), ("juliet", FINAL));
    assert!(client.success(FINAL.as_bytes()).is_ok());
}
