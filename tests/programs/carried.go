// SPDX-License-Identifier: MIT
// carried.go COUNT URL - Go's own HTTP client: COUNT pages at once
// carried.go signal ADDRESS - a signal for the first thread, which waits in connect
// carried.go busy URL - garbage is collected while a page is on its way
// carried.go text NAME - what a lookup of its TXT records says
// carried.go records ZONE - what a name server says besides addresses; 40 at once
//
// Says "COUNT ok", or each error, and of the last one whom the connection is to.

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
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

func init() {
	runtime.LockOSThread() // main is the first thread's
}

func wait(address string) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		time.Sleep(300 * time.Millisecond)
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
		fmt.Println(<-signals)
		os.Exit(0)
	}()
	_, err := net.Dial("tcp", address)
	fmt.Println("not before", err)
}

func collect(url string) {
	over := make(chan error)
	go func() {
		_, err := fetch(url)
		over <- err
	}()
	for rounds := 0; ; rounds++ {
		select {
		case err := <-over:
			fmt.Println(err, rounds >= 3)
			return
		default:
			runtime.GC()
		}
	}
}

func records(zone string) {
	mail, err := net.LookupMX(zone)
	for _, record := range mail {
		fmt.Println(record.Pref, record.Host)
	}
	fmt.Println(err)
	_, services, err := net.LookupSRV("sip", "tcp", zone)
	fmt.Println(len(services), err)
	big, err := net.LookupTXT("big." + zone)
	fmt.Println(len(big), err)
	_, err = net.LookupTXT("absent." + zone)
	missing, _ := err.(*net.DNSError)
	fmt.Println(missing != nil && missing.IsNotFound)
	all := make(chan error)
	for i := 0; i < 40; i++ {
		go func() {
			_, err := net.LookupTXT(zone)
			all <- err
		}()
	}
	good := 0
	for i := 0; i < 40; i++ {
		if err := <-all; err == nil {
			good++
		} else {
			fmt.Println(err)
		}
	}
	fmt.Println(good, "at once")
}

func main() {
	switch os.Args[1] {
	case "signal":
		wait(os.Args[2])
		return
	case "busy":
		collect(os.Args[2])
		return
	case "text":
		fmt.Println(net.LookupTXT(os.Args[2]))
		return
	case "records":
		records(os.Args[2])
		return
	}
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
