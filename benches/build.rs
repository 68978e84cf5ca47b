//! With the feature `peers-c`: compiles what stands between the measurements and parsers in C, and links
//! the libraries (Debian: libosip2-dev, libsofia-sip-ua-dev, libexpat1-dev).

fn main() {
    #[cfg(feature = "peers-c")]
    {
        println!("cargo:rerun-if-changed=c");
        let sofia = pkg_config::probe_library("sofia-sip-ua").expect("libsofia-sip-ua-dev");
        pkg_config::probe_library("libosip2").expect("libosip2-dev");
        pkg_config::probe_library("expat").expect("libexpat1-dev");
        cc::Build::new()
            .files(["c/osip.c", "c/sofia.c", "c/expat.c"])
            .includes(&sofia.include_paths)
            .opt_level(2)
            .compile("peers");
        // The order matters to the linker: what is used comes behind what uses it.
        println!("cargo:rustc-link-lib=osipparser2");
        println!("cargo:rustc-link-lib=sofia-sip-ua");
        println!("cargo:rustc-link-lib=expat");
    }
}
