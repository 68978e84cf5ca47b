//! One target for each family of headers, so that libFuzzer learns the grammar of one and not a little of
//! all: no value makes a header panic; what is read and printed reads as the same again, in one line.

use core::fmt::Display;
use sip_proto::TypedHeader;
use sip_proto::headers;

/// Each takes or refuses any value; what it prints it reads, and prints again.
macro_rules! family {
    ($($(#[$doc:meta])* $name:ident: $($header:ty),+ $(,)?;)*) => { $(
        $(#[$doc])*
        pub fn $name(data: &[u8]) {
            // What is not UTF-8 is read, but prints with replacements. Line ends are not in the values
            // of a message but for folds, which builders do not write.
            let utf8 = core::str::from_utf8(data).is_ok_and(|text| !text.contains(['\r', '\n']));
            $(
                if let (Some(printed), true) = (print::<$header>(data), utf8) {
                    assert!(!printed.contains(['\r', '\n']), "{}: {printed:?}", stringify!($header));
                    let again = print::<$header>(printed.as_bytes());
                    assert_eq!(again.as_deref(), Some(printed.as_str()), stringify!($header));
                }
            )+
        }
    )* };
}

family! {
    /// Via.
    sip_via: headers::Via<'_>;
    /// Those that are a name and an address.
    sip_addresses:
        headers::From<'_>, headers::To<'_>, headers::Contact<'_>, headers::Route<'_>,
        headers::RecordRoute<'_>, headers::Path<'_>, headers::ServiceRoute<'_>,
        headers::ReplyTo<'_>, headers::ReferTo<'_>, headers::ReferredBy<'_>,
        headers::PAssertedIdentity<'_>, headers::PPreferredIdentity<'_>,
        headers::PAssociatedUri<'_>, headers::HistoryInfo<'_>, headers::Diversion<'_>,
        headers::AlertInfo<'_>, headers::CallInfo<'_>, headers::ErrorInfo<'_>;
    /// Those that are numbers, and what is around them.
    sip_numbers:
        headers::CSeq<'_>, headers::ContentLength, headers::Expires, headers::MinExpires,
        headers::MaxForwards, headers::RetryAfter, headers::RSeq, headers::RAck<'_>,
        headers::SessionExpires, headers::MinSe, headers::MaxBreadth, headers::FlowTimer;
    /// Lists of option-tags and methods.
    sip_tokens:
        headers::Allow<'_>, headers::Require<'_>, headers::ProxyRequire<'_>,
        headers::Supported<'_>, headers::Unsupported<'_>;
    /// Those that are a word with parameters.
    sip_words:
        headers::Accept<'_>, headers::AcceptContact<'_>, headers::AcceptEncoding<'_>,
        headers::AcceptLanguage<'_>, headers::AllowEvents<'_>, headers::ContentDisposition<'_>,
        headers::ContentEncoding<'_>, headers::ContentLanguage<'_>, headers::ContentType<'_>,
        headers::Event<'_>, headers::InfoPackage<'_>, headers::Priority<'_>, headers::Reason<'_>,
        headers::RecvInfo<'_>, headers::ReferSub<'_>, headers::RejectContact<'_>,
        headers::RequestDisposition<'_>, headers::SipEtag<'_>, headers::SipIfMatch<'_>,
        headers::SubscriptionState<'_>;
    /// Texts, times and ids.
    sip_texts:
        headers::CallId<'_>, headers::Subject<'_>, headers::Organization<'_>, headers::Server<'_>,
        headers::UserAgent<'_>, headers::Date, headers::SentAt<'_>, headers::Warning<'_>,
        headers::InReplyTo<'_>, headers::MimeVersion<'_>, headers::Privacy<'_>,
        headers::ContentId<'_>, headers::Identity<'_>, headers::IdentityInfo<'_>,
        headers::RetryWhen<'_>;
    /// Those that name another dialog.
    sip_dialogs: headers::Replaces<'_>, headers::Join<'_>, headers::TargetDialog<'_>;
}

/// Capabilities in a Contact: what is kept of them is one line, and reads as the same again.
pub fn sip_features(data: &[u8]) {
    let Ok(contact) = headers::Contact::parse(data) else { return };
    let own = headers::Features::of(&contact);
    assert!(!own.as_str().contains(['\r', '\n']), "{own:?}");
    let row = format!("<sip:a@h>{own}");
    let again = headers::Contact::parse(row.as_bytes()).expect("what was written");
    assert_eq!(headers::Features::of(&again), own);
    let values = |contact: &headers::Contact<'_>| {
        let others = contact.features().filter(|f| !f.is("+sip.instance"));
        others.flat_map(|f| f.values().map(|v| format!("{v:?}")).collect::<Vec<_>>()).collect()
    };
    let (before, after): (Vec<String>, Vec<String>) = (values(&contact), values(&again));
    assert_eq!(before, after);
}

/// What was read, printed.
fn print<'a, T: TypedHeader<'a> + Display>(value: &'a [u8]) -> Option<String> {
    T::parse(value).ok().map(|read| read.to_string())
}

/// Challenges and credentials of requests: read or refused, and nothing else.
pub fn sip_auth(data: &[u8]) {
    macro_rules! each {
        ($($header:ty),* $(,)?) => { $(
            let _read = <$header as TypedHeader<'_>>::parse(data).is_ok();
        )* };
    }
    each!(
        headers::Authorization<'_>,
        headers::ProxyAuthorization<'_>,
        headers::WwwAuthenticate<'_>,
        headers::ProxyAuthenticate<'_>,
        headers::AuthenticationInfo<'_>,
        headers::ProxyAuthenticationInfo<'_>,
    );
}
