/* GStreamer's reader of RTSP messages, which takes bytes from a connection only. A connection made by hand can be
 * given bytes that are said to have been read already; a server's connection takes requests only:
 *
 *   cargo run --release -p benches --bin inputs -- setup > target/setup.messages       (or: setups)
 *   cc -O2 -o target/gstreamer benches/c/gstreamer.c $(pkg-config --cflags --libs gstreamer-rtsp-1.0 gio-2.0)
 *   MESSAGES=target/setup.messages target/gstreamer
 *   MESSAGES=target/setup.messages valgrind --tool=callgrind --toggle-collect=setup target/gstreamer once
 *
 * Needs libgstreamer-plugins-base1.0-dev. Each message gets a connection of its own, since the reader counts what
 * is left of those bytes anew (strlen) for each byte that it takes; making the connection is measured apart and to
 * be subtracted. Of a SETUP it reads what the rows `rtsp/setup` read. */
#include "messages.h"
#include <arpa/inet.h>
#include <gio/gio.h>
#include <gst/rtsp/rtsp.h>
#include <sys/socket.h>
#include <unistd.h>

static int of_server;

static GstRTSPConnection *open_with(char *bytes) {
    GstRTSPConnection *connection = NULL;
    /* It closes its socket. */
    GSocket *socket = g_socket_new_from_fd(dup(of_server), NULL);
    if (!socket || gst_rtsp_connection_create_from_socket(socket, "127.0.0.1", 554, bytes, &connection) != GST_RTSP_OK)
        exit(1);
    g_object_unref(socket);
    return connection;
}

/* Not inlined, so that callgrind finds it by its name. */
__attribute__((noinline)) int setup(GstRTSPConnection *connection, size_t *found) {
    GstRTSPMessage message = {0};
    if (gst_rtsp_connection_receive_usec(connection, &message, 1000000) != GST_RTSP_OK ||
        message.type != GST_RTSP_MESSAGE_REQUEST || message.type_data.request.method != GST_RTSP_SETUP)
        return 1;
    gchar *text = NULL;
    int status = gst_rtsp_message_get_header(&message, GST_RTSP_HDR_CSEQ, &text, 0) != GST_RTSP_OK;
    *found += text ? strtoul(text, NULL, 10) : 0;
    status |= gst_rtsp_message_get_header(&message, GST_RTSP_HDR_SESSION, &text, 0) != GST_RTSP_OK;
    *found += strcspn(text, ";");
    status |= gst_rtsp_message_get_header(&message, GST_RTSP_HDR_TRANSPORT, &text, 0) != GST_RTSP_OK;
    /* Its `init` frees what stands there. */
    GstRTSPTransport transport = {0};
    gst_rtsp_transport_init(&transport);
    status |= gst_rtsp_transport_parse(text, &transport) != GST_RTSP_OK;
    int over_udp = transport.client_port.min > 0;
    status |= !over_udp && transport.interleaved.max != transport.interleaved.min + 1;
    *found += over_udp ? transport.client_port.min + transport.client_port.max
                       : transport.interleaved.min + transport.interleaved.max;
    status |= gst_rtsp_message_get_header(&message, GST_RTSP_HDR_RANGE, &text, 0) != GST_RTSP_OK;
    GstRTSPTimeRange *range = NULL;
    status |= gst_rtsp_range_parse(text, &range) != GST_RTSP_OK || range->min.type != GST_RTSP_TIME_SECONDS;
    if (range)
        *found += (size_t)(range->min.seconds * 1000 + 0.5);
    gst_rtsp_range_free(range);
    gst_rtsp_transport_init(&transport);
    gst_rtsp_message_unset(&message);
    return status;
}

static size_t found;

static int connection_alone(char *bytes, size_t length) {
    (void)length;
    gst_rtsp_connection_free(open_with(bytes));
    return 0;
}

static int read_one(char *bytes, size_t length) {
    (void)length;
    GstRTSPConnection *connection = open_with(bytes);
    int status = setup(connection, &found);
    gst_rtsp_connection_free(connection);
    return status;
}

int main(int count, char **words) {
    (void)words;
    struct messages all = read_messages();
    /* A connection wants addresses at both ends. Nothing is ever sent. */
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    if (bind(listener, (struct sockaddr *)&at, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0 ||
        connect(client, (struct sockaddr *)&at, length) != 0)
        exit(1);
    of_server = accept(listener, NULL, NULL);
    if (count > 1) {
        /* Once to have everything linked and warm; under callgrind the second pass is half of what is counted. */
        for (int round = 0; round < 2; round++)
            for (size_t n = 0; n < all.count; n++)
                if (read_one(all.bytes[n], all.lengths[n]) != 0) {
                    fprintf(stderr, "message %zu is not read\n", n);
                    exit(1);
                }
    } else {
        measure("gstreamer, a connection alone", &all, connection_alone);
        measure("gstreamer, a connection and its SETUP", &all, read_one);
    }
    printf("sum %zu over %zu messages\n", found, all.count);
    return 0;
}
