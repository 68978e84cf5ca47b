//! Editing leaves every byte alone that it was not asked to change, against a model that works on the
//! lines of the text.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests state what must hold"
)]

use proptest::prelude::*;
use sip_proto::message::EditError;
use sip_proto::{HeaderName, RequestBuf};

/// A header row in one of the spellings that stay as they are, folds included.
fn row() -> impl Strategy<Value = String> {
    let via = ["Via", "v", "VIA", "via "];
    let route = ["Route", "ROUTE", "rOuTe\t"];
    let one = |n: u32| format!("<sip:p{n};lr>");
    let vias = prop::collection::vec(0..100_u32, 1..4).prop_map(|all| {
        let values: Vec<String> =
            all.iter().map(|n| format!("SIP/2.0/UDP h{n};branch=z9hG4bK\"a,{n}\"")).collect();
        values.join(if all.len() % 2 == 0 { " ,\r\n " } else { ", " })
    });
    let routes =
        prop::collection::vec((0..100_u32).prop_map(one), 1..4).prop_map(|all| all.join(","));
    prop_oneof![
        (prop::sample::select(via.to_vec()), vias)
            .prop_map(|(name, values)| format!("{name}: {values}\r\n")),
        (prop::sample::select(route.to_vec()), routes)
            .prop_map(|(name, values)| format!("{name}:{values}\r\n")),
        "[a-zA-Z-]{1,8}-x {0,2}: {0,3}[ -~]{0,20}".prop_map(|text| format!("{text}\r\n")),
        Just("Subject:  folded\r\n\t twice\r\n \r\n".to_owned()),
        Just("X-Latin: caf\u{e9}\r\n".to_owned()),
    ]
}

#[derive(Clone, Debug)]
enum Edit {
    PushVia(u32),
    PushRoute(u32),
    PopVia,
    PopRoute,
    Count,
    Uri(u32),
    Remove,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..100_u32).prop_map(Edit::PushVia),
        (0..100_u32).prop_map(Edit::PushRoute),
        Just(Edit::PopVia),
        Just(Edit::PopRoute),
        Just(Edit::Count),
        (0..100_u32).prop_map(Edit::Uri),
        Just(Edit::Remove),
    ]
}

/// The head as rows, folds joined to theirs: each with its name in lower case and its text.
fn rows(text: &str) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive("\r\n") {
        match out.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => last.1.push_str(line),
            _ => {
                let name = line.split(':').next().unwrap().trim().to_ascii_lowercase();
                let name = if name == "v" { "via".to_owned() } else { name };
                out.push((name, line.to_owned()));
            }
        }
    }
    out
}

/// Behind the first comma of a row that separates, and the white space there; `None` without one.
fn behind_comma(row: &str) -> Option<usize> {
    let colon = row.find(':').unwrap() + 1;
    let (mut quoted, mut depth) = (false, 0_u32);
    for (at, c) in row.char_indices().skip_while(|(at, _)| *at < colon) {
        match c {
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                let rest = &row[at + 1..];
                return Some(at + 1 + (rest.len() - rest.trim_start().len()));
            }
            _ => {}
        }
    }
    None
}

fn pop(rows: &mut Vec<(String, String)>, name: &str) -> bool {
    let Some(at) = rows.iter().position(|(n, _)| n == name) else { return false };
    let row = &mut rows[at].1;
    match behind_comma(row) {
        Some(next) => {
            let colon = row.find(':').unwrap() + 1;
            let value = colon + (row[colon..].len() - row[colon..].trim_start().len());
            row.replace_range(value..next, "");
        }
        None => {
            rows.remove(at);
        }
    }
    true
}

