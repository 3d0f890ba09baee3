// SPDX-License-Identifier: MIT
// carried.go COUNT URL [TAG] - Go's own HTTP client: COUNT pages at once
//
// Says "COUNT ok", or each error, and of the last one whom the connection is to.

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

func fetch(url string) (string, error) {
	var peer string
	transport := &http.Transport{DisableKeepAlives: true}
	transport.Dial = func(network, address string) (net.Conn, error) {
		connection, err := net.Dial(network, address)
		if err == nil {
			peer = connection.RemoteAddr().String()
		}
		return connection, err
	}
	client := &http.Client{Transport: transport}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && !strings.HasSuffix(string(text), "hello from the world\n") {
		err = fmt.Errorf("cut")
	}
	return peer, err
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	var all sync.WaitGroup
	var lock sync.Mutex
	var good int
	var last string
	for i := 0; i < count; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			peer, err := fetch(os.Args[2])
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				fmt.Println(err)
				return
			}
			good++
			last = peer
		}()
	}
	all.Wait()
	fmt.Println(good, "ok", last)
}
