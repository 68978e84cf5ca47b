/* Sofia-SIP: msg_make splits the message, msg_serialize is not needed to read; every known header is
 * read into structures that point into the message's own copy. */
#include "peers.h"
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <stdlib.h>
#include <string.h>

static void told(const struct sink *sink, const char *text) {
    sink->text(sink->context, text, text ? strlen(text) : 0);
}

int peer_sofia_proxy(const char *bytes, size_t length, const struct sink *sink) {
    msg_t *message = msg_make(sip_default_mclass(), 0, bytes, (ssize_t)length);
    if (!message)
        return -1;
    sip_t *sip = sip_object(message);
    int status = sip && !sip->sip_error && sip->sip_from && sip->sip_to && sip->sip_cseq && sip->sip_call_id ? 0 : -1;
    if (status == 0) {
        for (sip_via_t *via = sip->sip_via; via; via = via->v_next) {
            told(sink, via->v_host);
            sink->number(sink->context, via->v_port ? strtoul(via->v_port, NULL, 10) : 0);
            told(sink, via->v_branch);
        }
        told(sink, sip->sip_from->a_url->url_host);
        told(sink, sip->sip_from->a_tag);
        told(sink, sip->sip_to->a_url->url_host);
        sink->number(sink->context, sip->sip_cseq->cs_seq);
        told(sink, sip->sip_call_id->i_id);
        told(sink, sip->sip_contact ? sip->sip_contact->m_url->url_host : NULL);
    }
    msg_destroy(message);
    return status;
}
