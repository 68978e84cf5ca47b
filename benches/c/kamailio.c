/* The parser of Kamailio, which has no library: it is called within its program, before `main`.
 *
 *   cargo run --release -p benches --bin inputs -- invite > target/invite.messages
 *   cc -O2 -shared -fPIC -o target/kamailio.so benches/c/kamailio.c
 *   MESSAGES=target/invite.messages LD_PRELOAD=$PWD/target/kamailio.so kamailio
 *
 * Made for 5.6.3 of Debian 12 on x86_64. `struct sip_msg` is known by two offsets only, which its headers
 * and the code of `parse_headers` agree about; on another version they must be looked up anew. */
#include "messages.h"

enum { MESSAGE_SIZE = 2008, BUF = 0x2d0, LEN = 0x2d8 };
#define HDR_EOH_F (~0ULL)

/* What Kamailio exports to its modules. */
extern unsigned long pkg_mem_size;
int pkg_init_manager(const char *name);
void ksr_hname_init_index(void);
int parse_msg(char *buf, unsigned len, void *msg);
int parse_headers(void *msg, unsigned long long flags, int next);
void *parse_from_uri(void *msg);
void *parse_to_uri(void *msg);
int parse_contact_header(void *msg);
void free_sip_msg(void *msg);

static int read_all(char *buf, size_t length, int typed) {
    static _Alignas(16) char msg[MESSAGE_SIZE];
    unsigned len = length;
    memset(msg, 0, sizeof msg);
    memcpy(msg + BUF, &buf, sizeof buf);
    memcpy(msg + LEN, &len, sizeof len);
    int status = parse_msg(buf, len, msg) || parse_headers(msg, HDR_EOH_F, 0) == -1;
    if (status == 0 && typed)
        status = !parse_from_uri(msg) || !parse_to_uri(msg) || parse_contact_header(msg) < 0;
    free_sip_msg(msg);
    return status;
}

static int headers(char *buf, size_t length) { return read_all(buf, length, 0); }
static int proxy(char *buf, size_t length) { return read_all(buf, length, 1); }

__attribute__((constructor)) static void run(void) {
    struct messages all = read_messages();
    pkg_mem_size = 8 << 20;
    /* The fastest of its allocators. */
    if (pkg_init_manager("fm") != 0)
        exit(1);
    ksr_hname_init_index();
    measure("kamailio, all headers", &all, headers);
    measure("kamailio, From, To and Contact typed too", &all, proxy);
    exit(0);
}
