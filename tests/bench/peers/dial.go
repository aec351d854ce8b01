// SPDX-License-Identifier: MPL-2.0

// dial MS HOST:PORT: prints "first MS", from net.Dialer's start to the first byte
// of a reply; nothing when that takes longer than the MS given.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		os.Exit(2)
	}
	patience, err := strconv.Atoi(os.Args[1])
	if err != nil {
		os.Exit(2)
	}
	// FallbackDelay 0 is the default, 300 ms.
	dialer := net.Dialer{}
	time.AfterFunc(time.Duration(patience)*time.Millisecond, func() { os.Exit(0) })
	start := time.Now()
	connection, err := dialer.Dial("tcp", os.Args[2])
	if err != nil {
		return
	}
	fmt.Fprint(connection, "GET / HTTP/1.0\r\n\r\n")
	if _, err = connection.Read(make([]byte, 1)); err != nil {
		return
	}
	fmt.Printf("first %.3f\n", float64(time.Since(start).Microseconds())/1000)
}
