// SPDX-License-Identifier: MIT
// connects.go HOST PORT TAG - a Go program: one connection by Go's own net package
//
// Go makes its system calls itself, so no library sees them.

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func fetch(host, port, tag string) (string, error) {
	connection, err := net.Dial("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /?%s HTTP/1.0\r\n\r\n", tag)
	text, err := io.ReadAll(connection)
	return string(text), err
}

func main() {
	text, err := fetch(os.Args[1], os.Args[2], os.Args[3])
	switch {
	case err != nil:
		fmt.Println("go:", err)
	case strings.HasSuffix(text, "hello from the world\n"):
		fmt.Println("go: ok")
	default:
		fmt.Println("go: cut")
	}
}
