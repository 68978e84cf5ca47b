/* libosip2: osip_message_parse reads every known header into structures. */
#include "peers.h"
#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <stdlib.h>
#include <string.h>

static void told(const struct sink *sink, const char *text) {
    sink->text(sink->context, text, text ? strlen(text) : 0);
}

static void tag_of(const struct sink *sink, osip_from_t *from) {
    osip_generic_param_t *tag = NULL;
    osip_from_get_tag(from, &tag);
    told(sink, tag ? tag->gvalue : NULL);
}

int peer_osip_proxy(const char *bytes, size_t length, const struct sink *sink) {
    static int ready = 0;
    if (!ready) {
        parser_init();
        ready = 1;
    }
    osip_message_t *message = NULL;
    if (osip_message_init(&message) != 0)
        return -1;
    int status = osip_message_parse(message, bytes, length);
    if (status == 0) {
        osip_via_t *via = NULL;
        for (int at = 0; osip_message_get_via(message, at, &via) >= 0; at++) {
            osip_generic_param_t *branch = NULL;
            osip_via_param_get_byname(via, (char *)"branch", &branch);
            told(sink, via->host);
            sink->number(sink->context, via->port ? strtoul(via->port, NULL, 10) : 0);
            told(sink, branch ? branch->gvalue : NULL);
        }
        told(sink, message->from->url->host);
        tag_of(sink, message->from);
        told(sink, message->to->url->host);
        sink->number(sink->context, strtoul(message->cseq->number, NULL, 10));
        /* It keeps a Call-ID in two halves. */
        told(sink, message->call_id->number);
        told(sink, message->call_id->host);
        osip_contact_t *contact = NULL;
        if (osip_message_get_contact(message, 0, &contact) >= 0)
            told(sink, contact->url->host);
    }
    osip_message_free(message);
    return status;
}
