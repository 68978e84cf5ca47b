/* The parser of PJSIP, out of the module of `pjsua2-python` (2.15.1), which carries it:
 *
 *   cargo run --release -p benches --bin inputs -- invite > target/invite.messages
 *   cc -O2 -shared -fPIC -o target/pjsip.so benches/c/pjsip.c
 *   MESSAGES=target/invite.messages target/peers-venv/bin/python -c 'import ctypes, pjsua2._pjsua2 as p
 *   ctypes.CDLL(p.__file__, ctypes.RTLD_GLOBAL); ctypes.CDLL("target/pjsip.so").run()'
 *
 * It reads every header that it knows into a structure, the URIs included; memory comes from a pool that
 * is emptied after each message. */
#include "messages.h"

/* Larger than the real ones, which nobody looks into here. */
static _Alignas(16) char caching_pool[8192];
static void *pool;

extern char pj_pool_factory_default_policy[];
int pj_init(void);
int pj_log_set_level(int level);
void pj_caching_pool_init(void *pool, const void *policy, size_t max);
void *pj_pool_create(void *factory, const char *name, size_t first, size_t more, void *failed);
void pj_pool_reset(void *pool);
int pjsip_endpt_create(void *factory, const char *name, void **endpoint);
void *pjsip_parse_msg(void *pool, char *buf, size_t size, void *errors);

static int parse(char *buf, size_t length) {
    int found = pjsip_parse_msg(pool, buf, length, NULL) != NULL;
    pj_pool_reset(pool);
    return !found;
}

void run(void) {
    struct messages all = read_messages();
    void *endpoint = NULL;
    pj_log_set_level(0);
    if (pj_init() != 0)
        exit(1);
    /* The first member of the caching pool is the factory. */
    pj_caching_pool_init(caching_pool, pj_pool_factory_default_policy, 0);
    if (pjsip_endpt_create(caching_pool, "parser", &endpoint) != 0)
        exit(1);
    pool = pj_pool_create(caching_pool, "messages", 64000, 64000, NULL);
    measure("pjsip, everything", &all, parse);
    /* Its destructors expect more than was set up. */
    fflush(stdout);
    _Exit(0);
}
