// SPDX-License-Identifier: MIT
// cgo.go HOST PORT TAG - a Go program with C in it: one connection by C's calls, and
// one by Go's own net package; also a library that C programs load (Both)

package main

/*
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// The page's last line, or the error's name.
static const char *fetch(const char *host, const char *port, const char *tag,
			 char *page, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	size_t have = 0;
	ssize_t n;
	int fd;

	if (getaddrinfo(host, port, &hints, &found))
		return "getaddrinfo";
	fd = socket(found->ai_family, found->ai_socktype, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		return strerrorname_np(errno);
	freeaddrinfo(found);
	dprintf(fd, "GET /?%s HTTP/1.0\r\n\r\n", tag);
	while (have + 1 < size &&
	       (n = read(fd, page + have, size - have - 1)) > 0)
		have += n;
	page[have] = 0;
	close(fd);
	return strstr(page, "hello from the world\n") ? "ok" : "cut";
}
*/
// #cgo CFLAGS: -D_GNU_SOURCE
import "C"

import (
	"fmt"
	"net"
	"os"
	"unsafe"
)

func byC(host, port, tag string) string {
	words := [3]*C.char{C.CString(host), C.CString(port), C.CString(tag)}
	page := (*C.char)(C.malloc(4096))
	defer C.free(unsafe.Pointer(page))
	return C.GoString(C.fetch(words[0], words[1], words[2], page, 4096))
}

func byGo(host, port string) string {
	connection, err := net.Dial("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err.Error()
	}
	connection.Close()
	return "ok"
}

//export Both
func Both(host, port, tag *C.char) {
	fmt.Println("c:", byC(C.GoString(host), C.GoString(port), C.GoString(tag)))
	fmt.Println("go:", byGo(C.GoString(host), C.GoString(port)))
}

func main() {
	fmt.Println("c:", byC(os.Args[1], os.Args[2], os.Args[3]))
	fmt.Println("go:", byGo(os.Args[1], os.Args[2]))
}