fn push(rows: &mut Vec<(String, String)>, name: &str, value: &str) {
    let at = rows.iter().position(|(n, _)| *n == name.to_ascii_lowercase()).unwrap_or(0);
    rows.insert(at, (name.to_ascii_lowercase(), format!("{name}: {value}\r\n")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// One edit after the other, each on what the last one left: every byte is where the model has it.
    #[test]
    fn edits_change_what_they_say_and_nothing_else(
        head in prop::collection::vec(row(), 0..8),
        hops in prop_oneof![Just(None), (0..=255_u32).prop_map(Some)],
        hops_at in any::<prop::sample::Index>(),
        body in "[ -~\r\n]{0,30}",
        edits in prop::collection::vec(edit(), 0..6),
    ) {
        let mut head = head;
        if let Some(hops) = hops {
            head.insert(hops_at.index(head.len() + 1), format!("max-FORWARDS :  {hops} \r\n"));
        }
        let length = format!("L:{}\r\n", body.len());
        let mut model = rows(&(head.concat() + &length));
        let mut uri = "sip:b@h;x=y".to_owned();
        let text = format!("MESSAGE {uri} SIP/2.0\r\n{}{length}\r\n{body}", head.concat());
        let mut request = RequestBuf::parse(text.clone()).unwrap();
        prop_assert_eq!(&request.view().edit().to_bytes().unwrap()[..], text.as_bytes());
        for edit in &edits {
            let (mut via, mut new_uri) = (String::new(), String::new());
            let mut list = request.view().edit();
            let done = match edit {
                Edit::PushVia(n) => {
                    via = format!("SIP/2.0/TCP new{n};branch=z9hG4bK{n}");
                    push(&mut model, "Via", &via);
                    list.push_via(&via).map(|_| ())
                }
                Edit::PushRoute(n) => {
                    via = format!("<sip:new{n};lr>");
                    push(&mut model, "Route", &via);
                    list.push(HeaderName::ROUTE, &via).map(|_| ())
                }
                Edit::PopVia => {
                    let there = pop(&mut model, "via");
                    let done = list.pop_via().map(|_| ());
                    prop_assert_eq!(done.is_ok(), there);
                    done
                }
                Edit::PopRoute => {
                    let there = pop(&mut model, "route");
                    let done = list.pop_route().map(|_| ());
                    prop_assert_eq!(done.is_ok(), there);
                    done
                }
                Edit::Count => {
                    let row = model.iter_mut().find(|(n, _)| n == "max-forwards");
                    let done = list.decrement_max_forwards().map(|_| ());
                    match row {
                        None => push(&mut model, "Max-Forwards", "70"),
                        Some((_, row)) => {
                            let number = row.split(':').nth(1).unwrap().trim().to_owned();
                            match number.parse::<u32>().unwrap().checked_sub(1) {
                                None => prop_assert_eq!(done, Err(EditError::MaxForwards)),
                                Some(less) => *row = row.replace(&number, &less.to_string()),
                            }
                        }
                    }
                    done
                }
                Edit::Uri(n) => {
                    new_uri = format!("sip:new{n}@h");
                    uri.clone_from(&new_uri);
                    list.set_uri(&new_uri).map(|_| ())
                }
                Edit::Remove => {
                    if model.iter().filter(|(n, _)| n == "route").count() > 8 {
                        continue;
                    }
                    model.retain(|(n, _)| n != "route");
                    list.remove(HeaderName::ROUTE).map(|_| ())
                }
            };
            if done.is_err() {
                continue;
            }
            let wanted: String = model.iter().map(|(_, row)| row.as_str()).collect();
            let wanted = format!("MESSAGE {uri} SIP/2.0\r\n{wanted}\r\n{body}");
            let found = list.to_bytes().unwrap();
            prop_assert_eq!(
                String::from_utf8_lossy(&found), wanted.as_str(), "{:?} of {:?}", edit, edits
            );
            drop((via, new_uri));
            request = RequestBuf::parse(found).unwrap();
            prop_assert_eq!(&request.body()[..], body.as_bytes());
        }
    }

    /// Several edits of one list are the same as one after the other, when they do not touch the same
    /// place; when they do, nothing is written.
    #[test]
    fn a_list_of_edits_is_the_same_as_one_by_one(
        head in prop::collection::vec(row(), 0..6),
        pop_first in any::<bool>(),
    ) {
        let text = format!(
            "MESSAGE sip:b@h SIP/2.0\r\nRoute: <sip:a;lr>\r\nMax-Forwards: 9\r\n{}l: 0\r\n\r\n",
            head.concat()
        );
        let request = RequestBuf::parse(text).unwrap();
        let mut all = request.view().edit();
        if pop_first {
            all.pop_route().unwrap();
        }
        all.decrement_max_forwards().unwrap();
        all.push_via("SIP/2.0/UDP new").unwrap();
        all.set_uri("sip:c@h").unwrap();
        if !pop_first {
            all.pop_route().unwrap();
        }
        let together = all.to_bytes().unwrap();
        let mut step = request;
        for n in 0..4 {
            let mut one = step.view().edit();
            match n {
                0 => one.pop_route().unwrap(),
                1 => one.decrement_max_forwards().unwrap(),
                2 => one.push_via("SIP/2.0/UDP new").unwrap(),
                _ => one.set_uri("sip:c@h").unwrap(),
            };
            let bytes = one.to_bytes().unwrap();
            step = RequestBuf::parse(bytes).unwrap();
        }
        prop_assert_eq!(
            String::from_utf8_lossy(&together), String::from_utf8_lossy(step.as_bytes())
        );
        let mut twice = step.view().edit();
        twice.set_uri("sip:d@h").unwrap().set_uri("sip:e@h").unwrap();
        prop_assert_eq!(twice.to_bytes(), Err(EditError::Overlap));
    }
}
