//! No start files, no libraries: what is missing then, a dependency pulled in.
fn main() {
    for argument in ["-nostartfiles", "-nodefaultlibs", "-static"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
