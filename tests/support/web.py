#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web.py DIRECTORY [CERTIFICATE KEY] - the web server of the world.

http on port 80 and, with a certificate, https on 443, both families:
    /           a line of text
    /peer       the address from which the request came
    /file/NAME  a file of DIRECTORY
    /echo       POST: the body comes back
    /slow       the line of text after a tenth of a second
"""

import http.server
import os
import shutil
import socket
import ssl
import sys
import threading
import time

GREETING = b"hello from the world\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    directory = "."

    def do_GET(self):
        self.path = self.path.partition("?")[0]
        if self.path == "/":
            self.answer(GREETING)
        elif self.path == "/peer":
            self.answer(self.peer().encode() + b"\n")
        elif self.path == "/slow":
            time.sleep(0.1)
            self.answer(GREETING)
        elif self.path.startswith("/file/"):
            self.answer_file(os.path.basename(self.path))
        else:
            self.send_error(404)

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def peer(self):
        return self.client_address[0].removeprefix("::ffff:")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_file(self, name):
        try:
            file = open(os.path.join(self.directory, name), "rb")
        except OSError:
            self.send_error(404)
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, 1 << 18)

    def log_message(self, format, *args):
        print(self.peer(), format % args, flush=True)


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 512
    daemon_threads = True
    tls = None

    def finish_request(self, request, client_address):
        # The TLS handshake belongs to the connection's own thread.
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        print(client_address[0], "error:", sys.exc_info()[1], flush=True)


def main():
    Handler.directory = sys.argv[1]
    if len(sys.argv) > 2:
        secure = Server(("::", 443), Handler)
        secure.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.tls.load_cert_chain(sys.argv[2], sys.argv[3])
        threading.Thread(target=secure.serve_forever, daemon=True).start()
    Server(("::", 80), Handler).serve_forever()


if __name__ == "__main__":
    main()
