#![allow(
    clippy::unwrap_in_result,
    clippy::panic_in_result_fn,
    reason = "tests state what must hold"
)]

use super::*;

#[test]
fn plain_messages() {
    let message = PlainMessage::write("u", &Secret::new("p"));
    assert_eq!(message, b"\0u\0p");
    let read = PlainMessage::parse(b"z\0u\0p").unwrap();
    assert_eq!(
        (read.authzid.as_str(), read.authcid.as_str(), read.password.expose()),
        ("z", "u", "p")
    );
    for bad in [&b""[..], b"u\0p", b"\0\0p", b"\0u\0", b"\0u\0p\0", b"\0\xff\0p"] {
        assert_eq!(PlainMessage::parse(bad), None, "{bad:?}");
    }
}

/// RFC 4616 §2: what SCRAM takes for one password PLAIN does, too.
#[test]
#[cfg(feature = "stringprep")]
fn passwords_are_compared_as_they_are_prepared() {
    for (known, shown, right) in [
        ("p", "p", true),
        ("I\u{ad}X", "IX", true),
        ("\u{e9}", "e\u{301}", true),
        ("p", "P", false),
        // What cannot be prepared is at least itself, and nothing else.
        ("a\u{7}", "a\u{7}", true),
        ("a\u{7}", "a", false),
    ] {
        let message = PlainMessage::write("u", &Secret::new(shown));
        let (mut server, _) =
            SaslServer::start(Mechanism::Plain, &message, ServerContext::new("")).unwrap();
        let known = Credentials::Password(Secret::new(known));
        assert_eq!(server.credentials(&known, b"salt", 1).is_ok(), right, "{shown:?}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let (client, _) = SaslClient::start(
        Mechanism::Plain,
        "u",
        Some(&Secret::new("hunter2")),
        "",
        ClientBinding::Unsupported,
    )
    .unwrap();
    let shown = alloc::format!("{:?} {:?}", Secret::new("hunter2"), client);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[cfg(feature = "scram")]
mod scram_exchanges {
    use super::*;
    use crate::sasl::ClientStep;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    const ROUNDS: core::ops::RangeInclusive<u32> = 4096..=100_000;

    fn sent(step: ClientStep) -> Vec<u8> {
        match step {
            ClientStep::Send(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// The exchanges of RFC 5802 §5 and RFC 7677 §3.
    #[test]
    fn vectors_of_the_rfcs() {
        for (mechanism, nonce, first, server_first, last, server_final) in [
            (
                Mechanism::ScramSha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Mechanism::ScramSha256,
                "rOprNGfwEbeRWgbNEkqO",
                "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let (mut client, step) =
                SaslClient::start(mechanism, "user", None, nonce, ClientBinding::Unsupported)
                    .unwrap();
            assert_eq!(sent(step), first.as_bytes());
            let step = client.challenge(server_first.as_bytes(), ROUNDS).unwrap();
            let ClientStep::Derive { hash, salt, iterations } = step else { panic!("{step:?}") };
            let salted = derive(hash, "pencil", &salt, iterations).unwrap();
            assert_eq!(sent(client.derived(&salted).unwrap()), last.as_bytes());
            assert_eq!(client.success(server_final.as_bytes()), Ok(()));

            let server_nonce = server_first[2..].split(',').next().unwrap();
            let server_nonce = server_nonce.strip_prefix(nonce).unwrap();
            let (mut server, step) =
                SaslServer::start(mechanism, first.as_bytes(), ServerContext::new(server_nonce))
                    .unwrap();
            assert!(matches!(step, ServerStep::LookUp { user, password: None } if user == "user"));
            let known = Credentials::Password(Secret::new("pencil"));
            let step = server.credentials(&known, &salt, 4096).unwrap();
            assert!(matches!(step, ServerStep::Challenge(c) if c == server_first.as_bytes()));
            let step = server.response(last.as_bytes()).unwrap();
            assert!(
                matches!(step, ServerStep::Success { data, .. } if data == server_final.as_bytes())
            );
        }
    }

    fn challenged(server_first: &str) -> Result<ClientStep, SaslError> {
        let (mut client, _) = SaslClient::start(
            Mechanism::ScramSha256,
            "user",
            None,
            "abc",
            ClientBinding::Unsupported,
        )
        .unwrap();
        client.challenge(server_first.as_bytes(), ROUNDS)
    }

    #[test]
    fn a_client_does_not_trust_just_any_server() {
        use SaslError as E;
        for (message, error) in [
            ("r=abd,s=QQ==,i=4096", E::Nonce),
            ("r=abc,s=QQ==,i=4096", E::Nonce),
            ("r=xabcd,s=QQ==,i=4096", E::Nonce),
            ("m=x,r=abcd,s=QQ==,i=4096", E::Extension),
            ("r=abcd,s=QQ==,i=4095", E::Iterations),
            ("r=abcd,s=QQ==,i=100001", E::Iterations),
            ("r=abcd,s=QQ==,i=99999999999", E::Malformed),
            ("r=abcd,s=QQ==,i=0", E::Malformed),
            ("r=abcd,s=QQ==,i=-1", E::Malformed),
            ("r=abcd,s=QQ==,i=+4096", E::Malformed),
            ("r=abcd,s=,i=4096", E::Malformed),
            ("r=abcd,s=*,i=4096", E::Malformed),
            ("s=QQ==,r=abcd,i=4096", E::Malformed),
            ("", E::Malformed),
        ] {
            assert_eq!(challenged(message).unwrap_err(), error, "{message}");
        }
        assert!(challenged("r=abcd,s=QQ==,i=4096,x=future").is_ok());
    }

    #[test]
    fn success_without_proof_is_refused() {
        let (mut client, _) = SaslClient::start(
            Mechanism::ScramSha1,
            "user",
            None,
            "abc",
            ClientBinding::Unsupported,
        )
        .unwrap();
        assert_eq!(client.success(b""), Err(SaslError::Unproved));
        assert_eq!(client.success(b"v=AAAA"), Err(SaslError::Unproved));
        client.challenge(b"r=abcd,s=QQ==,i=4096", ROUNDS).unwrap();
        assert_eq!(client.success(b""), Err(SaslError::Unproved));
        client.derived(&SaltedPassword::new(&[1; 20])).unwrap();
        assert_eq!(client.success(b""), Err(SaslError::Unproved));
        assert_eq!(client.success(b"v=AAAA"), Err(SaslError::Signature));
        assert_eq!(client.success(b"e=other-error"), Err(SaslError::Malformed));
    }

    #[test]
    fn names_with_commas_and_equals_signs_arrive() {
        let (_, step) =
            SaslClient::start(Mechanism::ScramSha1, "a,b=c", None, "n", ClientBinding::Unsupported)
                .unwrap();
        let message = sent(step);
        assert_eq!(message, b"n,,n=a=2Cb=3Dc,r=n");
        let (_, step) =
            SaslServer::start(Mechanism::ScramSha1, &message, ServerContext::new("s")).unwrap();
        assert!(matches!(step, ServerStep::LookUp { user, .. } if user == "a,b=c"));
    }

    #[test]
    fn what_a_server_refuses_to_begin_with() {
        use SaslFailure as F;
        for (message, expected) in [
            ("n,,n=user,r=abc", None),
            ("y,,n=user,r=abc", None),
            ("n,a=user,n=user,r=abc", None),
            ("n,a=user@host,n=user,r=abc", None),
            ("n,a=other,n=user,r=abc", Some(F::InvalidAuthzid)),
            ("p=tls-unique,,n=user,r=abc", Some(F::MalformedRequest)),
            ("x,,n=user,r=abc", Some(F::MalformedRequest)),
            ("n,,m=ext,n=user,r=abc", Some(F::MalformedRequest)),
            ("n,,n=us=er,r=abc", Some(F::MalformedRequest)),
            ("n,,n=,r=abc", Some(F::MalformedRequest)),
            ("n,,n=user,r=", Some(F::MalformedRequest)),
            ("n,,n=user", Some(F::MalformedRequest)),
            ("n=user,r=abc", Some(F::MalformedRequest)),
            ("", Some(F::MalformedRequest)),
        ] {
            let got = SaslServer::start(
                Mechanism::ScramSha256,
                message.as_bytes(),
                ServerContext::new("s"),
            )
            .err();
            assert_eq!(got, expected, "{message}");
        }
    }

    fn exchange(
        password: &str,
        known: &Credentials,
        spoil: impl Fn(String) -> String,
    ) -> Result<(), SaslFailure> {
        let (mut client, step) =
            SaslClient::start(Mechanism::ScramSha256, "u", None, "cn", ClientBinding::Unsupported)
                .unwrap();
        let (mut server, _) =
            SaslServer::start(Mechanism::ScramSha256, &sent(step), ServerContext::new("sn"))
                .unwrap();
        let ServerStep::Challenge(challenge) = server.credentials(known, b"salt", 4096)? else {
            panic!("challenge")
        };
        let ClientStep::Derive { hash, salt, iterations } =
            client.challenge(&challenge, ROUNDS).unwrap()
        else {
            panic!("derive")
        };
        let salted = derive(hash, password, &salt, iterations).unwrap();
        let last = String::from_utf8(sent(client.derived(&salted).unwrap())).unwrap();
        let ServerStep::Success { data, .. } = server.response(spoil(last).as_bytes())? else {
            panic!("success")
        };
        client.success(&data).unwrap();
        Ok(())
    }

    #[test]
    fn right_and_wrong_final_messages() {
        let right = Credentials::Password(Secret::new("pw"));
        let keys =
            Credentials::Keys(ScramKeys::derive(Hash::Sha256, "pw", b"other salt", 5000).unwrap());
        assert_eq!(exchange("pw", &right, |s| s), Ok(()));
        assert_eq!(exchange("pw", &keys, |s| s), Ok(()));
        let no = Err(SaslFailure::NotAuthorized);
        assert_eq!(exchange("wrong", &right, |s| s), no);
        // A server does not tell that there is no such user, nor lets him in.
        assert_eq!(exchange("pw", &Credentials::Refused, |s| s), no);
        assert_eq!(exchange("pw", &Credentials::Accepted, |s| s), no);
        assert_eq!(exchange("pw", &right, |s| s.replace("c=biws", "c=eSws")), no);
        assert_eq!(exchange("pw", &right, |s| s.replace("r=cnsn", "r=cnsm")), no);
        assert_eq!(exchange("pw", &right, |s| s.replace(",p=", ",x=1,p=")), no);
        let malformed = Err(SaslFailure::MalformedRequest);
        assert_eq!(
            exchange("pw", &right, |s| s.split(",p=").next().unwrap().to_string()),
            malformed
        );
        assert_eq!(exchange("pw", &right, |s| s.replace(",p=", ",p=*")), malformed);
        let sha1 = Credentials::Keys(ScramKeys::derive(Hash::Sha1, "pw", b"s", 4096).unwrap());
        assert_eq!(exchange("pw", &sha1, |s| s), Err(SaslFailure::MechanismTooWeak));
    }

    #[test]
    fn keys_verify_plain_too() {
        let keys = ScramKeys::derive(Hash::Sha1, "pw", b"salt", 4096).unwrap();
        let kept = ScramKeys::new(Hash::Sha1, b"salt", 4096, keys.stored_key(), keys.server_key());
        for (password, right) in [("pw", true), ("pw2", false)] {
            let message = PlainMessage::write("u", &Secret::new(password));
            let (mut server, _) =
                SaslServer::start(Mechanism::Plain, &message, ServerContext::new("")).unwrap();
            assert_eq!(server.credentials(&Credentials::Keys(kept.clone()), b"", 0).is_ok(), right);
        }
    }
}

#[cfg(feature = "scram")]
mod more {
    use super::*;
    use alloc::string::ToString;

    /// Plays an exchange to its end: whether the server is satisfied, and the client.
    fn play(
        mechanism: Mechanism,
        client_binding: ClientBinding<'_>,
        server_bindings: &[ChannelBinding],
        credentials: &Credentials,
    ) -> Result<String, SaslFailure> {
        let password = Secret::new("pencil");
        let (mut client, step) =
            SaslClient::start(mechanism, "user", Some(&password), "cn", client_binding).unwrap();
        let ClientStep::Send(first) = step else { panic!("{step:?}") };
        let context = ServerContext::new("sn").with_bindings(server_bindings);
        let (mut server, _) = SaslServer::start(mechanism, &first, context)?;
        let mut step = server.credentials(credentials, b"salt", 4096)?;
        loop {
            match step {
                ServerStep::Challenge(message) => {
                    let answer = match client.challenge(&message, 1..=9999).unwrap() {
                        ClientStep::Derive { hash, salt, iterations } => {
                            let salted = derive(hash, "pencil", &salt, iterations).unwrap();
                            client.derived(&salted).unwrap()
                        }
                        send => send,
                    };
                    let ClientStep::Send(answer) = answer else { panic!("{answer:?}") };
                    step = server.response(&answer)?;
                }
                ServerStep::Success { user, data } => {
                    client.success(&data).unwrap();
                    return Ok(user);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    const SCRAM: [(Mechanism, Mechanism); 3] = [
        (Mechanism::ScramSha1, Mechanism::ScramSha1Plus),
        (Mechanism::ScramSha256, Mechanism::ScramSha256Plus),
        (Mechanism::ScramSha512, Mechanism::ScramSha512Plus),
    ];

    #[test]
    fn scram_plus_proves_the_same_connection() {
        let right = Credentials::Password(Secret::new("pencil"));
        for (plain, plus) in SCRAM {
            for kind in BindingType::ALL {
                assert_eq!(BindingType::of(kind.name()), Some(*kind));
                let ours = ChannelBinding::new(*kind, b"finished");
                let theirs = [ChannelBinding::new(*kind, b"finished")];
                let bound = ClientBinding::Bound(&ours);
                assert_eq!(play(plus, bound, &theirs, &right), Ok("user".to_string()));
                // Somebody in the middle has two connections with different data.
                let other = [ChannelBinding::new(*kind, b"different")];
                assert_eq!(play(plus, bound, &other, &right), Err(SaslFailure::NotAuthorized));
                // A type that the server has no data of.
                assert_eq!(play(plus, bound, &[], &right), Err(SaslFailure::MalformedRequest));
                assert!(!alloc::format!("{ours:?}").contains("102"), "the data are secret");
            }
            // RFC 5802 §6: `n,,` is legal for a server that can bind, `y` shows a downgrade.
            let able = [ChannelBinding::new(BindingType::TlsExporter, b"x")];
            assert_eq!(play(plain, ClientBinding::Unsupported, &able, &right), Ok("user".into()));
            assert_eq!(
                play(plain, ClientBinding::NotOffered, &able, &right),
                Err(SaslFailure::NotAuthorized)
            );
            assert_eq!(play(plain, ClientBinding::NotOffered, &[], &right), Ok("user".into()));
            let start =
                |mechanism, binding| SaslClient::start(mechanism, "u", None, "n", binding).err();
            assert_eq!(start(plus, ClientBinding::Unsupported), Some(SaslError::Binding));
            let bound = ClientBinding::Bound(&able[0]);
            assert_eq!(start(plain, bound), Some(SaslError::Binding));
            for (mechanism, first) in
                [(plain, "p=tls-exporter,,n=u,r=x"), (plus, "n,,n=u,r=x"), (plus, "y,,n=u,r=x")]
            {
                let context = ServerContext::new("s").with_bindings(&able);
                let got = SaslServer::start(mechanism, first.as_bytes(), context).err();
                assert_eq!(got, Some(SaslFailure::MalformedRequest), "{mechanism:?} {first}");
            }
        }
    }

    #[test]
    fn keys_of_sha_512_are_kept_and_verify() {
        let keys = ScramKeys::derive(Hash::Sha512, "pencil", b"salt", 4096).unwrap();
        assert_eq!((keys.stored_key().len(), keys.server_key().len()), (64, 64));
        let kept =
            ScramKeys::new(Hash::Sha512, b"salt", 4096, keys.stored_key(), keys.server_key());
        let kept = Credentials::Keys(kept);
        assert_eq!(
            play(Mechanism::ScramSha512, ClientBinding::Unsupported, &[], &kept),
            Ok("user".into())
        );
        assert_eq!(
            play(Mechanism::ScramSha256, ClientBinding::Unsupported, &[], &kept),
            Err(SaslFailure::MechanismTooWeak)
        );
    }

    #[test]
    fn external_and_anonymous_are_whom_the_host_says() {
        for mechanism in [Mechanism::External, Mechanism::Anonymous] {
            let who = Credentials::Identity("juliet".into());
            assert_eq!(play(mechanism, ClientBinding::Unsupported, &[], &who), Ok("juliet".into()));
            for not in [
                Credentials::Refused,
                Credentials::Accepted,
                Credentials::Password(Secret::new("pencil")),
                Credentials::Identity(String::new()),
            ] {
                let got = play(mechanism, ClientBinding::Unsupported, &[], &not);
                assert_eq!(got, Err(SaslFailure::NotAuthorized), "{not:?}");
            }
            let nul = SaslServer::start(mechanism, b"a\0b", ServerContext::default()).err();
            assert_eq!(nul, Some(SaslFailure::MalformedRequest));
        }
        // An identity says nothing about a password.
        let who = Credentials::Identity("user".into());
        for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
            let got = play(mechanism, ClientBinding::Unsupported, &[], &who);
            assert_eq!(got, Err(SaslFailure::NotAuthorized));
        }
    }

    #[test]
    fn every_mechanism_has_its_name() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::of(mechanism.name()), Some(*mechanism));
            assert_eq!(mechanism.binds_channel(), mechanism.name().ends_with("-PLUS"));
            assert_eq!(mechanism.needs_password(), Mechanism::PASSWORD.contains(mechanism));
        }
        assert!(Mechanism::ALL.windows(2).all(|pair| pair[0] > pair[1]), "strongest first");
    }
}
