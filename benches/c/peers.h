/* Parsers in C behind one shape: what they find goes to a sink, in the order of the rows. */
#ifndef PEERS_H
#define PEERS_H
#include <stddef.h>
#include <stdint.h>

struct sink {
    void *context;
    void (*text)(void *context, const char *bytes, size_t length);
    void (*number)(void *context, uint64_t number);
};

/* What a proxy reads of a SIP message; 0 when it parses. */
int peer_osip_proxy(const char *bytes, size_t length, const struct sink *sink);
int peer_sofia_proxy(const char *bytes, size_t length, const struct sink *sink);
/* How many elements; 0 when it is well-formed. */
int peer_expat_count(const char *bytes, size_t length, const struct sink *sink);
#endif
