//! A capture as one page that needs nothing else: ladders to unfold and to search.

use super::{Capture, Dialogue, Step, text};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:1.5rem auto;padding:0 1rem}\
input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box;position:sticky;top:.5rem}\
h2{font-size:1.05rem;margin:1.6rem 0 .4rem}details{border-bottom:1px solid #e4e4e4}\
summary{cursor:pointer;padding:.15rem .3rem;font-family:ui-monospace,monospace;font-size:.85rem;\
overflow-wrap:anywhere}.back summary{padding-left:5rem;background:#f6f8fa}\
time{color:#777;display:inline-block;width:5.5rem;text-align:right;margin-right:.8rem}\
.quirk{background:#fff3cd;border-radius:3px;padding:0 .3rem;margin-left:.4rem}\
.error{background:#f8d7da;border-radius:3px;padding:0 .3rem;margin-left:.4rem}\
table{margin:.3rem 0 .6rem 7rem;border-collapse:collapse;font-size:.82rem}\
td{padding:.05rem .6rem .05rem 0;vertical-align:top;overflow-wrap:anywhere}\
td:first-child{white-space:nowrap;color:#555}code{color:#0b6e4f}";

const SCRIPT: &str = "\
const find=document.getElementById('find'),count=document.getElementById('count');\
find.addEventListener('input',()=>{const word=find.value.toLowerCase();let shown=0;\
for(const step of document.querySelectorAll('details')){\
const hit=step.textContent.toLowerCase().includes(word);step.hidden=!hit;shown+=hit}\
for(const part of document.querySelectorAll('section'))\
part.hidden=!part.querySelector('details:not([hidden])');\
count.textContent=word?shown+' found':''});";

/// The page. `name` is what the capture is called.
#[must_use]
pub fn of(name: &str, capture: &Capture) -> String {
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut page, name, capture);
    page
}

fn write(page: &mut String, name: &str, capture: &Capture) -> std::fmt::Result {
    let name = escaped(name);
    // Whatever the capture says: nothing is loaded, nothing is sent, and no other script runs.
    let ours = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    writeln!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'sha256-{ours}'\">\
         <meta name=viewport content='width=device-width'><title>{name}</title>\
         <style>{STYLE}</style><h1>{name}</h1><p>{}</p>\
         <input id=find type=search placeholder='find in all messages' autofocus>\
         <p id=count></p>",
        escaped(&text::summary(capture))
    )?;
    for dialogue in &capture.dialogues {
        writeln!(page, "<section><h2>{}</h2>", escaped(&text::title(dialogue)))?;
        for step in &dialogue.steps {
            write_step(page, dialogue, step)?;
        }
        writeln!(page, "</section>")?;
    }
    writeln!(page, "<script>{SCRIPT}</script>")
}

fn write_step(page: &mut String, dialogue: &Dialogue, step: &Step) -> std::fmt::Result {
    let (class, arrow) = if step.forth { ("forth", "→") } else { ("back", "←") };
    let at = text::seconds(step.time.saturating_sub(dialogue.began()));
    let words = escaped(&text::words(step));
    write!(page, "<details class={class}><summary><time>{at}</time>{arrow} {words}")?;
    for quirk in &step.line.quirks {
        write!(page, "<span class=quirk>{}</span>", escaped(quirk))?;
    }
    let refused = step.line.fields.iter().filter_map(|field| field.error.as_ref());
    for error in step.line.error.iter().chain(refused) {
        write!(page, "<span class=error>{}</span>", escaped(&error.kind))?;
    }
    write!(page, "</summary><table>")?;
    for field in &step.line.fields {
        write!(page, "<tr><td>{}<td>{}", escaped(&field.name), escaped(&field.value))?;
        if let Some(typed) = &field.typed {
            write!(page, " <code>{}</code>", escaped(&typed.to_string()))?;
        }
    }
    writeln!(page, "</table></details>")
}

/// Text stays text, in an element as in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
